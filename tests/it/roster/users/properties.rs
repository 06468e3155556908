//! Every order of what a chat service tells of a user's devices gives what
//! happened, and what is forgotten is not missed.

use std::time::Duration;

use headcount::{
    domain::{LeaveReason, Login, Logins, Logout, Profile, Time, UserEvent},
    reconcile::user::{User, UserRooms, UserView},
    reconcile::{EventOutcome, Member, Rules},
};
use proptest::{collection::vec, prelude::*};

use crate::common::{
    dice::in_every_order,
    in_process::follow::{devices, fold},
    properties::{any_logins, cases},
};

/// The service tells times in seconds.
const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Time {
    Time::from_millis((1_700_000_000 + seconds) * 1_000).unwrap()
}

fn rules(logins: Logins) -> Rules {
    Rules {
        logins,
        ..Rules::default()
    }
}

/// Things that happened, in their order. The sessions are numbered in it, so that
/// of two logins of one second the greater is the later.
#[derive(Clone, Debug, Default)]
struct History {
    now: u64,
    events: Vec<UserEvent>,
    /// The latest login of each session.
    logins: Vec<u64>,
}

impl History {
    fn login(&mut self, session: usize) {
        if session == self.logins.len() {
            self.logins.push(self.now);
        }
        self.logins[session] = self.now;
        self.events.push(UserEvent::Login(Login {
            user: "ann".into(),
            session: (&*(session + 1).to_string()).into(),
            at: Some(at(self.now)),
            profile: Profile {
                nickname: format!("name {:03}", self.events.len()).into(),
                ..Profile::default()
            },
            room_name: None,
            seq: None,
        }));
    }

    fn logout(&mut self, session: usize, is_named: bool, reason: LeaveReason) {
        self.events.push(UserEvent::Logout(Logout {
            user: "ann".into(),
            session: (&*(session + 1).to_string()).into(),
            login_at: is_named.then(|| at(self.logins[session])),
            at: Some(at(self.now)),
            reason,
            seq: None,
        }));
    }
}

/// Up to `acts` logins and logouts with these gaps in seconds. A session that logs
/// in again does so in a second of its own.
fn histories(
    acts: usize,
    gap: impl Strategy<Value = u64> + 'static,
) -> impl Strategy<Value = Vec<UserEvent>> {
    vec((gap, 0..8_u8, any::<prop::sample::Index>()), 1..=acts).prop_map(|acts| {
        let mut history = History::default();
        for (gap, choice, session) in acts {
            history.now += gap;
            let known = history.logins.len();
            match choice {
                0..=2 => history.login(known),
                _ if known == 0 => history.login(known),
                3 => {
                    history.now += 1;
                    history.login(session.index(known));
                    history.now += 1;
                }
                4 => history.logout(session.index(known), false, LeaveReason::Timeout),
                _ => history.logout(session.index(known), true, LeaveReason::Logout),
            }
        }
        history.events
    })
}

/// The visible state after all events in their true order.
fn expected(events: &[UserEvent], logins: Logins) -> UserView {
    let mut online: Vec<&Login> = Vec::new();
    let mut name = None;
    for event in events {
        match event {
            UserEvent::Login(login) => {
                let is_replaced =
                    |other: &&Login| logins == Logins::Exclusive || other.session == login.session;
                online.retain(|other| !is_replaced(other));
                online.push(login);
                name = Some((*login.profile.nickname).into());
            }
            UserEvent::Logout(logout) => online.retain(|other| other.session != logout.session),
        }
    }
    online.sort_by_key(|login| (login.at, login.session.clone()));
    UserView {
        name,
        devices: online.into_iter().map(Member::from).collect(),
        rooms: UserRooms::default(),
    }
}

fn time_of(event: &UserEvent) -> Time {
    match event {
        UserEvent::Login(login) => login.at.unwrap(),
        UserEvent::Logout(logout) => logout.at.unwrap(),
    }
}

fn last_at(events: &[UserEvent]) -> Time {
    events.iter().map(time_of).max().unwrap()
}

/// A user, with the copy of a watcher that is right at every step.
#[derive(Debug, Default)]
struct Watched {
    user: User,
    copy: UserView,
}

impl Watched {
    #[track_caller]
    fn receive(&mut self, event: &UserEvent, now: Time, rules: &Rules) {
        let EventOutcome::Applied(changes) = self.user.apply(event, now, rules) else {
            panic!("stale: {event:?}");
        };
        changes
            .iter()
            .for_each(|change| fold(&mut self.copy, change));
        assert_eq!(self.copy, self.user.view(UserRooms::default(), rules));
    }

