//! The journal's time, in a roster and in its checkpoints.

use headcount::{
    domain::{Decoded, Logins, Time},
    roster::Limits,
};

use super::replica::Replica;
use crate::common::in_process::{APP, callback, room, tick};

fn at(millis: u64) -> Time {
    Time::from_millis(1_700_000_000_000 + millis).unwrap()
}

/// A callback may be received by a clock that is a little ahead, and a tick may be of a replica
/// whose clock was.
#[test]
fn the_latest_tick_is_the_journals_time_and_nothing_else_moves_it() {
    let mut replica = Replica::new(&Limits::default(), Logins::Concurrent);
    let login = |millis| {
        let login = room("lobby").login("ann", at(millis));
        callback(APP, at(millis), Decoded::Room(vec![login]))
    };
    let steps = [
        (login(5_000), None),
        (tick(at(3_000)), Some(at(3_000))),
        (login(9_000), Some(at(3_000))),
        (tick(at(8_000)), Some(at(8_000))),
        (tick(at(7_000)), Some(at(7_000))),
        (login(1_000), Some(at(7_000))),
    ];
    for (revision, (entry, journal_time)) in (1..).zip(steps) {
        replica.apply(revision, &entry);
        assert_eq!(replica.roster.journal_time(), journal_time, "{revision}");
        let checkpoint = replica.checkpoint();
        let restored =
            Replica::restored(&checkpoint.records, &Limits::default(), Logins::Concurrent);
        assert_eq!(restored.roster.journal_time(), journal_time, "{revision}");
    }
}
