//! How much is remembered, and what is forgotten first.

use std::time::Duration;

use headcount::{
    journal::Revision,
    reconcile::Rules,
    roster::{FeedLimits, Limits, WatchEvent},
};

use crate::common::in_process::{World, heavy, room, small_limits};

/// Whether a watcher at `after` can still be told what it missed.
fn is_remembered(world: &World, room: &str, after: Revision) -> bool {
    let step = world.resume(room, after).try_next();
    !matches!(step, Some(WatchEvent::Snapshot { .. }) | None)
}

/// Limits under which about `updates` of a kilobyte are remembered in all.
fn limits(updates: usize) -> Limits {
    Limits {
        feed: FeedLimits {
            changes_max: 3,
            batch_bytes_max: 64 * 1024,
        },
        history_bytes_max: updates * 1300,
        ..small_limits()
    }
}

fn join(world: &World, room_id: &str, user: &str) -> Revision {
    world.send(|at| vec![room(room_id).login_as(user, at, &heavy(1000))])
}

#[test]
fn a_room_remembers_so_many_changes() {
    let world = World::small();
    let joins: Vec<_> = (0..6).map(|n| world.login("r", &n.to_string())).collect();
    // The first is two changes: the room opened, the user joined.
    assert!(!is_remembered(&world, "r", joins[0]));
    assert!(is_remembered(&world, "r", joins[1]));
}

#[test]
fn an_entry_of_more_changes_than_are_remembered_is_told_all_the_same() {
    let world = World::small();
    let before = world.tick();
    world.send(|at| {
        let users = ["a", "b", "c", "d", "e", "f"];
        users.map(|user| room("r").login(user, at)).to_vec()
    });
    assert!(is_remembered(&world, "r", before));
    let next = world.login("r", "g");
    assert!(!is_remembered(&world, "r", before));
    assert!(is_remembered(&world, "r", next - 1));
}

#[test]
fn changes_that_are_too_old_are_forgotten() {
    let world = World::small();
    let first = world.login("r", "ann");
    world.login("other", "ann");
    world.pass(Duration::from_secs(40));
    let second = world.login("r", "bob");
    world.roster.trim_history(world.now());
    assert!(is_remembered(&world, "r", first - 1));
    world.pass(Duration::from_secs(40));
    world.roster.trim_history(world.now());
    assert!(!is_remembered(&world, "r", first - 1));
    assert!(!is_remembered(&world, "other", first));
    assert!(is_remembered(&world, "r", second - 1));
    // Age is no shortage.
    assert_eq!(world.roster.metrics().history_evictions.get(), 0);
}

#[test]
fn what_all_rooms_remember_is_bounded_and_the_oldest_goes_first() {
    let world = World::with(limits(5), Rules::default());
    let joins: Vec<_> = ["a", "b", "c", "a", "b", "c", "a", "b"]
        .into_iter()
        .zip(0..)
        .map(|(id, n)| (id, join(&world, id, &n.to_string())))
        .collect();
    let remembered: Vec<_> = joins
        .iter()
        .map(|(room, revision)| is_remembered(&world, room, revision - 1))
        .collect();
    let first = remembered.iter().position(|&is| is).unwrap();
    assert!((2..=5).contains(&first), "{remembered:?}");
    assert!(remembered[first..].iter().all(|&is| is), "{remembered:?}");
    let evicted = world.roster.metrics().history_evictions.get();
    // Of the rooms, and of the users who joined them.
    assert!(
        evicted >= u64::try_from(first).unwrap(),
        "{evicted} {remembered:?}"
    );
}

#[test]
fn a_room_that_forgot_by_itself_is_not_taken_for_the_oldest() {
    let world = World::with(limits(6), Rules::default());
    // Busy forgets its own first changes: of it the last are remembered.
    join(&world, "busy", "0");
    let quiet = join(&world, "quiet", "ann");
    let busy: Vec<_> = (1..5)
        .map(|n| join(&world, "busy", &n.to_string()))
        .collect();
    let kept = busy[1] - 1;
    assert!(is_remembered(&world, "quiet", quiet - 1));
    assert!(is_remembered(&world, "busy", kept));
    while is_remembered(&world, "quiet", quiet - 1) {
        assert!(
            is_remembered(&world, "busy", kept),
            "the younger went first"
        );
        let last = join(&world, &world.now().as_millis().to_string(), "filler");
        assert!(last < 30, "nothing is ever forgotten");
    }
}

#[test]
fn a_watcher_behind_what_was_evicted_lags_even_in_a_quiet_room() {
    let world = World::with(limits(2), Rules::default());
    let mut watch = world.watch("quiet");
    watch.try_next();
    world.login("quiet", "ann");
    for n in 0..5 {
        join(&world, "busy", &n.to_string());
    }
    assert!(matches!(
        watch.try_next(),
        Some(WatchEvent::Snapshot { .. })
    ));
    assert!(watch.try_next().is_none());
}
