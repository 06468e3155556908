//! The users of the chat: what the simulator calls true of them is what the rules
//! decide.

use crate::{
    domain::{Decoded, Logins},
    reconcile::user::User,
};

use super::{reconcile::Reconciled, *};
use crate::simulate::truth::{TrueDevice, UserTruth};

impl Reconciled for User {
    fn place(about: SubjectIndex) -> Option<usize> {
        match about {
            SubjectIndex::User(place) => Some(place),
            SubjectIndex::Room(_) => None,
        }
    }

    fn count(world: &World) -> usize {
        world.users.len()
    }

    fn apply(&mut self, decoded: &Decoded, received_at: Time, rules: &Rules) {
        let Decoded::User(events) = decoded else {
            panic!("{decoded:?}");
        };
        for event in events {
            User::apply(self, event, received_at, rules);
        }
    }

    fn tick(&mut self, now: Time, rules: &Rules) {
        User::tick(self, now, rules);
    }
}

fn of_zim(shape: Shape) -> Shape {
    Shape {
        vendor: Some(VendorName::Zim),
        ..shape
    }
}

fn concurrent(shape: &Shape, without: Option<Rule>) -> Rules {
    Rules {
        logins: Logins::Concurrent,
        ..rules(shape, without)
    }
}

/// What is known of a user, in the words of the truth.
fn known(user: &User, rules: &Rules) -> UserTruth {
    let devices = user.online(rules).into_iter().map(|device| {
        let true_device = TrueDevice {
            platform: device.profile().platform.to_string(),
            login_time: device.login_at().map_or(0, Time::as_millis),
        };
        (device.session().as_str().to_owned(), true_device)
    });
    UserTruth {
        name: user.name().map_or_else(String::new, ToString::to_string),
        devices: devices.collect(),
        ..UserTruth::default()
    }
}

fn differing(history: &History, rules: &Rules) -> Vec<String> {
    let users: Vec<User> = history.reconcile(rules);
    let mut differing = Vec::new();
    for (user, true_user) in users.iter().zip(&history.world.users) {
        let (mut known, truth) = (known(user, rules), &true_user.truth);
        if history.shape.forgets.is_some() && user.is_forgotten() {
            known.name.clone_from(&truth.name);
        }
        if known.devices != truth.devices || known.name != truth.name {
            differing.push(format!("{known:#?}\ninstead of {truth:#?}"));
        }
    }
    differing
}

#[test]
fn the_rules_find_the_truth_of_users() {
    for seed in 0..4 {
        for shape in [at_once(seed), forgetting(seed)] {
            for shape in [of_zim(shape.clone()), shape] {
                let history = History::of::<User>(&shape);
                let found = differing(&history, &concurrent(&shape, None));
                if let Some(text) = found.first() {
                    panic!("seed {seed}: {} differ: {text}", found.len());
                }
            }
        }
    }
}

/// The rules about sessions and about forgetting are those of users too.
#[test]
fn users_need_their_rules() {
    let at_once = History::of::<User>(&of_zim(at_once(1)));
    let forgetting = History::of::<User>(&of_zim(forgetting(1)));
    for (rule, history) in [
        (Rule::LatestLoginCounts, &at_once),
        (Rule::LogoutsLeaveTombstones, &at_once),
        (Rule::LogoutsEndTheirLogin, &at_once),
        (Rule::LogoutsSpareTheirMillisecond, &at_once),
        (Rule::EndsAreFinal, &at_once),
        (Rule::LateEndsStillEnd, &forgetting),
        (Rule::EvidenceOutlivesHorizon, &forgetting),
        (Rule::PresentUsersStay, &forgetting),
    ] {
        let found = differing(history, &concurrent(&history.shape, Some(rule)));
        assert!(!found.is_empty(), "nothing notices {rule:?}");
    }
}

#[test]
fn only_concurrent_logins_are_several_devices() {
    let shape = of_zim(at_once(1));
    let exclusive = Rules {
        logins: Logins::Exclusive,
        ..concurrent(&shape, None)
    };
    let history = History::of::<User>(&shape);
    assert!(differing(&history, &exclusive).len() > shape.rooms / 2);
}

/// Users of the chat are in rooms of the same app, and their worlds have what
/// they are for.
#[test]
fn users_have_several_devices_and_are_in_rooms() {
    let world = World::make(&at_once(3));
    let truths = || world.users.iter().map(|user| &user.truth);
    assert!(truths().any(|truth| truth.devices.len() > 2));
    assert!(truths().any(|truth| truth.devices.is_empty()));
    assert!(truths().any(|truth| truth.rooms.len() > 1));
    let alone = World::make(&of_zim(at_once(3)));
    assert!(alone.rooms.is_empty());
    assert!(alone.users.iter().all(|user| user.truth.rooms.is_empty()));
}
