//! On which devices a user is online.

use headcount::{
    event::{LeaveReason, Login, Logout, Profile, Time, UserEvent},
    user::UserChange,
};

use crate::{
    follow::{Follower, devices, user},
    support::World,
};

fn login(session: &str, at: Time) -> UserEvent {
    UserEvent::Login(Login {
        user: "ann".into(),
        session: session.into(),
        at: Some(at),
        profile: Profile {
            nickname: "Ann".into(),
            platform: "WEB".into(),
            ..Profile::default()
        },
        room_name: None,
        seq: None,
    })
}

fn logout(session: &str, at: Time) -> UserEvent {
    UserEvent::Logout(Logout {
        user: "ann".into(),
        session: session.into(),
        login_at: None,
        at: Some(at),
        reason: LeaveReason::Logout,
        seq: None,
    })
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
