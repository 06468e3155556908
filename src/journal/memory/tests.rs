use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use super::*;
use crate::{domain::Time, journal::Payload};

fn entry() -> Entry {
    Entry {
        received_at: Time::MIN,
        payload: Payload::Tick,
    }
}

/// Stops in the first entry until it is told to go on.
struct Slow {
    reached: Sender<()>,
    go_on: Receiver<()>,
}

impl Follower for Slow {
    fn apply(&mut self, revision: Revision, _entry: &Entry) {
        if revision == 1 {
            self.reached.send(()).unwrap();
            self.go_on.recv().unwrap();
        }
    }
}

type Appending<'j> = BoxFuture<'j, Result<Revision, AppendError>>;

/// Appends one entry and, while it is applied, so many others. Returns the first
/// appender's future, which has not been looked at yet, and theirs.
fn append_while_applying(
    journal: &MemoryJournal,
    others: usize,
) -> (Appending<'_>, Vec<Appending<'_>>) {
    let (reached, is_reached) = channel();
    let (go_on, wait) = channel();
    let follower = Slow {
        reached,
        go_on: wait,
    };
    journal.follow(0, Box::new(follower)).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| journal.append(entry()));
        is_reached.recv().unwrap();
        let mut others: Vec<_> = (0..others).map(|_| journal.append(entry())).collect();
        for other in &mut others {
            assert_eq!(other.now_or_never(), None, "the first is being applied");
        }
        go_on.send(()).unwrap();
        (first.join().unwrap(), others)
    })
}

fn answers(appending: Vec<Appending<'_>>) -> Vec<Option<Result<Revision, AppendError>>> {
    let answers = appending.into_iter().map(|it| it.now_or_never());
    answers.collect()
}

fn numbers(first: Revision, count: usize) -> Vec<Option<Result<Revision, AppendError>>> {
    (first..).take(count).map(|it| Some(Ok(it))).collect()
}

#[test]
fn what_comes_while_another_applies_is_left_to_that_one() {
    let journal = MemoryJournal::new();
    let (first, others) = append_while_applying(&journal, 3);
    assert_eq!(answers(others), numbers(2, 3));
    assert_eq!(first.now_or_never(), Some(Ok(1)));
}

#[tokio::test]
async fn what_is_too_much_for_one_turn_is_applied_in_the_next() {
    let journal = MemoryJournal::new();
    let (first, mut others) = append_while_applying(&journal, 2 * TURN_MAX);
    let later = others.split_off(TURN_MAX);
    assert_eq!(answers(others), numbers(2, TURN_MAX));
    assert_eq!(journal.queue.lock().left.len(), TURN_MAX);
    assert_eq!(first.await, Ok(1));
    let from = TURN_MAX as Revision + 2;
    assert_eq!(answers(later), numbers(from, TURN_MAX));
}

#[test]
fn what_is_left_of_a_turn_is_not_abandoned() {
    let journal = MemoryJournal::new();
    let (first, others) = append_while_applying(&journal, 5 * TURN_MAX);
    // As when the vendor hangs up.
    drop(first);
    assert_eq!(answers(others), numbers(2, 5 * TURN_MAX));
}

#[test]
fn a_follower_that_panics_does_not_keep_the_turn() {
    struct Panics;
    impl Follower for Panics {
        fn apply(&mut self, revision: Revision, _entry: &Entry) {
            assert!(revision != 1, "as it should");
        }
    }
    let journal = MemoryJournal::new();
    journal.follow(0, Box::new(Panics)).unwrap();
    let first = catch_unwind(AssertUnwindSafe(|| drop(journal.append(entry()))));
    assert!(first.is_err());
    assert_eq!(journal.append(entry()).now_or_never(), Some(Ok(2)));
}

#[test]
fn nothing_is_taken_before_it_is_followed() {
    let journal = MemoryJournal::new();
    let appended = journal.append(entry()).now_or_never();
    assert_eq!(appended, Some(Err(AppendError::NotFollowed)));
}

#[test]
fn what_is_left_to_a_follower_that_panics_is_given_up() {
    /// Panics in the first entry, once another is left.
    struct Panics(Slow);
    impl Follower for Panics {
        fn apply(&mut self, revision: Revision, entry: &Entry) {
            self.0.apply(revision, entry);
            assert!(revision != 1, "as it should");
        }
    }
    let journal = MemoryJournal::new();
    let (reached, is_reached) = channel();
    let (go_on, wait) = channel();
    let follower = Slow {
        reached,
        go_on: wait,
    };
    journal.follow(0, Box::new(Panics(follower))).unwrap();
    thread::scope(|scope| {
        let append = || catch_unwind(AssertUnwindSafe(|| drop(journal.append(entry()))));
        let first = scope.spawn(append);
        is_reached.recv().unwrap();
        let other = journal.append(entry());
        go_on.send(()).unwrap();
        assert!(first.join().unwrap().is_err());
        assert_eq!(other.now_or_never(), Some(Err(AppendError::Closed)));
    });
}
