//! What a watcher that is there from the beginning is told.

use std::pin::pin;

use headcount::{
    reconcile::room::{RoomChange, RoomState},
    roster::{SnapshotReason, Start, WatchEvent},
};
use tokio_test::{assert_pending, assert_ready, task};

use crate::common::in_process::{Copy, Folded, World, heavy, life, room};

#[test]
fn a_watch_begins_with_a_snapshot_and_then_tells_every_change() {
    let world = World::new();
    let entered = world.login("r", "ann");
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    let initial = Folded::Snapshot(SnapshotReason::Initial);
    assert_eq!(copy.catch_up(&mut watch), [initial]);
    assert_eq!(copy.revision, entered);
    copy.assert_equals(&world.view("r"));

    let changes = [world.login("r", "bob"), world.logout("r", "ann")];
    assert_eq!(
        copy.catch_up(&mut watch),
        [Folded::Updates(changes.to_vec())]
    );
    assert_eq!(copy.users(), ["bob"]);
    copy.assert_equals(&world.view("r"));
}

#[test]
fn a_snapshot_is_as_of_the_last_revision_of_any_room() {
    let world = World::new();
    world.login("r", "ann");
    let elsewhere = world.login("other", "bob");
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    assert_eq!(copy.revision, elsewhere);
}

#[test]
fn nothing_is_told_of_what_changes_nothing() {
    let world = World::new();
    world.login("r", "ann");
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    let before = world.now();
    world.send(|_| vec![room("r").login("ann", before)]);
    world.logout("r", "nobody");
    world.login("other", "ann");
    world.tick();
    assert!(watch.try_next().is_none());
}

