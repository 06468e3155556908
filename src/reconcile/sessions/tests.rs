use std::time::Duration;

use proptest::prelude::*;

use crate::domain::{Profile, Role};

use super::*;

const SESSIONS: [&str; 3] = ["1", "2", ""];

/// Something that changes the sessions of one user.
#[derive(Clone, Debug)]
enum Operation {
    Login(SessionId, Option<Time>, Profile),
    Logout(Logout),
    EndThrough(Option<Time>),
    Forget(Time),
}

fn times() -> impl Strategy<Value = Option<Time>> {
    (0u64..6).prop_map(|seconds| Time::from_millis(seconds * 1000))
}

fn operations() -> impl Strategy<Value = Operation> {
    let ids = || prop::sample::select(&SESSIONS[..]).prop_map(SessionId::from);
    let nicknames = prop::sample::select(vec!["", "Ann"]);
    let reasons = prop::sample::select(vec![LeaveReason::Logout, LeaveReason::Kicked]);
    let login = (ids(), times(), nicknames).prop_map(|(id, at, nickname)| {
        let profile = Profile {
            nickname: nickname.into(),
            ..Profile::default()
        };
        Operation::Login(id, at, profile)
    });
    let logout = (ids(), times(), times(), reasons).prop_map(|(session, login_at, at, reason)| {
        Operation::Logout(Logout {
            user: "u".into(),
            session,
            login_at,
            at,
            reason,
            seq: None,
        })
    });
    prop_oneof![
        3 => login,
        2 => logout,
        1 => times().prop_map(Operation::EndThrough),
        1 => times().prop_map(|at| Operation::Forget(at.unwrap_or(Time::MIN))),
    ]
}

fn login(session: &SessionId, at: Option<Time>, profile: &Profile) -> Login {
    Login {
        user: "u".into(),
        session: session.clone(),
        at,
        profile: profile.clone(),
        room_name: None,
        seq: None,
    }
}

impl Operation {
    fn apply(&self, sessions: &mut Sessions, evidence_at: Time, rules: &Rules) {
        match self {
            Self::Login(id, at, profile) => {
                sessions.login(&login(id, *at, profile), evidence_at, rules);
            }
            Self::Logout(logout) => sessions.logout(logout, evidence_at, rules),
            Self::EndThrough(at) => sessions.end_through(*at),
            Self::Forget(now) => sessions.forget(*now, rules),
        }
    }
}

/// A session of which some is known, and some that contradicts the rest.
fn sessions() -> impl Strategy<Value = SessionEvidence> {
    let login = prop::option::of(0u64..3);
    let ended = prop::option::of((0u64..3, 0u64..3)).prop_map(|ended| {
        ended.map(|(through, at)| Ended {
            through: Time::from_millis(through),
            at: Time::from_millis(at),
            reason: LeaveReason::Kicked,
        })
    });
    (login, 0u64..3, ended, 1u64..3).prop_map(|(at, known_at, ended, evidence_at)| {
        let id = SessionId::from("1");
        let login = at.map(|at| {
            let profile = Profile {
                role: Role::Host,
                ..Profile::default()
            };
            Member::new(&"u".into(), &id, Time::from_millis(at), &profile)
        });
        SessionEvidence {
            id,
            login,
            login_known_at: Time::from_millis(known_at),
            ended,
            evidence_at: Time::from_millis(evidence_at).unwrap(),
        }
    })
}

/// All that is known of sessions.
fn evidence(sessions: &Sessions) -> Vec<SessionEvidence> {
    let owned = sessions.iter().map(|session| SessionEvidence {
        id: session.id().into(),
        login: session.login.cloned(),
        login_known_at: session.login_known_at,
        ended: session.ended,
        evidence_at: session.evidence_at,
    });
    owned.collect()
}

#[test]
fn one_login_takes_two_words() {
    assert_eq!(size_of::<Sessions>(), 2 * size_of::<usize>());
    let mut sessions = Sessions::default();
    let login = login(&"1".into(), None, &Profile::default());
    sessions.login(&login, Time::MIN, &Rules::default());
    assert!(matches!(sessions.0, SessionList::OneLogin { .. }));
}

#[test]
fn what_is_known_by_one_login_again_takes_as_little_again() {
    let rules = Rules::default();
    let at = Time::from_millis;
    let login = |id: &str, at| login(&id.into(), at, &Profile::default());
    let mut sessions = Sessions::default();
    sessions.login(&login("1", at(1)), Time::MIN, &rules);
    sessions.login(&login("2", at(2)), Time::MIN, &rules);
    assert!(matches!(sessions.0, SessionList::General(Some(_))));
    sessions.end_through(at(1));
    assert!(matches!(sessions.0, SessionList::OneLogin { .. }));
    sessions.login(&login("2", at(3)), Time::MIN, &rules);
    assert!(matches!(sessions.0, SessionList::OneLogin { .. }));
    sessions.end_through(at(3));
    assert_eq!((sessions.is_empty(), sessions.user()), (true, None));
}

proptest! {
    #[test]
    fn all_that_is_known_of_a_session_is_kept(session in sessions()) {
        let mut sessions = Sessions::default();
        prop_assert_eq!(sessions.restore(&"u".into(), session.clone()), Ok(()));
        prop_assert_eq!(evidence(&sessions), vec![session.clone()]);
        let again = sessions.restore(&"u".into(), session);
        prop_assert_eq!(again, Err(InvalidEvidence::DuplicateSession));
    }

    #[test]
    fn how_sessions_are_kept_makes_no_difference(
        operations in prop::collection::vec((operations(), 1u64..6), 1..12),
        logins in prop::sample::select(vec![Logins::Exclusive, Logins::Concurrent]),
    ) {
        let rules = Rules {
            logins,
            reorder_horizon: Duration::from_secs(1),
            ..Rules::default()
        };
        let (mut small, mut general) = (Sessions::default(), Sessions::default());
        for (operation, seconds) in operations {
            let evidence_at = Time::MIN.saturating_add(Duration::from_secs(seconds));
            operation.apply(&mut small, evidence_at, &rules);
            operation.apply(&mut general, evidence_at, &rules);
            general.0.generalize();
            prop_assert_eq!(small.user(), general.user());
            prop_assert_eq!(small.is_empty(), general.is_empty());
            prop_assert_eq!(small.present(&rules), general.present(&rules));
            prop_assert_eq!(small.live(&rules), general.live(&rules));
            prop_assert_eq!(small.due_at(&rules), general.due_at(&rules));
            prop_assert_eq!(evidence(&small), evidence(&general));
        }
    }
}
