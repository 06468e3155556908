//! The rooms of one app.

use std::{
    collections::BTreeSet,
    fmt,
    ops::Bound,
    sync::{Arc, atomic::AtomicUsize},
};

use parking_lot::RwLock;

use crate::{
    domain::{LeaveReason, RoomId},
    reconcile::{
        Member,
        room::{Room, RoomChange, RoomState, RoomSummary, RoomView},
    },
    roster::{
        feed::Weigh,
        subject::table::{Subject, Table},
        watch::{Place, Watched},
    },
};

/// Ids read from the index at a time, so that a long list does not hold up the
/// opening and closing of rooms.
const LIST_CHUNK: usize = 256;

pub(super) struct AppRooms {
    pub(super) table: Arc<Table<Room>>,
    /// The ids of the rooms that are open, in order. An index: it may be ahead
    /// of or behind a room for as long as one entry takes to apply.
    open: RwLock<BTreeSet<RoomId>>,
}

impl AppRooms {
    pub(super) fn new(account: Arc<AtomicUsize>) -> Self {
        Self {
            table: Arc::new(Table::new(account)),
            open: RwLock::default(),
        }
    }

    /// Notes whether a room is open.
    pub(super) fn index(&self, id: &RoomId, state: RoomState) {
        if state == RoomState::Open {
            self.open.write().insert(id.clone());
        } else {
            self.open.write().remove(id);
        }
    }

    /// The ids of open rooms, in order.
    pub(super) fn open<'a>(
        &'a self,
        prefix: &'a str,
        mut after: Option<RoomId>,
    ) -> impl Iterator<Item = RoomId> + 'a {
        let mut chunk = Vec::new().into_iter();
        std::iter::from_fn(move || {
            if chunk.len() == 0 {
                chunk = self.open_chunk(prefix, after.as_ref()).into_iter();
            }
            after = chunk.next();
            after.clone()
        })
        .fuse()
    }

    fn open_chunk(&self, prefix: &str, after: Option<&RoomId>) -> Vec<RoomId> {
        let from = match after {
            Some(after) if after.as_str() >= prefix => Bound::Excluded(after.as_str()),
            _ => Bound::Included(prefix),
        };
        let open = self.open.read();
        let ids = open.range::<str, _>((from, Bound::Unbounded));
        ids.take_while(|id| id.as_str().starts_with(prefix))
            .take(LIST_CHUNK)
            .cloned()
            .collect()
    }
}

impl fmt::Debug for AppRooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppRooms")
            .field("rooms", &self.table.len())
            .finish_non_exhaustive()
    }
}

impl Subject for Room {
    type Id = RoomId;
    type Change = RoomChange;

    // Its history goes with it: what happened to a room that was forgotten is
    // not to be resumed.
    fn is_vacant(&self, _has_history: bool) -> bool {
        self.is_forgotten()
    }

    fn evidence(&self) -> Self {
        self.clone()
    }
}

impl Watched for Room {
    type View = RoomView;

    fn look(&self, place: &Place<'_, Room>) -> RoomView {
        self.view(&place.roster.rules)
    }
}

/// What a message takes beyond its texts: tags, lengths, times.
const OVERHEAD: usize = 64;

impl Weigh for RoomChange {
    fn bytes(&self) -> usize {
        match self {
            Self::UserJoined(member) | Self::UserUpdated(member) => member_bytes(member),
            Self::UserLeft { member, .. } => member_bytes(member) + size_of::<LeaveReason>(),
            Self::RoomOpened(room) | Self::RoomUpdated(room) | Self::RoomClosed { room, .. } => {
                room_bytes(room)
            }
        }
    }
}

fn member_bytes(member: &Member) -> usize {
    OVERHEAD + member.text_bytes()
}

fn room_bytes(room: &RoomSummary) -> usize {
    OVERHEAD
        + room.incarnation.as_ref().map_or(0, |id| id.as_str().len())
        + room.name.as_ref().map_or(0, |name| name.len())
        + room
            .creator
            .as_ref()
            .map_or(0, |creator| creator.as_str().len())
}
