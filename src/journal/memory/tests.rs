use std::{
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

/// Applies the first entry only once it is told to go on.
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

/// Appends one entry and, while it is applied, this many others. Returns the future of the
/// first appender, which was not polled yet, and those of the others.
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
fn an_entry_is_queued_for_the_appender_that_applies() {
    let journal = MemoryJournal::new();
    let (first, others) = append_while_applying(&journal, 3);
    assert_eq!(answers(others), numbers(2, 3));
    assert_eq!(first.now_or_never(), Some(Ok(1)));
}

#[tokio::test]
async fn entries_beyond_the_limit_of_a_turn_are_applied_in_the_next() {
    let journal = MemoryJournal::new();
    let (first, mut others) = append_while_applying(&journal, 2 * TURN_MAX);
    let later = others.split_off(TURN_MAX);
    assert_eq!(answers(others), numbers(2, TURN_MAX));
    assert_eq!(journal.queue.lock().entries.len(), TURN_MAX);
    assert_eq!(first.await, Ok(1));
    let from = TURN_MAX as Revision + 2;
    assert_eq!(answers(later), numbers(from, TURN_MAX));
}

#[test]
fn entries_beyond_the_limit_are_applied_even_if_the_appender_goes_away() {
    let journal = MemoryJournal::new();
    let (first, others) = append_while_applying(&journal, 5 * TURN_MAX);
    // This happens when the vendor hangs up.
    drop(first);
    assert_eq!(answers(others), numbers(2, 5 * TURN_MAX));
}

#[test]
fn a_follower_that_panics_ends_the_journal() {
    struct Panics;
    impl Follower for Panics {
        fn apply(&mut self, revision: Revision, _entry: &Entry) {
            assert!(revision != 1, "as it should");
        }
    }
    let journal = MemoryJournal::new();
    let mut stopped = tokio_test::task::spawn(journal.stopped());
    tokio_test::assert_pending!(stopped.poll());
    journal.follow(0, Box::new(Panics)).unwrap();
    let unappliable = Unappliable {
        revision: 1,
        panic: "as it should".to_owned(),
    };
    // Nothing more is applied to what may be half done.
    for _ in 0..2 {
        let appended = journal.append(entry()).now_or_never();
        assert_eq!(appended, Some(Err(unappliable.clone().into())));
    }
    assert_eq!(journal.failure(), Some(unappliable.to_string()));
    assert!(stopped.is_woken());
    assert_eq!(tokio_test::assert_ready!(stopped.poll()), unappliable);
}

#[test]
fn an_append_fails_before_the_journal_is_followed() {
    let journal = MemoryJournal::new();
    let appended = journal.append(entry()).now_or_never();
    assert_eq!(appended, Some(Err(AppendError::NotFollowed)));
}

#[test]
fn entries_queued_for_a_follower_that_panics_fail() {
    /// Panics in the first entry, after another was queued.
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
        let first = scope.spawn(|| journal.append(entry()).now_or_never());
        is_reached.recv().unwrap();
        let other = journal.append(entry());
        go_on.send(()).unwrap();
        let panicked = first.join().unwrap();
        assert!(matches!(
            panicked,
            Some(Err(AppendError::Unappliable(Unappliable {
                revision: 1,
                ..
            })))
        ));
        assert_eq!(other.now_or_never(), panicked);
    });
}
