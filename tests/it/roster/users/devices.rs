//! On which devices a user is online.

use headcount::{
    domain::{LeaveReason, Logins, Time, UserEvent},
    reconcile::user::{User, UserChange},
    reconcile::{EventOutcome, Rules},
};

use crate::common::in_process::follow::{Follower, devices, user};
use crate::common::in_process::{World, device};

pub(crate) fn login(session: &str, at: Time) -> UserEvent {
    device("ann", session).login_as("Ann", at)
}

pub(crate) fn logout(session: &str, at: Time) -> UserEvent {
    device("ann", session).logout(at)
}

#[test]
fn a_watcher_is_told_of_each_device_and_of_the_name() {
    let world = World::new();
    let mut ann = Follower::initial(&world, "ann");
    ann.catch_up();
    world.tell(|at| vec![login("1", at)]);
    assert!(matches!(
        &*ann.catch_up(),
        [UserChange::Renamed(_), UserChange::DeviceOnline(_)]
    ));
    world.tell(|at| vec![login("2", at)]);
    world.tell(|at| vec![logout("1", at)]);
    assert!(matches!(
        &*ann.catch_up(),
        [
            UserChange::DeviceOnline(_),
            UserChange::DeviceOffline {
                reason: LeaveReason::Logout,
                ..
            }
        ]
    ));
    assert_eq!(devices(&ann.copy), ["2"]);
    assert_eq!(ann.copy, user(&world, "ann"));
}

#[test]
fn a_device_is_no_room_and_a_room_no_device() {
    let world = World::new();
    world.tell(|at| vec![login("1", at)]);
    world.login("a", "ann");
    let ann = user(&world, "ann");
    assert_eq!((ann.devices.len(), ann.rooms.len()), (1, 1));
    world.tell(|at| vec![logout("1", at)]);
    let ann = user(&world, "ann");
    assert_eq!((ann.devices.len(), ann.rooms.len()), (0, 1));
}

#[test]
fn a_session_that_came_back_and_was_replaced_did_not_end_by_its_old_logout() {
    let rules = Rules {
        logins: Logins::Exclusive,
        ..Rules::default()
    };
    let second = |n: u64| Time::from_millis(1_700_000_000_000 + n * 1_000).unwrap();
    let mut ann = User::default();
    ann.apply(&login("1", second(0)), second(0), &rules);
    ann.apply(&logout("1", second(1)), second(1), &rules);
    ann.apply(&login("1", second(2)), second(2), &rules);
    let EventOutcome::Applied(changes) = ann.apply(&login("2", second(3)), second(3), &rules)
    else {
        panic!("it is in time");
    };
    assert!(
        matches!(
            &changes[..],
            [
                UserChange::DeviceOffline {
                    reason: LeaveReason::Superseded,
                    at: None,
                    ..
                },
                UserChange::DeviceOnline(_)
            ]
        ),
        "{changes:?}"
    );
}
