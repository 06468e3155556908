//! What many watchers of one room share: what they are told, and what they wait for.

use std::sync::Arc;

use headcount::{
    reconcile::room::{Room, RoomChange},
    roster::{ChangeBatch, Watch, WatchEvent},
};
use tokio_test::{assert_pending, assert_ready, task as test};

use crate::common::in_process::World;

/// A watch that was told what there is.
fn watch(world: &World) -> Watch<Room> {
    let mut watch = world.watch("r");
    assert!(matches!(
        watch.try_next(),
        Some(WatchEvent::Snapshot { .. })
    ));
    watch
}

fn updates(watch: &mut Watch<Room>) -> Arc<ChangeBatch<RoomChange>> {
    match watch.try_next() {
        Some(WatchEvent::Changes(updates)) => updates,
        step => panic!("{step:?}"),
    }
}

#[test]
fn watchers_at_one_revision_are_told_the_same() {
    let world = World::new();
    let mut watches = [watch(&world), watch(&world), watch(&world)];
    let [a, b, late] = &mut watches;
    let first = world.login("r", "ann");
    assert!(Arc::ptr_eq(&updates(a), &updates(b)));
    let second = world.login("r", "bob");
    let both = updates(late);
    let revisions = both.iter().map(|update| update.revision);
    assert!(revisions.eq([first, second]));
    let only = updates(a);
    assert_eq!(only.len(), 1);
    assert!(Arc::ptr_eq(&only, &updates(b)));
}

#[test]
fn what_was_told_is_not_told_as_it_was_after_another_change() {
    let world = World::new();
    let [mut a, mut b] = [watch(&world), watch(&world)];
    world.login("r", "ann");
    assert_eq!(updates(&mut a).len(), 1);
    world.login("r", "bob");
    assert_eq!(updates(&mut b).len(), 2);
}

#[test]
fn silence_is_told_as_progress() {
    let world = World::new();
    let mut watch = watch(&world);
    assert!(!watch.has_next());
    watch.request_progress();
    assert!(watch.has_next());
    assert!(matches!(
        watch.try_next(),
        Some(WatchEvent::Progress { .. })
    ));
}

#[test]
fn silence_does_not_take_the_place_of_a_snapshot_that_is_owed() {
    let world = World::new();
    let mut watch = world.watch("r");
    watch.request_progress();
    assert!(matches!(
        watch.try_next(),
        Some(WatchEvent::Snapshot { .. })
    ));
}

#[test]
fn a_change_of_a_subject_is_signalled_to_whoever_waits_for_many() {
    let world = World::new();
    let watch = watch(&world);
    let signal = watch.change_signal();
    let mut changed = test::spawn(signal.changed());
    assert_pending!(changed.poll());
    world.login("other", "ann");
    assert!(!changed.is_woken());
    let revision = world.login("r", "ann");
    assert!(changed.is_woken());
    assert_ready!(changed.poll());
    assert_eq!(signal.last_change(), revision);
}
