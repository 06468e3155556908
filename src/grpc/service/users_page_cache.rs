//! Keeps the encoded first pages of rooms that were queried, so that a room which has not
//! changed since is answered with the same bytes.
//!
//! A page is kept with the revision of the room's last change, and not with the members
//! that it lists: a large room that changes would otherwise be in memory twice.

use std::collections::HashMap;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

use crate::{
    domain::{AppName, RoomId},
    grpc::messages::{room::RoomRef, users_page::UsersPage},
    journal::Revision,
    roster::RoomAnswer,
};

/// The most bytes of pages that are kept. When there are more, all pages are dropped, and
/// each is made again when it is next asked for. The page of 10,000 users takes about one
/// megabyte.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The fewest members of a room whose page is kept. To make a smaller page takes no longer
/// than to find it here.
const MEMBERS_MIN: usize = 64;

/// The encoded first pages of rooms.
#[derive(Debug)]
pub(super) struct UsersPageCache {
    pages: Mutex<Pages>,
    drops: Counter,
}

#[derive(Debug, Default)]
struct Pages {
    by_room: HashMap<(AppName, RoomId), KeptPage>,
    bytes: usize,
}

#[derive(Debug)]
struct KeptPage {
    /// The last change of the room that the page shows. The page is valid until the room
    /// changes again.
    last_change: Revision,
    page: UsersPage,
}

impl UsersPageCache {
    /// Counts in `drops` how often all pages were dropped because they took too much.
    pub(super) fn new(drops: Counter) -> Self {
        Self {
            pages: Mutex::default(),
            drops,
        }
    }

    /// The first page of a room, for a response whose other fields take `head_bytes`. Calls
    /// `make` if no valid page is kept.
    pub(super) fn get_or_make(
        &self,
        RoomRef { app, room }: &RoomRef,
        answer: &RoomAnswer,
        head_bytes: usize,
        make: impl FnOnce() -> UsersPage,
    ) -> UsersPage {
        if answer.view.members.len() < MEMBERS_MIN {
            return make();
        }
        let key = (app.clone(), room.clone());
        if let Some(kept) = self.pages.lock().by_room.get(&key)
            && kept.last_change == answer.last_change
            && kept.page.fits(head_bytes)
        {
            return kept.page.clone();
        }
        // Made without the lock, so that no other call waits for it.
        let page = make();
        let kept = KeptPage {
            last_change: answer.last_change,
            page: page.clone(),
        };
        self.keep(key, kept);
        page
    }

    fn keep(&self, key: (AppName, RoomId), kept: KeptPage) {
        let length = kept.page.users.len();
        let mut pages = self.pages.lock();
        pages.bytes += length;
        if pages.bytes > BYTES_MAX {
            *pages = Pages::default();
            pages.bytes = length;
            self.drops.inc();
        }
        let before = pages.by_room.insert(key, kept);
        pages.bytes -= before.map_or(0, |before| before.page.users.len());
    }
}

#[cfg(test)]
mod tests;
