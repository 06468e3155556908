//! In which rooms a user is.

use std::time::Duration;

use headcount::{
    domain::{LeaveReason, RoomId},
    reconcile::user::UserChange,
    roster::Start,
};

use crate::common::in_process::follow::{Follower, rooms, user};
use crate::common::in_process::{APP, Life, World, life, room};

#[test]
fn a_user_is_in_the_rooms_that_were_entered_and_not_left() {
    let world = World::new();
    world.login("a", "ann");
    world.login("b", "ann");
    assert_eq!(rooms(&user(&world, "ann")), ["a", "b"]);
    world.logout("a", "ann");
    assert_eq!(rooms(&user(&world, "ann")), ["b"]);
    assert!(rooms(&user(&world, "bob")).is_empty());
    assert!(
        user(&world, "ann").devices.is_empty(),
        "a room is no device"
    );
}

#[test]
fn a_close_empties_the_rooms_of_all_who_were_in_it_watched_or_not() {
    let world = World::new();
    world.login("a", "ann");
    world.login("a", "bob");
    let mut ann = Follower::initial(&world, "ann");
    ann.catch_up();
    world.close(&room("a"));
    assert!(rooms(&user(&world, "bob")).is_empty());
    let changes = ann.catch_up();
    assert!(
        matches!(
            &*changes,
            [UserChange::RoomLeft {
                reason: LeaveReason::RoomClosed,
                ..
            }]
        ),
        "{changes:?}"
    );
    assert_eq!(ann.copy, user(&world, "ann"));
}

/// What watchers of ann and bob are told when lives of a room end in several ways, while
/// so many others are watched.
fn told_of_ends(others: u32) -> Vec<Vec<UserChange>> {
    let world = World::new();
    let others: Vec<_> = (0..others)
        .map(|n| Follower::initial(&world, &n.to_string()))
        .collect();
    let mut watched = ["ann", "bob"].map(|user| Follower::initial(&world, user));
    let mut told = Vec::new();
    let mut note = |watched: &mut [Follower]| {
        told.extend(watched.iter_mut().map(Follower::catch_up));
    };
    let pass = || world.pass(Duration::from_secs(1));
    note(&mut watched);
    // Closed, with one of them in it.
    world.login("closed", "ann");
    world.close(&room("closed"));
    note(&mut watched);
    // Superseded, while one of them enters the next life.
    world.send(|at| {
        ["ann", "bob"]
            .map(|user| room("next").login(user, at))
            .into()
    });
    pass();
    world.send(|at| vec![life("next", "2").login("bob", at)]);
    note(&mut watched);
    // Closed before one of them logged in, of which the close tells late.
    let only = life("only", "");
    world.send(|at| vec![only.login("ann", at)]);
    pass();
    let closed_at = world.now();
    pass();
    world.send(|at| vec![only.login("bob", at)]);
    world.send(|_| vec![only.closed(closed_at)]);
    note(&mut watched);
    // Entered and closed by one callback.
    world.send(|at| vec![room("once").login("ann", at), room("once").closed(at)]);
    note(&mut watched);
    drop(others);
    for (user, follower) in ["ann", "bob"].iter().zip(&watched) {
        let answer = world.roster.user(&APP.into(), &(*user).into()).1;
        assert_eq!(follower.copy, answer);
    }
    told
}

#[test]
fn a_watcher_is_told_of_the_same_ends_however_many_other_users_are_watched() {
    let told = told_of_ends(0);
    let leaves = told.iter().flatten();
    let leaves = leaves.filter(|change| matches!(change, UserChange::RoomLeft { .. }));
    assert_eq!(leaves.count(), 6);
    assert_eq!(told_of_ends(100), told);
}