    /// Forgets what is due until then. That must not change the visible state.
    #[track_caller]
    fn advance_to(&mut self, now: Time, rules: &Rules) {
        while let Some(due_at) = self.user.due_at(rules).filter(|due_at| *due_at <= now) {
            assert_eq!(self.user.tick(due_at, rules), []);
            assert!(self.user.due_at(rules).is_none_or(|next| next > due_at));
            if self.user.is_forgotten() {
                assert!(self.copy.devices.is_empty());
                self.copy.name = None;
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn every_order_gives_the_devices_that_are_online(
        history in histories(6, 0..3_u64),
        logins in any_logins(),
    ) {
        let (rules, now) = (rules(logins), last_at(&history));
        let expected = expected(&history, logins);
        in_every_order(&mut history.clone(), &mut |order| {
            let mut ann = Watched::default();
            order.iter().for_each(|event| ann.receive(event, now, &rules));
            assert_eq!(ann.copy, expected, "{order:#?}");
        });
    }

    #[test]
    fn shuffled_and_repeated_callbacks_give_the_devices_that_are_online(
        (history, told) in histories(40, 0..3_u64).prop_flat_map(|history| {
            let twice = [&history[..], &history[..]].concat();
            (Just(history), Just(twice).prop_shuffle())
        }),
        logins in any_logins(),
    ) {
        let (rules, now) = (rules(logins), last_at(&history));
        let mut ann = Watched::default();
        told.iter().for_each(|event| ann.receive(event, now, &rules));
        prop_assert_eq!(ann.copy, expected(&history, logins));
    }

    #[test]
    fn a_device_that_is_online_is_never_forgotten_and_all_else_is(
        (history, delays) in histories(30, prop_oneof![0..3_u64, 60..3_000_u64])
            .prop_flat_map(|history| {
                let delays = vec((0..540_u64, 0..540_u64), history.len());
                (Just(history), delays)
            }),
        logins in any_logins(),
    ) {
        let rules = rules(logins);
        let mut journal: Vec<_> = history.iter().zip(&delays)
            .flat_map(|(event, (once, again))| [(event, *once), (event, *again)])
            .map(|(event, delay)| (time_of(event).saturating_add(SECOND * delay as u32), event))
            .collect();
        journal.sort_by_key(|(received_at, _)| *received_at);
        let mut ann = Watched::default();
        for (received_at, event) in &journal {
            ann.advance_to(*received_at, &rules);
            ann.receive(event, *received_at, &rules);
        }
        let expected = expected(&history, logins).devices;
        prop_assert_eq!(&ann.copy.devices, &expected);
        let quiet_at = journal.last().unwrap().0.saturating_add(SECOND * 100_000);
        ann.advance_to(quiet_at, &rules);
        prop_assert_eq!(&ann.copy.devices, &expected);
        prop_assert_eq!(ann.user.due_at(&rules), None);
        prop_assert_eq!(ann.user.is_forgotten(), expected.is_empty());
        for device in expected {
            let mut history = History { logins: vec![0], ..History::default() };
            history.now = (quiet_at.as_millis() / 1_000) - 1_700_000_000;
            history.logout(0, false, LeaveReason::Logout);
            let Some(UserEvent::Logout(mut logout)) = history.events.pop() else { unreachable!() };
            logout.session = device.session().into();
            ann.receive(&UserEvent::Logout(logout), quiet_at, &rules);
        }
        ann.advance_to(quiet_at.saturating_add(SECOND * 100_000), &rules);
        prop_assert!(ann.user.is_forgotten());
    }
}

#[test]
fn of_two_exclusive_logins_of_one_second_the_greater_session_is_online_and_its_logout_ends_both() {
    let rules = rules(Logins::Exclusive);
    let mut history = History::default();
    history.login(0);
    history.login(1);
    let mut logged_out = history.clone();
    logged_out.logout(1, true, LeaveReason::Logout);
    for (events, online) in [(history.events, vec!["2"]), (logged_out.events, vec![])] {
        in_every_order(&mut events.clone(), &mut |order| {
            let mut ann = Watched::default();
            order
                .iter()
                .for_each(|event| ann.receive(event, at(1), &rules));
            assert_eq!(devices(&ann.copy), online);
        });
    }
}
