//! Keeps the encoded users of rooms that were asked for, so that a room which did not
//! change since is answered with the same bytes.

use std::collections::HashMap;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

use crate::{
    domain::{AppName, RoomId},
    grpc::messages::{room::RoomRef, users_page::UsersPage},
    reconcile::room::Members,
};

/// The most bytes of pages that are kept. When there are more, all are dropped, and made
/// again as they are asked for. The page of 10,000 users takes about one megabyte.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// A page of fewer users is made as quickly as it is found.
const MEMBERS_MIN: usize = 64;

/// The encoded first pages of rooms.
#[derive(Debug)]
pub(super) struct UsersPageCache {
    pages: Mutex<Pages>,
    drops: Counter,
}

#[derive(Debug, Default)]
struct Pages {
    by_room: HashMap<(AppName, RoomId), (Members, UsersPage)>,
    bytes: usize,
}

impl UsersPageCache {
    /// Counts in `drops` how often all pages were dropped because they took too much.
    pub(super) fn new(drops: Counter) -> Self {
        Self {
            pages: Mutex::default(),
            drops,
        }
    }

    /// The first page of a room of these members, for an answer whose other fields take
    /// `head_bytes`. Calls `make` if the page is not kept.
    pub(super) fn get_or_make(
        &self,
        RoomRef { app, room }: &RoomRef,
        members: &Members,
        head_bytes: usize,
        make: impl FnOnce() -> UsersPage,
    ) -> UsersPage {
        if members.len() < MEMBERS_MIN {
            return make();
        }
        let key = (app.clone(), room.clone());
        if let Some((of, page)) = self.pages.lock().by_room.get(&key)
            && of.is(members)
            && page.fits(head_bytes)
        {
            return page.clone();
        }
        // Made without the lock, so that no other call waits for it.
        let page = make();
        let mut pages = self.pages.lock();
        pages.bytes += page.users.len();
        if pages.bytes > BYTES_MAX {
            *pages = Pages::default();
            pages.bytes = page.users.len();
            self.drops.inc();
        }
        let before = pages.by_room.insert(key, (members.clone(), page.clone()));
        pages.bytes -= before.map_or(0, |(_, page)| page.users.len());
        page
    }
}
