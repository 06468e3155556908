use std::time::Duration;

use proptest::prelude::*;

use crate::domain::{Profile, Role};

use super::*;

const SESSIONS: [&str; 3] = ["1", "2", ""];

/// More than are searched one by one. Their order is not that in which they are used.
fn many_ids() -> Vec<String> {
    let numbers = (1..20).map(|n| (n * 7 % 20).to_string());
    numbers.chain((0..20).map(|n| format!("s{n}"))).collect()
}

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

fn operations(ids: Vec<String>) -> impl Strategy<Value = Operation> {
    let ids = || prop::sample::select(ids.clone()).prop_map(|id| SessionId::from(&*id));
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

fn few_ids() -> Vec<String> {
    SESSIONS.map(str::to_owned).into()
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

fn sorted_live<'a>(sessions: &'a Sessions, rules: &Rules) -> Vec<&'a Member> {
    let mut live = sessions.live(rules);
    live.sort_by(|a, b| a.session().cmp(&b.session()));
    live
}

#[test]
fn many_sessions_are_indexed_and_few_are_not() {
    let rules = Rules {
        logins: Logins::Concurrent,
        ..Rules::default()
    };
    let mut sessions = Sessions::default();
    let is_indexed = |sessions: &Sessions| format!("{:?}", sessions.0).contains("ManySessions");
    for session in 1..=17_u64 {
        assert!(!is_indexed(&sessions), "{session}");
        let at = Time::from_millis(session);
        let login = login(&(*session.to_string()).into(), at, &Profile::default());
        sessions.login(&login, Time::MIN, &rules);
    }
    assert!(is_indexed(&sessions));
    sessions.end_through(Time::from_millis(8));
    assert!(is_indexed(&sessions), "nine are left");
    sessions.end_through(Time::from_millis(9));
    assert!(!is_indexed(&sessions), "eight are left");
    assert_eq!((sessions.len(), sessions.live(&rules).len()), (8, 8));
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
        operations in prop::collection::vec((operations(few_ids()), 1u64..6), 1..12),
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

    #[test]
    fn an_index_finds_what_a_search_finds(
        operations in prop::collection::vec((operations(many_ids()), 1u64..6), 1..60),
        logins in prop::sample::select(vec![Logins::Exclusive, Logins::Concurrent]),
        without in prop::sample::select(vec![
            None,
            Some(Rule::PresentUsersStay),
            Some(Rule::AbsentUsersGoWhole),
            Some(Rule::LatestSessionDecides),
            Some(Rule::TiesGoToTheGreaterSession),
        ]),
    ) {
        let rules = Rules {
            logins,
            without,
            reorder_horizon: Duration::from_secs(1),
            evidence_grace: Duration::from_secs(1),
            ..Rules::default()
        };
        let (mut indexed, mut listed) = (Sessions::default(), Sessions::default());
        for (operation, seconds) in operations {
            let evidence_at = Time::MIN.saturating_add(Duration::from_secs(seconds));
            indexed.0.reform(true);
            operation.apply(&mut indexed, evidence_at, &rules);
            listed.0.reform(false);
            operation.apply(&mut listed, evidence_at, &rules);
            indexed.0.reform(true);
            listed.0.reform(false);
            prop_assert_eq!(evidence(&indexed), evidence(&listed));
            prop_assert_eq!(indexed.len(), listed.len());
            prop_assert_eq!(indexed.present(&rules), listed.present(&rules));
            prop_assert_eq!(sorted_live(&indexed, &rules), sorted_live(&listed, &rules));
            prop_assert_eq!(indexed.due_at(&rules), listed.due_at(&rules));
            prop_assert_eq!(indexed.ended(&rules), listed.ended(&rules));
            prop_assert_eq!(indexed.first_end(), listed.first_end());
            for at in 0..6 {
                let at = Time::from_millis(at * 1000);
                prop_assert_eq!(indexed.is_over_through(at), listed.is_over_through(at));
            }
            for id in many_ids() {
                let id = SessionId::from(&*id);
                prop_assert_eq!(indexed.knows(&id), listed.knows(&id));
                prop_assert_eq!(indexed.ended_of(id.borrowed()), listed.ended_of(id.borrowed()));
                prop_assert_eq!(indexed.present_by(&id, &rules), listed.present_by(&id, &rules));
            }
        }
    }
}