#[test]
fn a_late_close_after_which_most_stay_is_told_to_who_left_alone() {
    let world = World::new();
    let only = life("only", "");
    world.send(|at| vec![only.login("ann", at)]);
    world.pass(Duration::from_secs(1));
    let closed_at = world.now();
    for user in ["bob", "cid"] {
        world.send(|at| vec![only.login(user, at)]);
    }
    let [mut ann, mut bob] = ["ann", "bob"].map(|user| Follower::initial(&world, user));
    ann.catch_up();
    bob.catch_up();
    world.send(|_| vec![only.closed(closed_at)]);
    let changes = ann.catch_up();
    let left_then = Some(closed_at);
    assert!(
        matches!(
            &*changes,
            [UserChange::RoomLeft { reason: LeaveReason::RoomClosed, at, .. }] if *at == left_then
        ),
        "{changes:?}"
    );
    assert_eq!(bob.catch_up(), [], "who stays is told nothing");
    assert_eq!(ann.copy, user(&world, "ann"));
    assert_eq!(bob.copy, user(&world, "bob"));
    assert!(ann.copy.rooms.is_empty());
}

#[test]
fn a_superseded_life_is_left_and_the_next_one_entered() {
    let world = World::new();
    world.login("a", "ann");
    let mut ann = Follower::initial(&world, "ann");
    ann.catch_up();
    world.pass(Duration::from_secs(1));
    world.send(|at| vec![life("a", "2").login("ann", at)]);
    let changes = ann.catch_up();
    assert!(
        matches!(
            &*changes,
            [
                UserChange::RoomLeft {
                    reason: LeaveReason::Superseded,
                    ..
                },
                UserChange::RoomEntered { .. }
            ]
        ),
        "{changes:?}"
    );
    assert_eq!(ann.copy, user(&world, "ann"));
}

#[test]
fn a_watch_resumes_with_what_it_missed() {
    let world = World::new();
    world.login("a", "ann");
    let mut ann = Follower::initial(&world, "ann");
    ann.catch_up();
    world.login("b", "ann");
    world.logout("a", "ann");
    world.login("c", "bob");
    let mut ann = ann.resume(&world, "ann");
    assert_eq!(ann.catch_up().len(), 2);
    assert_eq!(ann.copy, user(&world, "ann"));
    // Also when the user is in no room any more.
    let ann = {
        world.logout("b", "ann");
        let mut ann = ann.resume(&world, "ann");
        assert_eq!(ann.catch_up().len(), 1);
        ann
    };
    assert!(ann.copy.rooms.is_empty());
}

#[test]
fn a_close_that_a_user_was_not_told_of_is_not_resumed_over() {
    let world = World::new();
    world.login("a", "ann");
    let mut ann = Follower::initial(&world, "ann");
    ann.catch_up();
    let (revision, copy) = (ann.revision, ann.copy.clone());
    drop(ann);
    world.close(&room("a"));
    let mut ann = Follower::new(&world, "ann", headcount::roster::Start::After(revision));
    ann.copy = copy;
    ann.revision = revision;
    ann.catch_up();
    assert!(ann.copy.rooms.is_empty(), "by a snapshot");
}

#[test]
fn a_close_that_is_told_when_the_next_life_has_closed_too_is_not_resumed_over() {
    let world = World::new();
    let enter = |life: &Life, users: std::ops::Range<u32>| {
        world.send(|at| {
            let logins = users.map(|user| life.login(&user.to_string(), at));
            logins.chain([life.login("ann", at)]).collect()
        });
    };
    // The thread that updates users after a close is busy with these.
    enter(&room("large"), 1_000..30_000);
    let (one, other) = (life("a", "1"), life("a", "2"));
    enter(&one, 0..100);
    world.close(&room("large"));
    world.close(&one);
    enter(&other, 0..100);
    let mut ann = Follower::initial(&world, "ann");
    ann.catch_up();
    let (copy, revision) = (ann.copy.clone(), ann.revision);
    drop(ann);
    world.close(&other);
    while world.roster.begin_capture().is_none() {
        std::thread::yield_now();
    }
    let mut ann = Follower::new(&world, "ann", Start::After(revision));
    (ann.copy, ann.revision) = (copy, revision);
    ann.catch_up();
    assert!(ann.copy.rooms.is_empty(), "by a snapshot");
}

