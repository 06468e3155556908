//! What many watchers of one room share: what they are told, and what they wait for.

use std::{
    future::{pending, ready},
    sync::Arc,
};

use headcount::room::{Room, RoomChange};
use headcount::roster::{Batch, Step, Watch};
use tokio_test::{assert_pending, assert_ready, task};

use crate::support::World;

/// A watch that was told what there is.
fn watch(world: &World) -> Watch<Room> {
    let mut watch = world.watch("r");
    assert!(matches!(watch.try_next(), Some(Step::Snapshot { .. })));
    watch
}

fn updates(watch: &mut Watch<Room>) -> Arc<Batch<RoomChange>> {
    match watch.try_next() {
        Some(Step::Updates(updates)) => updates,
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
    assert_eq!(
        both.iter()
            .map(|update| update.revision)
            .collect::<Vec<_>>(),
        [first, second]
    );
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
fn the_first_that_follows_leads_and_the_others_wait_until_it_has() {
    let world = World::new();
    let [mut first, mut second, mut elsewhere] =
        [world.watch("r"), world.watch("r"), world.watch("other")];
    let mut leading = task::spawn(first.follow(pending()));
    let lead = assert_ready!(leading.poll());
    assert!(lead.is_some());
    let mut following = task::spawn(second.follow(pending()));
    assert_pending!(following.poll());
    let mut leading_elsewhere = task::spawn(elsewhere.follow(pending()));
    assert!(assert_ready!(leading_elsewhere.poll()).is_some());

    drop(lead);
    assert!(following.is_woken());
    assert!(assert_ready!(following.poll()).is_none());
}

#[test]
fn a_lead_that_is_given_up_is_for_somebody_else() {
    let world = World::new();
    let [mut first, mut second] = [world.watch("r"), world.watch("r")];
    let mut leading = task::spawn(first.follow(pending()));
    drop(assert_ready!(leading.poll()));
    let mut following = task::spawn(second.follow(pending()));
    assert!(assert_ready!(following.poll()).is_some());
}

#[test]
fn who_follows_for_as_long_as_silence_lasts_has_progress_to_tell() {
    let world = World::new();
    let [mut first, mut second] = [watch(&world), watch(&world)];
    let mut leading = task::spawn(first.follow(pending()));
    let _lead = assert_ready!(leading.poll());
    {
        let mut following = task::spawn(second.follow(ready(())));
        assert!(assert_ready!(following.poll()).is_none());
    }
    assert!(matches!(second.try_next(), Some(Step::Progress { .. })));
}

/// Whoever is not woken would wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_that_follows_is_forgotten() {
    let world = World::new();
    let mut following = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let mut watch = world.watch("r");
        following.spawn(async move {
            for _ in 0..2_000 {
                let lead = watch.follow(pending()).await;
                tokio::task::yield_now().await;
                drop(lead);
            }
        });
    }
    following.join_all().await;
}
