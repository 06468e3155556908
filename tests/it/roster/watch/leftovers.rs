//! Nothing is left of reads and of watches that are over, and nothing is lost
//! between threads.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use headcount::{
    domain::RoomEvent,
    reconcile::{Rules, room::RoomState},
};

use tokio_test::block_on;

use crate::common::in_process::{APP, Copy, World, life, room, small_limits};

#[test]
fn a_read_of_an_unknown_room_leaves_nothing() {
    let world = World::new();
    let answer = world.roster.room(&APP.into(), &"r".into());
    let state = answer.view.summary.state;
    assert_eq!((answer.revision, state), (0, RoomState::Unknown));
    assert_eq!(world.roster.open_rooms(&APP.into(), "r", None).count(), 0);
    assert_eq!(world.roster.room_count(), 0);
}

#[test]
fn events_that_are_not_applied_leave_nothing() {
    let world = World::new();
    let long_ago = world.now();
    world.pass(Duration::from_secs(3600));
    world.send(|_| vec![room("r").login("ann", long_ago)]);
    assert_eq!(world.roster.metrics().events_stale.get(), 1);
    assert_eq!(world.roster.room_count(), 0);
}

#[test]
fn a_watch_that_ends_leaves_nothing() {
    let world = World::new();
    let watches: Vec<_> = (0..3).map(|_| world.watch("r")).collect();
    assert_eq!(world.roster.room_count(), 1);
    drop(watches);
    assert_eq!(world.roster.room_count(), 0);
    drop(world.resume("r", 7));
    assert_eq!(world.roster.room_count(), 0);
}

#[test]
fn a_room_is_kept_while_it_is_known_or_watched() {
    let world = World::new();
    let watch = world.watch("r");
    world.login("r", "ann");
    drop(watch);
    assert_eq!(world.roster.room_count(), 1);
    world.logout("r", "ann");
    let watch = world.watch("r");
    world.forget();
    assert_eq!(world.roster.room_count(), 1);
    drop(watch);
    assert_eq!(world.roster.room_count(), 0);
    world.login("r", "ann");
    world.logout("r", "ann");
    world.forget();
    assert_eq!(world.roster.room_count(), 0);
}

/// One life of a room that is over, and forgotten with the next tick.
fn short_life(at: headcount::domain::Time, id: &str) -> Vec<RoomEvent> {
    let life = life("r", id);
    vec![life.login("ann", at), life.closed(at)]
}

#[test]
fn no_change_is_lost_between_watches_that_come_and_go_and_a_room_that_does_too() {
    const ROUNDS: u32 = 3_000;
    let rules = Rules {
        reorder_horizon: Duration::ZERO,
        evidence_grace: Duration::ZERO,
        ..Rules::default()
    };
    let world = World::with(small_limits(), rules);
    let (done, start) = (AtomicBool::new(false), Barrier::new(3));
    thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for n in 0..ROUNDS {
                world.send(|at| short_life(at, &n.to_string()));
                world.tick();
                world.tick();
            }
            done.store(true, Ordering::Release);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                let mut copy = Copy::default();
                let mut watch = world.watch("r");
                while !done.load(Ordering::Acquire) {
                    copy.catch_up(&mut watch);
                    drop(watch);
                    watch = world.resume("r", copy.revision);
                }
                copy.catch_up(&mut watch);
                copy.assert_equals(&world.view("r"));
            });
        }
    });
    assert_eq!(world.view("r").summary.state, RoomState::Unknown);
    assert_eq!(world.roster.room_count(), 0, "cells were left behind");
    let mut watch = world.watch("r");
    let mut copy = Copy::default();
    copy.catch_up(&mut watch);
    world.login("r", "bob");
    copy.catch_up(&mut watch);
    assert_eq!(copy.users(), ["bob"]);
}

#[test]
fn a_watcher_that_sleeps_is_woken_by_every_change() {
    const ROUNDS: u32 = 20_000;
    let world = World::new();
    let (told, awaited) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut watch, mut copy) = (world.watch("r"), Copy::default());
            for _ in 0..=ROUNDS {
                copy.fold(block_on(watch.next(std::future::pending())));
                told.send(copy.revision).unwrap();
            }
        });
        let told = || awaited.recv_timeout(Duration::from_secs(5));
        told().expect("a snapshot");
        for _ in 0..ROUNDS {
            let revision = world.login("r", "ann");
            assert_eq!(told(), Ok(revision), "slept through a change");
        }
    });
}
