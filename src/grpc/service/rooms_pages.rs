//! Pages of the open rooms of an app.

use std::iter::Peekable;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use tonic::Status;

use crate::{
    domain::{AppName, RoomId},
    grpc::{
        messages::{
            outgoing::{FIELD_HEADER_BYTES_MAX, put_message},
            page::PAGE_BYTES_MAX,
            pieces::PIECE_BYTES,
            room::RoomRef,
        },
        metrics::GrpcMetrics,
        send_turns::SHORT_BYTES,
    },
    pb,
    roster::Roster,
};

use super::{
    turns::{Turns, end_step},
    users_pages::UsersPages,
};

/// The tag of the field of `ListRoomsResponse` that lists rooms.
const ROOMS_TAG: u32 = 1;

/// Makes pages of open rooms.
#[derive(Debug)]
pub(super) struct RoomsPages {
    turns: Turns,
    metrics: GrpcMetrics,
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
    pub(super) fn new(turns: Turns, metrics: GrpcMetrics) -> Self {
        Self { turns, metrics }
    }

    /// The open rooms whose ids begin with `prefix` and come after `after`: at most
    /// `rooms_max`. There are fewer if they would take too many bytes, or too many bytes of
    /// answers were not read yet, which `answers` counts.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if too many pages are being made.
    pub(super) async fn page(
        &self,
        answers: &UsersPages,
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
        loop {
            let is_first = page.pieces.is_empty();
            let piece_bytes = if is_first { SHORT_BYTES } else { PIECE_BYTES };
            let bytes_left = PAGE_BYTES_MAX - page.bytes;
            let Some(piece) = next_piece(&mut open, left, piece_bytes, bytes_left) else {
                break;
            };
            let bytes = match is_first {
                // It is short, so every stream may hold one.
                true => piece.bytes,
                false => {
                    let Some(counted) = answers.count(&piece.bytes) else {
                        self.metrics.answers_shortened.inc();
                        page.continue_after = last;
                        return Ok(page);
                    };
                    counted
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

/// Encodes the next rooms, as many as fit into a piece of `piece_bytes` and into what is left of
/// the page; one, if that is longer than a piece. `None` if there is no room, or none fits.
fn next_piece(
    open: &mut Peekable<impl Iterator<Item = (RoomId, pb::Room)>>,
    rooms_left: usize,
    piece_bytes: usize,
    bytes_left: usize,
) -> Option<Piece> {
    let (mut bytes, mut rooms, mut last) = (BytesMut::new(), 0, None);
    while let Some((room, message)) = open.next_if(|(_, message)| {
        let after = bytes.len() + message.encoded_len() + FIELD_HEADER_BYTES_MAX;
        rooms < rooms_left && after <= bytes_left && (rooms == 0 || after <= piece_bytes)
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