#[test]
fn a_page_leaves_out_a_room_whose_end_was_not_told_yet() {
    let world = World::new();
    let enter = |room: &Life, users: std::ops::Range<u32>| {
        world.send(|at| {
            let logins = users.map(|user| room.login(&user.to_string(), at));
            logins.chain([room.login("ann", at)]).collect()
        });
    };
    enter(&room("large"), 1_000..30_000);
    for id in ["a", "b", "c"] {
        enter(&room(id), 0..100);
    }
    // From here on her rooms are kept, and are not looked up again.
    assert_eq!(rooms(&user(&world, "ann")), ["a", "b", "c", "large"]);
    // The thread that tells users of a close is busy with these.
    world.close(&room("large"));
    world.close(&room("b"));
    let page =
        |after: Option<&RoomId>| world.roster.user_page(&APP.into(), &"ann".into(), after, 2);
    let first = page(None);
    assert_eq!(rooms(&first.view), ["a"]);
    let second = page(first.continue_after.as_ref());
    assert_eq!(rooms(&second.view), ["c"]);
    assert_eq!(second.continue_after, None);
}

#[test]
fn nothing_is_left_of_users_when_all_is_over() {
    let world = World::new();
    for n in 0..200 {
        world.login("a", &n.to_string());
    }
    drop(Follower::initial(&world, "nobody"));
    assert_eq!(world.roster.user_count(), 201, "one was asked for");
    for n in 0..100 {
        world.logout("a", &n.to_string());
    }
    world.close(&room("a"));
    world.forget();
    // The many are told by another thread.
    while world.roster.user_count() > 0 {
        world.roster.trim_history(world.now());
        std::thread::yield_now();
    }
}

#[test]
fn a_life_that_ended_untold_is_not_resumed_over_when_nothing_is_left_of_the_user() {
    let world = World::new();
    world.login("a", "ann");
    world.login("b", "ann");
    let supersede = |id| world.send(|at| vec![life(id, "2").created(at)]);
    world.pass(Duration::from_secs(1));
    let revision = supersede("b");
    let copy = user(&world, "ann");
    assert_eq!(rooms(&copy), ["a"]);
    supersede("a");
    // Finds out what ended, the latest first, and that nothing is left.
    drop(Follower::initial(&world, "ann"));
    let later = world.now().saturating_add(Duration::from_secs(660));
    world.roster.trim_history(later);
    assert_eq!(world.roster.user_count(), 0);
    let mut ann = Follower::new(&world, "ann", headcount::roster::Start::After(revision));
    (ann.copy, ann.revision) = (copy, revision);
    ann.catch_up();
    assert!(ann.copy.rooms.is_empty(), "by a snapshot");
}

#[test]
fn who_enters_a_room_whose_end_was_not_told_is_told_so_and_does_not_resume_over_it() {
    let world = World::new();
    world.login("a", "ann");
    let ann = user(&world, "ann");
    let before = world.roster.applied();
    world.pass(Duration::from_secs(1));
    world.send(|at| vec![life("a", "2").created(at)]);
    let between = world.roster.applied();
    assert!(rooms(&user(&world, "ann")).is_empty());
    let entered = world.send(|at| vec![life("a", "2").login("ann", at)]);
    let start = headcount::roster::Start::After(between);
    assert_eq!(Follower::new(&world, "ann", start).catch_up().len(), 1);
    let start = headcount::roster::Start::After(before);
    let mut late = Follower::new(&world, "ann", start);
    (late.copy, late.revision) = (ann, before);
    assert!(late.catch_up().is_empty(), "a snapshot");
    assert_eq!(late.revision, entered);
    assert_eq!(late.copy, user(&world, "ann"));
}
