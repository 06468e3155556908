//! Pages of the users of rooms.
//!
//! The encoded first pages of rooms that were queried are kept, so that a room which has not
//! changed since is answered with the same bytes. A page is kept with the revision of the
//! room's last change, and not with the members that it lists: a large room that changes would
//! otherwise be in memory twice.
//!
//! A page that would exceed [`AnswerBytes`] is not made in advance: its pieces are made while
//! they are sent, from a snapshot of the room's members.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use tonic::Status;

use crate::{
    domain::{AppName, RoomId},
    grpc::{
        messages::{
            page::PAGE_BYTES_MAX, room::RoomRef, token::UsersToken, user_pieces::UserPieces,
        },
        metrics::GrpcMetrics,
    },
    journal::Revision,
    reconcile::room::MemberKey,
    roster::RoomAnswer,
};

use super::{
    answer_bytes::AnswerBytes,
    turns::{Turns, end_step},
};

/// The fewest members of a room whose page is kept. To make a smaller page takes no longer
/// than to find it here.
const MEMBERS_MIN: usize = 64;

/// The most members of a room whose page is made without waiting for a turn.
const LIGHT_MEMBERS_MAX: usize = 256;

/// Makes pages of rooms' users, and keeps some.
#[derive(Debug)]
pub(super) struct UsersPages {
    kept: Mutex<HashMap<(AppName, RoomId), KeptPage>>,
    bytes: AnswerBytes,
    turns: Turns,
    metrics: GrpcMetrics,
}

/// What a page begins after, and how long it may be.
#[derive(Clone, Debug)]
pub(super) struct PageRequest {
    pub(super) after: Option<MemberKey>,
    pub(super) users_max: usize,
    /// The bytes that the other fields of the answer take.
    pub(super) head_bytes: usize,
}

/// A page of a room's users.
#[derive(Clone, Debug)]
pub(super) struct UsersPage {
    pieces: PagePieces,
    /// The length of all pieces together.
    pub(super) bytes: usize,
    pub(super) next_page_token: String,
}

#[derive(Clone, Debug)]
enum PagePieces {
    Made(Arc<[Bytes]>),
    /// They are made when they are taken.
    Later(UserPieces),
}

#[derive(Debug)]
struct KeptPage {
    /// The last change of the room that the page shows. The page is valid until the room
    /// changes again.
    last_change: Revision,
    page: UsersPage,
}

impl PageRequest {
    /// Whether it is for all users that fit into an answer, from the first on. Only such pages
    /// are kept.
    fn is_whole(&self) -> bool {
        self.after.is_none() && self.users_max == usize::MAX
    }

    fn bytes_max(&self) -> usize {
        PAGE_BYTES_MAX.saturating_sub(self.head_bytes)
    }
}

impl UsersPage {
    /// Whether the pieces are made when they are taken.
    pub(super) fn is_made_late(&self) -> bool {
        matches!(self.pieces, PagePieces::Later(_))
    }

    /// The encoded field `users` of the answer, in pieces.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Bytes> + Send + use<> {
        let (made, later) = match self.pieces.clone() {
            PagePieces::Made(pieces) => (Some(pieces), None),
            PagePieces::Later(pieces) => (None, Some(pieces)),
        };
        let made = made.into_iter().flat_map(|pieces| {
            let numbers = 0..pieces.len();
            numbers.map(move |number| pieces[number].clone())
        });
        made.chain(later.into_iter().flatten())
    }
}

impl UsersPages {
    pub(super) fn new(bytes: AnswerBytes, turns: Turns, metrics: GrpcMetrics) -> Self {
        Self {
            kept: Mutex::default(),
            bytes,
            turns,
            metrics,
        }
    }

    /// A page of a room.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if the page is long and too many are being made.
    pub(super) async fn page(
        &self,
        room: &RoomRef,
        answer: &RoomAnswer,
        request: PageRequest,
    ) -> Result<UsersPage, Status> {
        let members = answer.view.members.len();
        let is_kept = request.is_whole() && members >= MEMBERS_MIN;
        let find = || is_kept.then(|| self.find(room, answer, &request)).flatten();
        if let Some(page) = find() {
            return Ok(page);
        }
        let _turn = match members {
            ..=LIGHT_MEMBERS_MAX => None,
            _ => Some(self.turns.take().await?),
        };
        // Another call may have made the page while this one waited.
        if let Some(page) = find() {
            return Ok(page);
        }
        let page = self.make(room, answer, request).await;
        if is_kept && !page.is_made_late() {
            let last_change = answer.last_change;
            let kept = KeptPage {
                last_change,
                page: page.clone(),
            };
            self.kept.lock().insert(key(room), kept);
        }
        Ok(page)
    }

    fn find(
        &self,
        room: &RoomRef,
        answer: &RoomAnswer,
        request: &PageRequest,
    ) -> Option<UsersPage> {
        let kept = self.kept.lock();
        let kept = kept.get(&key(room))?;
        let is_valid =
            kept.last_change == answer.last_change && kept.page.bytes <= request.bytes_max();
        is_valid.then(|| kept.page.clone())
    }

    /// Makes a page, in steps. Each piece is encoded to learn its length, and is not kept if
    /// there are too many bytes.
    async fn make(&self, room: &RoomRef, answer: &RoomAnswer, request: PageRequest) -> UsersPage {
        let view = &answer.view;
        let bytes_max = request.bytes_max();
        let PageRequest {
            after, users_max, ..
        } = request;
        let mut pieces = UserPieces::new(view.members.clone(), after, users_max, bytes_max);
        let again = pieces.clone();
        let (mut made, mut bytes) = (Some(Vec::new()), 0);
        for piece in pieces.by_ref() {
            if bytes > 0 {
                end_step().await;
            }
            bytes += piece.len();
            made = made.and_then(|mut made| {
                made.push(self.count(&piece)?);
                Some(made)
            });
        }
        if made.is_none() {
            self.metrics.answers_made_late.inc();
        }
        let after = pieces.continue_after();
        let next_page = after.zip(view.summary.incarnation.clone());
        let next_page = next_page.map(|(after, incarnation)| {
            UsersToken { incarnation, after }.encode(room.app.as_str(), room.room.as_str())
        });
        UsersPage {
            pieces: made.map_or(PagePieces::Later(again), |made| {
                PagePieces::Made(made.into())
            }),
            bytes,
            next_page_token: next_page.unwrap_or_default(),
        }
    }

    /// Counts bytes of any answer; `None` if there are too many. Before that, all pages that are
    /// kept are dropped: each is made again when it is next asked for.
    pub(super) fn count(&self, piece: &Bytes) -> Option<Bytes> {
        let counted = self.bytes.count(piece);
        if counted.is_some() {
            return counted;
        }
        let kept = std::mem::take(&mut *self.kept.lock());
        if !kept.is_empty() {
            self.metrics.answers_dropped.inc();
            drop(kept);
        }
        self.bytes.count(piece)
    }
}

fn key(RoomRef { app, room }: &RoomRef) -> (AppName, RoomId) {
    (app.clone(), room.clone())
}

#[cfg(test)]
mod tests;