#[test]
fn changes_of_one_entry_arrive_together() {
    let world = World::small();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    world.send(|at| {
        let first = life("r", "1");
        vec![
            first.login("ann", at),
            first.login("bob", at),
            life("r", "2").created(at.saturating_add(std::time::Duration::from_secs(1))),
        ]
    });
    let Some(WatchEvent::Changes(updates)) = watch.try_next() else {
        panic!("no updates");
    };
    let [update] = &updates[..] else {
        panic!("more than one update: {updates:?}");
    };
    let kinds = update.changes.iter().flatten().map(|change| match change {
        RoomChange::RoomOpened(_) => "opened",
        RoomChange::RoomClosed { .. } => "closed",
        RoomChange::UserJoined(_) => "joined",
        _ => "other",
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, ["opened", "joined", "joined", "closed", "opened"]);
    copy.fold(WatchEvent::Changes(updates));
    copy.assert_equals(&world.view("r"));
    assert!(watch.try_next().is_none());
}

#[test]
fn a_batch_is_cut_between_entries_and_before_it_is_too_large() {
    let world = World::small();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    let join = |user: &str| world.send(|at| vec![room("r").login_as(user, at, &heavy(500))]);
    // Two take more than 1,024 bytes.
    let joins = [join("a"), join("b"), join("c")];
    let batches = joins.map(|revision| Folded::Updates(vec![revision]));
    assert_eq!(copy.catch_up(&mut watch), batches);
    copy.assert_equals(&world.view("r"));
}

#[test]
fn small_changes_that_wait_come_in_one_batch() {
    let world = World::new();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    let joins: Vec<_> = (0..100).map(|n| world.login("r", &n.to_string())).collect();
    assert_eq!(copy.catch_up(&mut watch), [Folded::Updates(joins)]);
}

#[test]
fn changes_that_are_too_many_at_once_are_replaced_by_a_snapshot() {
    let world = World::small();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    let small = world.login("r", "ann");
    let large = world.send(|at| vec![room("r").login_as("bob", at, &heavy(2000))]);
    let after = world.login("r", "cid");
    let steps = copy.catch_up(&mut watch);
    let replaced = Folded::Snapshot(SnapshotReason::Replaced);
    // The snapshot has what came after, too: that is not told again.
    assert_eq!(steps, [Folded::Updates(vec![small]), replaced]);
    assert!(large < after && copy.revision == after);
    copy.assert_equals(&world.view("r"));
}

#[test]
fn a_watcher_that_is_too_slow_gets_a_snapshot_instead_of_a_gap() {
    let world = World::small();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    // Opened and joined, and two more joined: four changes.
    for n in 0..3 {
        world.login("r", &n.to_string());
    }
    let Some(WatchEvent::Changes(kept)) = watch.try_next() else {
        panic!("four changes are remembered");
    };
    copy.fold(WatchEvent::Changes(kept));
    for n in 3..8 {
        world.login("r", &n.to_string());
    }
    let lagged = Folded::Snapshot(SnapshotReason::Lagged);
    assert_eq!(copy.catch_up(&mut watch), [lagged]);
    copy.assert_equals(&world.view("r"));
    let next = world.login("r", "after");
    assert_eq!(copy.catch_up(&mut watch), [Folded::Updates(vec![next])]);
}

#[test]
fn a_room_nobody_has_entered_can_be_watched_and_opens() {
    let world = World::new();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    assert_eq!(copy.state(), RoomState::Unknown);
    assert!(watch.try_next().is_none());
    world.login("r", "ann");
    copy.catch_up(&mut watch);
    assert_eq!((copy.state(), copy.users()), (RoomState::Open, vec!["ann"]));
    copy.assert_equals(&world.view("r"));
}

#[test]
fn a_watch_outlives_its_room_and_sees_the_next_life_open() {
    let world = World::new();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    world.login("r", "ann");
    world.logout("r", "ann");
    copy.catch_up(&mut watch);
    world.forget();
    let Some(step) = watch.try_next() else {
        panic!("nothing is told of the forgetting");
    };
    let WatchEvent::Changes(updates) = &step else {
        panic!("not told as a change: {step:?}");
    };
    let changes: Vec<_> = updates.iter().filter_map(|u| u.changes.as_ref()).collect();
    assert!(
        matches!(
            &changes[..],
            [c] if matches!(&c[..], [RoomChange::RoomClosed { reason: headcount::domain::CloseReason::Unknown, .. }])
        ),
        "{changes:?}"
    );
    copy.fold(step);
    assert_eq!(world.view("r").summary.state, RoomState::Unknown);
    copy.assert_equals(&world.view("r"));
    world.login("r", "bob");
    copy.catch_up(&mut watch);
    assert_eq!((copy.state(), copy.users()), (RoomState::Open, vec!["bob"]));
}

#[test]
fn nothing_is_told_of_the_forgetting_of_a_closed_room() {
    let world = World::new();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    world.login("r", "ann");
    world.close(&room("r"));
    copy.catch_up(&mut watch);
    world.forget();
    assert_eq!(world.view("r").summary.state, RoomState::Unknown);
    assert!(watch.try_next().is_none());
    copy.assert_equals(&world.view("r"));
}

#[test]
fn a_watch_of_an_app_that_is_not_configured_is_none() {
    let world = World::new();
    let start = Start::Snapshot(SnapshotReason::Initial);
    let (app, room) = ("other".into(), "r".into());
    assert!(world.roster.watch_room(&app, &room, start).is_none());
}

#[test]
fn a_change_wakes_a_watcher_that_waits() {
    let world = World::new();
    let mut watch = world.watch("r");
    watch.try_next();
    let mut next = task::spawn(watch.next(std::future::pending()));
    assert_pending!(next.poll());
    world.login("other", "ann");
    world.send(|at| vec![room("r").logout("nobody", at)]);
    assert!(!next.is_woken(), "woken by what is not visible");
    world.login("r", "ann");
    assert!(next.is_woken());
    assert!(matches!(assert_ready!(next.poll()), WatchEvent::Changes(_)));
}

#[test]
fn silence_ends_in_progress_at_the_last_revision_of_any_room() {
    let world = World::new();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    copy.catch_up(&mut watch);
    let elsewhere = world.login("other", "ann");
    let mut silence = pin!(async {});
    let mut next = task::spawn(watch.next(&mut silence));
    let step = assert_ready!(next.poll());
    assert_eq!(copy.fold(step), Folded::Progress);
    assert_eq!(copy.revision, elsewhere);
}

#[test]
fn a_step_that_is_given_up_while_it_waits_is_not_lost() {
    let world = World::new();
    let (mut watch, mut copy) = (world.watch("r"), Copy::default());
    {
        let mut next = task::spawn(watch.next(std::future::pending()));
        let step = assert_ready!(next.poll());
        copy.fold(step);
    }
    {
        let mut next = task::spawn(watch.next(std::future::pending()));
        assert_pending!(next.poll());
        world.login("r", "ann");
        assert!(next.is_woken());
    }
    copy.catch_up(&mut watch);
    copy.assert_equals(&world.view("r"));
}
