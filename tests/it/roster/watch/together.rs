//! What many watchers of one room share: what they are told, and what they wait for.

use std::{
    future::{pending, ready},
    sync::Arc,
    time::Duration,
};

use headcount::{
    reconcile::room::{Room, RoomChange},
    roster::{Batch, Ringer, Step, Watch},
};
use tokio::{
    task::{self, JoinSet},
    time::timeout,
};
use tokio_test::{assert_pending, assert_ready, task as test};

use crate::common::in_process::World;

/// How long what should take a moment may take.
const PATIENCE: Duration = Duration::from_secs(60);

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

fn ringer(watch: &mut Watch<Room>) -> Ringer<Room> {
    let mut rung = test::spawn(watch.rung(pending()));
    assert_ready!(rung.poll()).unwrap()
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
fn the_first_of_a_room_is_to_ring_and_a_ring_is_for_all() {
    let world = World::new();
    let [mut a, mut b, mut c] = [watch(&world), watch(&world), watch(&world)];
    let mut ringer = ringer(&mut a);
    let mut waiting = [&mut a, &mut b, &mut c].map(|watch| test::spawn(watch.rung(pending())));
    for watch in &mut waiting {
        assert_pending!(watch.poll());
    }
    ringer.ring();
    for watch in &mut waiting {
        assert!(watch.is_woken());
        assert!(assert_ready!(watch.poll()).is_none());
    }
    let mut elsewhere = world.watch("other");
    assert!(assert_ready!(test::spawn(elsewhere.rung(pending())).poll()).is_some());
}

#[test]
fn the_end_of_a_ringer_is_a_ring_and_somebody_else_is_to() {
    let world = World::new();
    let [mut a, mut b] = [watch(&world), watch(&world)];
    let first = ringer(&mut a);
    {
        let mut waiting = test::spawn(b.rung(pending()));
        assert_pending!(waiting.poll());
        drop(first);
        assert!(waiting.is_woken());
        assert!(assert_ready!(waiting.poll()).is_none());
    }
    ringer(&mut b);
}

#[test]
fn a_ringer_hears_of_each_change_that_it_did_not_ring_for() {
    let world = World::new();
    let mut watch = watch(&world);
    let mut ringer = ringer(&mut watch);
    for user in ["ann", "bob"] {
        {
            let mut news = test::spawn(ringer.news());
            assert_pending!(news.poll());
            world.login("other", user);
            assert!(!news.is_woken());
            world.login("r", user);
            assert!(news.is_woken());
            assert_ready!(news.poll());
        }
        assert_ready!(test::spawn(ringer.news()).poll());
        ringer.ring();
    }
}

#[test]
fn who_has_something_to_send_that_was_rung_for_asks_for_another_ring() {
    let world = World::new();
    let [mut a, mut late] = [watch(&world), watch(&world)];
    let mut ringer = ringer(&mut a);
    world.login("r", "ann");
    ringer.ring();
    updates(&mut a);
    let mut news = test::spawn(ringer.news());
    assert_pending!(news.poll());
    let mut up_to_date = test::spawn(a.rung(pending()));
    assert_pending!(up_to_date.poll());
    assert!(!news.is_woken());
    let mut waiting = test::spawn(late.rung(pending()));
    assert_pending!(waiting.poll());
    assert!(news.is_woken());
    assert_ready!(news.poll());
}

#[test]
fn a_ringer_learns_whether_anybody_waits() {
    let world = World::new();
    let mut watch = watch(&world);
    let mut ringer = ringer(&mut watch);
    assert!(ringer.ring(), "who is to ring came to wait");
    assert!(!ringer.ring());
    assert_pending!(test::spawn(watch.rung(pending())).poll());
    assert!(ringer.ring());
    assert!(!ringer.ring());
}

#[test]
fn who_waits_for_as_long_as_silence_lasts_has_progress_to_tell() {
    let world = World::new();
    let [mut a, mut b] = [watch(&world), watch(&world)];
    let _ringer = ringer(&mut a);
    {
        let mut waiting = test::spawn(b.rung(ready(())));
        assert!(assert_ready!(waiting.poll()).is_none());
    }
    assert!(matches!(b.try_next(), Some(Step::Progress { .. })));
}

/// Whoever is not woken would wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_that_waits_is_forgotten() {
    let world = World::new();
    let mut waiting = JoinSet::new();
    for _ in 0..16 {
        let mut watch = world.watch("r");
        waiting.spawn(async move {
            for _ in 0..2_000 {
                let ringer = watch.rung(pending()).await;
                task::yield_now().await;
                drop(ringer);
            }
        });
    }
    timeout(PATIENCE, waiting.join_all()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_waits_hears_of_every_change() {
    // As many as are remembered, so that nobody lags.
    const CHANGES: usize = 1_000;
    let world = World::new();
    let mut waiting = JoinSet::new();
    for _ in 0..8 {
        let mut watch = watch(&world);
        waiting.spawn(async move {
            let mut told = 0;
            while told < CHANGES {
                if let Some(ringer) = watch.rung(pending()).await {
                    tokio::spawn(ring(ringer));
                }
                match watch.try_next() {
                    Some(Step::Updates(updates)) => told += updates.len(),
                    None => {}
                    step => panic!("{step:?}"),
                }
            }
        });
    }
    for n in 0..CHANGES {
        world.login("r", &n.to_string());
        // Not so many that somebody is told of all at once.
        if n % 4 == 0 {
            task::yield_now().await;
        }
    }
    timeout(PATIENCE, waiting.join_all()).await.unwrap();
}

async fn ring(mut ringer: Ringer<Room>) {
    loop {
        ringer.news().await;
        task::yield_now().await;
        if !ringer.ring() {
            return;
        }
    }
}
