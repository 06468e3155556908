//! Pages of the open rooms of an app.

use std::iter::Peekable;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use tonic::Status;

use crate::{
    domain::{AppName, RoomId},
    grpc::messages::{
        outgoing::{FIELD_HEADER_BYTES_MAX, put_message},
        page::PAGE_BYTES_MAX,
        pieces::PIECE_BYTES,
        room::RoomRef,
    },
    pb,
    roster::Roster,
};

use super::{
    answer_bytes::AnswerBytes,
    turns::{Turns, end_step},
};

/// The tag of the field of `ListRoomsResponse` that lists rooms.
const ROOMS_TAG: u32 = 1;

/// Makes pages of open rooms.
#[derive(Debug)]
pub(super) struct RoomsPages {
    bytes: AnswerBytes,
    turns: Turns,
}

/// A page of open rooms.
#[derive(Debug, Default)]
pub(super) struct RoomsPage {
    /// The encoded field `rooms` of the answer, in pieces.
    pub(super) pieces: Vec<Bytes>,
    /// The length of all pieces together.
    pub(super) bytes: usize,
    /// The last room of the page, if more follow.
    pub(super) continue_after: Option<RoomId>,
}

/// Some rooms, encoded.
struct Piece {
    bytes: Bytes,
    rooms: usize,
    last: RoomId,
}

impl RoomsPages {
    pub(super) fn new(bytes: AnswerBytes, turns: Turns) -> Self {
        Self { bytes, turns }
    }

    /// The open rooms whose ids begin with `prefix` and come after `after`: at most
    /// `rooms_max`. There are fewer if they would take too many bytes.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if too many pages are being made.
    pub(super) async fn page(
        &self,
        roster: &Roster,
        app: &AppName,
        prefix: &str,
        after: Option<RoomId>,
        rooms_max: usize,
    ) -> Result<RoomsPage, Status> {
        let _turn = self.turns.take().await?;
        let open = roster.open_rooms(app, prefix, after);
        let mut open = open
            .map(|(room, summary)| {
                let app = app.clone();
                let of_room = RoomRef {
                    app,
                    room: room.clone(),
                };
                (room, of_room.to_room(&summary))
            })
            .peekable();
        let (mut page, mut last, mut left) = (RoomsPage::default(), None, rooms_max);
        while let Some(piece) = next_piece(&mut open, left, PAGE_BYTES_MAX - page.bytes) {
            let bytes = match self.bytes.count(&piece.bytes) {
                Some(bytes) => bytes,
                // Each stream may hold one piece.
                None if page.pieces.is_empty() => piece.bytes,
                None => {
                    page.continue_after = last;
                    return Ok(page);
                }
            };
            page.bytes += bytes.len();
            page.pieces.push(bytes);
            left -= piece.rooms;
            last = Some(piece.last);
            end_step().await;
        }
        page.continue_after = last.filter(|_| open.peek().is_some());
        Ok(page)
    }
}

/// Encodes the next rooms, as many as fit into a piece and into what is left of the page.
/// `None` if there is no room, or none fits.
fn next_piece(
    open: &mut Peekable<impl Iterator<Item = (RoomId, pb::Room)>>,
    rooms_left: usize,
    bytes_left: usize,
) -> Option<Piece> {
    let (mut bytes, mut rooms, mut last) = (BytesMut::new(), 0, None);
    while let Some((room, message)) = open.next_if(|(_, message)| {
        let after = bytes.len() + message.encoded_len() + FIELD_HEADER_BYTES_MAX;
        rooms < rooms_left && after <= bytes_left && (rooms == 0 || after <= PIECE_BYTES)
    }) {
        put_message(ROOMS_TAG, &message, &mut bytes);
        rooms += 1;
        last = Some(room);
    }
    last.map(|last| Piece {
        bytes: bytes.freeze(),
        rooms,
        last,
    })
}
