//! Checkpoints on one thread, while another applies entries and a third watches.

use std::{
    io, iter,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use headcount::{
    checkpoint,
    domain::{Decoded, LeaveReason, Login, Logins, Logout, Profile, RoomEvent, UserEvent},
    journal::Entry,
    roster::{Capture, Limits, Roster, SnapshotReason, Start, WatchEvent},
};

use super::replica::{Checkpoint, Replica, taken};
use crate::common::{
    dice::Dice,
    in_process::{APP, callback, life, tick},
};
use crate::reconcile::model::events::at;

const ENTRIES: usize = 1_000;
const ROOMS: u64 = 6;
const USERS: u64 = 400;

/// Events one after the other, in rooms of which some are so large that another thread updates
/// their users after a close.
fn journal(dice: &mut Dice) -> Vec<Entry> {
    let mut lives = [1; ROOMS as usize];
    let mut now = 0;
    let entries = iter::repeat_with(|| {
        now += 1 + dice.below(2_000) as i64;
        let room = dice.below(ROOMS);
        let next_life = &mut lives[room as usize];
        let room_life = life(&format!("c{room}"), &next_life.to_string());
        let choice = dice.below(12);
        let mut users = || {
            let (first, count) = (dice.below(USERS), 1 + dice.below(300));
            (first..first + count).map(|user| format!("u{}", user % USERS))
        };
        match choice {
            0 => {
                *next_life += 1;
                rooms(now, vec![room_life.closed(at(now))])
            }
            // Without a close of the one before.
            1 => {
                *next_life += 1;
                let next = life(&format!("c{room}"), &next_life.to_string());
                rooms(now, vec![next.created(at(now)), next.login("u1", at(now))])
            }
            2 => {
                now += 400_000;
                tick(at(now))
            }
            3..6 => rooms(
                now,
                users()
                    .map(|user| room_life.logout(&user, at(now)))
                    .collect(),
            ),
            6 => devices(
                now,
                users().take(5).map(|user| device(&user, now)).collect(),
            ),
            _ => rooms(
                now,
                users()
                    .map(|user| room_life.login(&user, at(now)))
                    .collect(),
            ),
        }
    });
    entries.take(ENTRIES).collect()
}

fn device(user: &str, now: i64) -> UserEvent {
    let (user, session) = (user.into(), "1".into());
    if now % 2 == 0 {
        return UserEvent::Logout(Logout {
            user,
            session,
            login_at: None,
            at: Some(at(now)),
            reason: LeaveReason::Logout,
            seq: None,
        });
    }
    UserEvent::Login(Login {
        user,
        session,
        at: Some(at(now)),
        profile: Profile::default(),
        room_name: None,
        seq: None,
    })
}

fn rooms(now: i64, events: Vec<RoomEvent>) -> Entry {
    callback(APP, at(now), Decoded::Room(events))
}

fn devices(now: i64, events: Vec<UserEvent>) -> Entry {
    callback(APP, at(now), Decoded::User(events))
}

/// Begins a capture as soon as one can begin.
fn begin(roster: &std::sync::Arc<Roster>) -> Capture {
    loop {
        if let Some(capture) = roster.begin_capture() {
            return capture;
        }
        thread::yield_now();
    }
}

/// Takes checkpoints until all entries are applied. Many entries are applied during each.
fn take_all(roster: &std::sync::Arc<Roster>, is_done: &AtomicBool) -> Vec<Checkpoint> {
    let mut checkpoints = Vec::new();
    while !is_done.load(Ordering::Acquire) {
        checkpoints.push(taken(begin(roster), |written| {
            let before = roster.applied();
            let waits = || roster.applied() == before && !is_done.load(Ordering::Acquire);
            while written % 4 == 0 && waits() {
                thread::yield_now();
            }
        }));
    }
    checkpoints
}

/// Begins and ends watches. A subject without evidence has a cell only while it is watched.
fn watch(roster: &std::sync::Arc<Roster>, is_done: &AtomicBool) {
    let mut dice = Dice(3);
    let mut watches = Vec::new();
    while !is_done.load(Ordering::Acquire) {
        let user = format!("u{}", dice.below(2 * USERS));
        let start = Start::Snapshot(SnapshotReason::Initial);
        watches.push(roster.watch_user(&APP.into(), &(&*user).into(), start));
        if watches.len() > 20 {
            watches.drain(..dice.below(20) as usize);
        }
        thread::yield_now();
    }
}

#[test]
fn a_checkpoint_that_is_taken_slowly_is_of_one_revision() {
    let journal = journal(&mut Dice(11));
    let Replica {
        roster,
        mut applier,
    } = Replica::new(&Limits::default(), Logins::Concurrent);
    let is_done = AtomicBool::new(false);
    let checkpoints = thread::scope(|scope| {
        let checkpoints = scope.spawn(|| take_all(&roster, &is_done));
        scope.spawn(|| watch(&roster, &is_done));
        for (revision, entry) in (1..).zip(&journal) {
            headcount::journal::Follower::apply(&mut applier, revision, entry);
            roster.trim_history(entry.received_at);
            thread::yield_now();
        }
        is_done.store(true, Ordering::Release);
        checkpoints.join().unwrap()
    });
    assert!(checkpoints.len() > 1, "{}", checkpoints.len());

    let mut replay = Replica::new(&Limits::default(), Logins::Concurrent);
    let mut checkpoints = checkpoints.iter().peekable();
    for revision in 0..=journal.len() as u64 {
        if let Some(entry) = (revision as usize)
            .checked_sub(1)
            .map(|last| &journal[last])
        {
            replay.apply(revision, entry);
        }
        while let Some(checkpoint) = checkpoints.next_if(|next| next.revision == revision) {
            assert_is_of(checkpoint, &replay);
        }
    }
    assert!(checkpoints.next().is_none());
}

#[track_caller]
fn assert_is_of(checkpoint: &Checkpoint, replay: &Replica) {
    let quiet = taken(begin(&replay.roster), |_| ());
    let state = super::wire::state(&quiet.records);
    assert_eq!(super::wire::state(&checkpoint.records), state);
    let restored = Replica::restored(&checkpoint.records, &Limits::default(), Logins::Concurrent);
    assert_eq!(restored.state(), state);
    assert_eq!(restored.due_at(), replay.due_at());
    for user in 0..USERS {
        let user = format!("u{user}");
        assert_eq!(restored.user(&user), replay.user(&user), "{user}");
    }
}

#[test]
fn a_checkpoint_that_fails_midway_leaves_nothing_behind() {
    let mut replica = Replica::new(&Limits::default(), Logins::Concurrent);
    let login =
        |millis: i64, user: &str| rooms(millis, vec![life("r", "1").login(user, at(millis))]);
    replica.apply(1, &login(0, "ann"));
    drop(replica.roster.begin_capture().unwrap());
    let mut records = 0;
    let capture = replica.roster.begin_capture().unwrap();
    let failed = checkpoint::write(capture, &mut |_| {
        records += 1;
        replica.apply(2, &login(1, "bob"));
        Err(io::Error::other("the disk is full"))
    });
    assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
    assert_eq!(records, 1);
    let checkpoint = replica.checkpoint();
    assert_eq!(checkpoint.revision, 2);
    let restored = Replica::restored(&checkpoint.records, &Limits::default(), Logins::Concurrent);
    assert_eq!(restored.room("r").members.len(), 2);
}

#[test]
fn a_checkpoint_waits_until_all_are_told_that_their_room_closed() {
    let mut replica = Replica::new(&Limits::default(), Logins::Concurrent);
    let users = (0..20_000).map(|user| life("r", "1").login(&user.to_string(), at(0)));
    replica.apply(1, &rooms(0, users.collect()));
    replica.apply(2, &rooms(1, vec![life("r", "1").closed(at(1))]));
    let capture = begin(&replica.roster);
    // Only the history keeps the users who were told.
    replica.roster.trim_history(at(3_600_000));
    assert_eq!(replica.roster.user_count(), 0);
    assert_eq!(capture.revision(), 2);
}

#[test]
fn what_is_forgotten_before_it_is_reached_is_in_the_checkpoint() {
    let mut replica = Replica::new(&Limits::default(), Logins::Concurrent);
    let events = vec![
        life("r", "1").login("ann", at(0)),
        life("r", "1").closed(at(1)),
    ];
    replica.apply(1, &rooms(0, events));
    replica.apply(2, &devices(1, vec![device("ann", 1)]));
    replica.apply(3, &devices(2, vec![device("ann", 2)]));
    let quiet = replica.state();
    let capture = replica.roster.begin_capture().unwrap();
    replica.apply(4, &tick(at(3_600_000)));
    replica.roster.trim_history(at(3_600_000));
    let left = replica.roster.room_count() + replica.roster.user_count();
    assert_eq!(left, 0, "nothing is left to go through");
    let checkpoint = taken(capture, |_| ());
    assert_eq!(super::wire::state(&checkpoint.records), quiet);
    assert_eq!((checkpoint.stats.rooms, checkpoint.stats.users), (1, 1));
}

#[test]
fn who_was_not_asked_for_is_not_resumed_over_a_restart() {
    let mut replica = Replica::new(&Limits::default(), Logins::Concurrent);
    // The history of all users is remembered only while the journal is replayed.
    replica.catch_up();
    let enters = |room, now| rooms(now, vec![life(room, "1").login("ann", at(now))]);
    replica.apply(1, &rooms(0, vec![life("c0", "1").login("bob", at(0))]));
    replica.apply(2, &enters("c1", 1));
    let Checkpoint { records, .. } = replica.checkpoint();
    let mut again = Replica::restored(&records, &Limits::default(), Logins::Concurrent);
    again.apply(3, &enters("c2", 2));
    let (app, ann) = (APP.into(), "ann".into());
    let watch = again.roster.watch_user(&app, &ann, Start::After(1));
    let step = watch.unwrap().try_next();
    let reason = SnapshotReason::ResumeExpired;
    assert!(
        matches!(&step, Some(WatchEvent::Snapshot { reason: given, .. }) if *given == reason),
        "{step:?}"
    );
}

#[test]
fn what_is_forgotten_later_expires_nobody_who_can_go_on() {
    let mut replica = Replica::new(&Limits::default(), Logins::Concurrent);
    let begins = |room, now| rooms(now, vec![life(room, "1").login("ann", at(now))]);
    replica.apply(1, &rooms(0, vec![life("gone", "1").closed(at(0))]));
    let capture = replica.roster.begin_capture().unwrap();
    let later = [begins("r", 1), tick(at(3_600_000))];
    for (revision, entry) in (2..).zip(&later) {
        replica.apply(revision, entry);
    }
    let Checkpoint { records, .. } = taken(capture, |_| ());
    let mut again = Replica::restored(&records, &Limits::default(), Logins::Concurrent);
    for (revision, entry) in (2..).zip(&later) {
        again.apply(revision, entry);
    }
    for Replica { roster, .. } in [replica, again] {
        let watch = roster.watch_room(&APP.into(), &"r".into(), Start::After(0));
        let step = watch.unwrap().try_next();
        assert!(matches!(step, Some(WatchEvent::Changes(_))), "{step:?}");
    }
}

#[test]
fn who_logs_in_again_while_the_journal_is_replayed_is_told_of_it() {
    let mut replica = Replica::new(&Limits::default(), Logins::Concurrent);
    replica.catch_up();
    let enters = |now| rooms(now, vec![life("c1", "1").login("ann", at(now))]);
    replica.apply(1, &enters(1));
    let Checkpoint { records, .. } = replica.checkpoint();
    let mut again = Replica::restored(&records, &Limits::default(), Logins::Concurrent);
    again.apply(2, &enters(2));
    let watch = again
        .roster
        .watch_user(&APP.into(), &"ann".into(), Start::After(1));
    let step = watch.unwrap().try_next();
    assert!(matches!(&step, Some(WatchEvent::Changes(_))), "{step:?}");
}
