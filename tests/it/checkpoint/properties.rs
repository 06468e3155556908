//! Checkpoints at every revision of arbitrary journals, taken while the journal
//! goes on.

use headcount::{
    domain::Logins,
    journal::{Entry, Revision},
    roster::Limits,
};
use proptest::{prelude::*, sample::Index};

use crate::common::properties::{any_logins, cases};

use super::journal::{ROOMS, Ticks, USERS, journals, with_ticks};
use super::replica::{Checkpoint, Replica, short, taken};
use super::resume::{Pasts, assert_no_gap, assert_resumes};
use super::wire;

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![Just(Limits::default()), Just(short())]
}

fn ticks() -> impl Strategy<Value = Ticks> {
    prop_oneof![Just(Ticks::InOrder), Just(Ticks::Behind)]
}

/// Applies what comes after a revision.
fn apply_after(replica: &mut Replica, revision: Revision, journal: &[Entry]) {
    ask_for_all(replica);
    for (next, entry) in (1..).zip(journal).skip(revision as usize) {
        replica.apply(next, entry);
        replica.roster.trim_history(entry.received_at);
        ask_for_all(replica);
    }
}

#[track_caller]
fn assert_same(one: &Replica, other: &Replica) {
    assert_eq!(one.state(), other.state());
    assert_eq!(one.due_at(), other.due_at());
    assert_eq!(one.roster.footprint(), other.roster.footprint());
    for user in USERS {
        assert_eq!(one.user(user), other.user(user));
    }
    assert_eq!(one.open(), other.open());
    for room in ROOMS {
        let (one, other) = (one.room(room), other.room(room));
        assert_eq!(one.summary, other.summary);
        assert!(one.members.iter().eq(other.members.iter()));
        assert_eq!(one.members.digest(), other.members.digest());
        assert_eq!(one.members.user_count(), other.members.user_count());
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn a_checkpoint_of_what_was_restored_is_the_same_at_every_revision(
        entries in journals(),
        limits in limits(),
        logins in any_logins(),
        ticks in ticks(),
    ) {
        let journal = with_ticks(&entries, &limits, logins, ticks);
        let mut first = Replica::new(&limits, logins);
        for (revision, entry) in (1..).zip(&journal) {
            first.apply(revision, entry);
            first.roster.trim_history(entry.received_at);
            let Checkpoint { records, stats, .. } = first.checkpoint();
            prop_assert_eq!(records.len() as u64, stats.rooms + stats.users + 2);
            let second = Replica::restored(&records, &limits, logins);
            prop_assert_eq!(wire::sorted(&second.checkpoint().records), wire::sorted(&records));
            assert_same(&second, &first);
        }
    }

    #[test]
    fn a_roster_of_a_checkpoint_goes_on_as_the_first_and_is_resumed_without_a_gap(
        entries in journals(),
        limits in limits(),
        logins in any_logins(),
        ticks in ticks(),
        places in prop::collection::vec((any::<Index>(), 0..4_usize), 6),
    ) {
        let journal = with_ticks(&entries, &limits, logins, ticks);
        let mut pasts = Pasts::default();
        let mut first = Replica::new(&limits, logins);
        pasts.note(&first);
        for (revision, entry) in (1..).zip(&journal) {
            first.apply(revision, entry);
            first.roster.trim_history(entry.received_at);
            pasts.note(&first);
        }
        for (place, pace) in places {
            let revision = place.index(journal.len() + 1) as Revision;
            let checkpoint = taken_while_it_goes_on(&journal, revision, pace, &limits, logins);
            let mut second = Replica::restored(&checkpoint.records, &limits, logins);
            apply_after(&mut second, revision, &journal);
            assert_same(&second, &first);
            match ticks {
                Ticks::InOrder => assert_resumes(&second, &first, &pasts, &checkpoint),
                Ticks::Behind => assert_no_gap(&second, &pasts),
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn who_is_hardly_ever_asked_for_is_not_resumed_over_what_nobody_remembers(
        entries in journals(),
        limits in limits(),
        logins in any_logins(),
        ticks in ticks(),
        asked in prop::collection::vec((any::<Index>(), 0..USERS.len()), 0..12),
        place in any::<Index>(),
    ) {
        let journal = with_ticks(&entries, &limits, logins, ticks);
        let asked: Vec<_> = asked
            .into_iter()
            .map(|(at, user)| (at.index(journal.len() + 1) as Revision, USERS[user]))
            .collect();
        let mut pasts = Pasts::default();
        let mut first = Replica::new(&limits, logins);
        pasts.note(&first);
        // As in production: all users are remembered only while the journal is replayed.
        let mut second = Replica::new(&limits, logins);
        second.catch_up();
        let restart = place.index(journal.len() + 1) as Revision;
        for (revision, entry) in (1..).zip(&journal) {
            first.apply(revision, entry);
            pasts.note(&first);
            if revision == restart {
                let checkpoint = second.checkpoint();
                second = Replica::restored(&checkpoint.records, &limits, logins);
            }
            second.apply(revision, entry);
            second.roster.trim_history(entry.received_at);
            for (_, user) in asked.iter().filter(|(at, _)| *at == revision) {
                second.user(user);
            }
        }
        assert_no_gap(&second, &pasts);
    }
}

/// Asks for all rooms and users, as [`Pasts::note`] does: those are remembered for longer.
fn ask_for_all(replica: &Replica) {
    USERS.iter().for_each(|user| drop(replica.user(user)));
}

/// A checkpoint at a revision, during which after each record some entries are
/// applied.
fn taken_while_it_goes_on(
    journal: &[Entry],
    revision: Revision,
    pace: usize,
    limits: &Limits,
    logins: Logins,
) -> Checkpoint {
    let (before, after) = journal.split_at(revision as usize);
    let mut replica = Replica::new(limits, logins);
    apply_after(&mut replica, 0, before);
    let quiet = wire::state(&replica.checkpoint().records);

    let capture = replica.roster.begin_capture().unwrap();
    assert!(replica.roster.begin_capture().is_none(), "one at a time");
    let mut next = (revision + 1..).zip(after);
    let checkpoint = taken(capture, |_| {
        for (next, entry) in next.by_ref().take(pace) {
            replica.apply(next, entry);
            replica.roster.trim_history(entry.received_at);
        }
    });
    assert_eq!(checkpoint.revision, revision);
    assert_eq!(wire::state(&checkpoint.records), quiet);
    checkpoint
}
