//! The users of rooms as they were last asked for, encoded: a room that did not
//! change since is answered with the same bytes.

use std::collections::HashMap;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

use super::{convert::RoomRef, listing::Listed};
use crate::{
    domain::{AppName, RoomId},
    reconcile::room::Members,
};

/// Bytes of answers kept. Beyond it all are dropped, and made again as they are asked
/// for: a room of 10,000 takes about one megabyte.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Rooms with fewer users are answered as quickly from scratch.
const MEMBERS_MIN: usize = 64;

/// Encoded lists of users.
#[derive(Debug)]
pub(super) struct Answers {
    kept: Mutex<Kept>,
    drops: Counter,
}

#[derive(Debug, Default)]
struct Kept {
    by_room: HashMap<(AppName, RoomId), (Members, Listed)>,
    bytes: usize,
}

impl Answers {
    /// Counts in `drops` how often all were dropped, because they were too many.
    pub(super) fn new(drops: Counter) -> Self {
        Self {
            kept: Mutex::default(),
            drops,
        }
    }

    /// The first page of a room of these members, beside a head of this length: as it
    /// was kept, or else as `list` makes it.
    pub(super) fn get(
        &self,
        RoomRef { app, room }: &RoomRef,
        members: &Members,
        head_bytes: usize,
        list: impl FnOnce() -> Listed,
    ) -> Listed {
        if members.len() < MEMBERS_MIN {
            return list();
        }
        let key = (app.clone(), room.clone());
        if let Some((of, listed)) = self.kept.lock().by_room.get(&key)
            && of.is(members)
            && listed.fits(head_bytes)
        {
            return listed.clone();
        }
        // Not while others wait.
        let listed = list();
        let mut kept = self.kept.lock();
        kept.bytes += listed.users.len();
        if kept.bytes > BYTES_MAX {
            *kept = Kept::default();
            kept.bytes = listed.users.len();
            self.drops.inc();
        }
        let before = kept.by_room.insert(key, (members.clone(), listed.clone()));
        kept.bytes -= before.map_or(0, |(_, listed)| listed.users.len());
        listed
    }
}
