//! What one callback, or one tick, changes about a user is one update.

use std::time::Duration;

use headcount::{
    reconcile::user::UserChange,
    reconcile::{Rule, Rules},
    roster::{Limits, SnapshotReason, Start, WatchEvent},
};

use super::devices::{login, logout};
use crate::common::in_process::{World, life, room};

/// How many changes each update had that a watcher of a user was told of, while
/// something was `done`.
fn updates(world: &World, user: &str, done: impl FnOnce()) -> Vec<Vec<UserChange>> {
    let start = Start::Snapshot(SnapshotReason::Initial);
    let mut watch = world.watch_user(user, start);
    watch.try_next().expect("a snapshot");
    done();
    let mut told = Vec::new();
    while let Some(step) = watch.try_next() {
        let WatchEvent::Changes(updates) = step else {
            panic!("not an update: {step:?}");
        };
        told.extend(updates.iter().map(|it| it.changes.clone().unwrap()));
    }
    told
}

#[test]
fn several_events_of_a_user_in_one_callback() {
    let world = World::new();
    let told = updates(&world, "ann", || {
        world.tell(|at| vec![login("1", at), login("2", at), logout("1", at)]);
    });
    let [changes] = &*told else {
        panic!("not one update: {told:?}");
    };
    assert!(
        matches!(
            &**changes,
            [
                UserChange::Renamed(_),
                UserChange::DeviceOnline(_),
                UserChange::DeviceOnline(_),
                UserChange::DeviceOffline { .. },
            ]
        ),
        "{changes:?}"
    );
}

#[test]
fn several_rooms_in_one_callback() {
    let world = World::new();
    let told = updates(&world, "ann", || {
        world.send(|at| ["a", "b"].map(|id| room(id).login("ann", at)).into());
    });
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
}

#[test]
fn several_rooms_in_one_tick() {
    // A tick shows nothing of users by itself. Without this rule it does: of each
    // room the empty life is forgotten, and the one before it is seen again.
    let rules = Rules {
        without: Some(Rule::EarlierLivesGoToo),
        empty_room_ttl: Duration::from_secs(1),
        ..Rules::default()
    };
    let world = World::with(Limits::default(), rules);
    for id in ["a", "b"] {
        world.send(|at| vec![life(id, "1").login("ann", at)]);
    }
    world.pass(Duration::from_secs(1));
    for id in ["a", "b"] {
        world.send(|at| vec![life(id, "2").created(at)]);
    }
    world.pass(Duration::from_secs(2));
    let told = updates(&world, "ann", || {
        world.tick();
    });
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_room_entered_and_closed_in_one_callback() {
    let world = World::new();
    // So many that those who are not watched are told later.
    world.send(|at| {
        let users = 0..100;
        users.map(|n| room("a").login(&n.to_string(), at)).collect()
    });
    let told = updates(&world, "ann", || {
        world.send(|at| vec![room("a").login("ann", at), room("a").closed(at)]);
    });
    let [changes] = &*told else {
        panic!("not one update: {told:?}");
    };
    assert!(
        matches!(
            &**changes,
            [UserChange::RoomEntered { .. }, UserChange::RoomLeft { .. }]
        ),
        "{changes:?}"
    );
}
