//! What a watcher that comes back is told.

use headcount::roster::{SnapshotReason, Start};

use crate::common::in_process::{Copy, Folded, World, heavy, room};

const EXPIRED: Folded = Folded::Snapshot(SnapshotReason::ResumeExpired);

/// A copy of a room as it is now, whose watch has ended.
#[track_caller]
fn copy_of(world: &World, room: &str) -> Copy {
    let mut copy = Copy::default();
    copy.catch_up(&mut world.watch(room));
    copy
}

/// Resumes a copy, and returns what it was told.
#[track_caller]
fn resume(world: &World, room: &str, copy: &mut Copy) -> Vec<Folded> {
    let told = copy.catch_up(&mut world.resume(room, copy.revision));
    copy.assert_equals(&world.view(room));
    told
}

#[test]
fn a_resume_tells_what_was_missed_and_no_more() {
    let world = World::small();
    world.login("r", "ann");
    let mut copy = copy_of(&world, "r");
    let missed = vec![world.login("r", "bob"), world.logout("r", "ann")];
    assert_eq!(resume(&world, "r", &mut copy), [Folded::Updates(missed)]);
}

#[test]
fn a_resume_that_missed_nothing_is_told_so_at_once() {
    let world = World::small();
    world.login("r", "ann");
    let mut copy = copy_of(&world, "r");
    assert_eq!(resume(&world, "r", &mut copy), [Folded::Progress]);
    let elsewhere = world.login("other", "ann");
    assert_eq!(resume(&world, "r", &mut copy), [Folded::Progress]);
    assert_eq!(copy.revision, elsewhere);
}

#[test]
fn a_resume_from_just_before_what_is_remembered_expires() {
    let world = World::small();
    world.login("r", "ann");
    let mut on_the_edge = copy_of(&world, "r");
    let first = world.login("r", "0");
    let mut inside = copy_of(&world, "r");
    for n in 1..5 {
        world.login("r", &n.to_string());
    }
    assert_eq!(inside.revision, first);
    assert_eq!(resume(&world, "r", &mut on_the_edge), [EXPIRED]);
    let missed = (first + 1..=first + 4).collect();
    assert_eq!(resume(&world, "r", &mut inside), [Folded::Updates(missed)]);
}

#[test]
fn a_resume_across_a_change_that_is_too_large_is_a_snapshot() {
    let world = World::small();
    world.login("r", "ann");
    let mut copy = copy_of(&world, "r");
    world.send(|at| vec![room("r").login_as("bob", at, &heavy(2000))]);
    let replaced = Folded::Snapshot(SnapshotReason::Replaced);
    assert_eq!(resume(&world, "r", &mut copy), [replaced]);
}

#[test]
fn a_resume_from_before_the_room_existed_tells_of_its_opening() {
    let world = World::small();
    world.login("other", "ann");
    let mut copy = copy_of(&world, "r");
    let opened = world.login("r", "ann");
    assert_eq!(
        resume(&world, "r", &mut copy),
        [Folded::Updates(vec![opened])]
    );
    let mut from_the_start = Copy::default();
    assert_eq!(
        resume(&world, "r", &mut from_the_start),
        [Folded::Updates(vec![opened])]
    );
}

#[test]
fn a_resume_of_a_room_nobody_ever_entered_missed_nothing() {
    let world = World::small();
    world.login("other", "ann");
    let mut copy = copy_of(&world, "r");
    world.logout("other", "ann");
    assert_eq!(resume(&world, "r", &mut copy), [Folded::Progress]);
}

#[test]
fn a_resume_of_a_room_that_was_forgotten_expires() {
    let world = World::small();
    world.login("r", "ann");
    let mut copy = copy_of(&world, "r");
    let mut also = copy_of(&world, "r");
    world.logout("r", "ann");
    world.forget();
    assert_eq!(resume(&world, "r", &mut copy), [EXPIRED]);
    world.login("r", "bob");
    assert_eq!(resume(&world, "r", &mut also), [EXPIRED]);
}

#[test]
fn a_resume_from_after_the_forgetting_tells_of_the_next_life() {
    let world = World::small();
    world.login("r", "ann");
    world.logout("r", "ann");
    world.forget();
    let mut copy = copy_of(&world, "r");
    let opened = world.login("r", "bob");
    assert_eq!(
        resume(&world, "r", &mut copy),
        [Folded::Updates(vec![opened])]
    );
}

#[test]
fn a_watch_of_another_epoch_begins_with_a_snapshot_that_says_so() {
    let world = World::small();
    world.login("r", "ann");
    let start = Start::Snapshot(SnapshotReason::EpochChanged);
    let mut copy = Copy::default();
    let told = copy.catch_up(&mut world.start("r", start));
    assert_eq!(told, [Folded::Snapshot(SnapshotReason::EpochChanged)]);
    copy.assert_equals(&world.view("r"));
}
