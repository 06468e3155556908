//! The rooms of one app.

use std::{collections::BTreeSet, fmt, ops::Bound, sync::Arc};

use parking_lot::RwLock;

use crate::{
    domain::{LeaveReason, RoomId, Time, UserIdRef},
    journal::Revision,
    reconcile::{
        Footprint, Member, Rules,
        room::{Room, RoomChange, RoomState, RoomSummary, RoomView},
    },
    roster::{
        size::AppSize,
        subject::watch::Watchable,
        subject::{
            cell::Subject, entry_changes::EstimatedSize, history_budget::HistoryBudget,
            table::Table,
        },
    },
};

/// How many ids are read from the index while it is locked: to read a long list must not
/// delay rooms that open or close.
const LIST_CHUNK: usize = 256;

/// What the changes of a room take that are remembered, beside themselves: a list, and a place
/// among the feeds that remember something.
const KEPT: usize = 128;

/// What the roster knows of a room.
#[derive(Clone, Debug, Default)]
pub struct RoomAnswer {
    /// The revision that the view is at: it contains every callback up to this one that
    /// concerns the room.
    pub revision: Revision,
    /// The revision of the last visible change, or a later one if that is no longer remembered.
    /// Two answers about one room that have the same last change have the same members.
    pub last_change: Revision,
    /// What is visible of the room.
    pub view: RoomView,
}

/// The rooms of one app.
pub struct Rooms {
    table: Arc<Table<Room>>,
    rules: Rules,
    /// An index of the ids of open rooms, in order. While an entry is applied, it can differ
    /// from the rooms.
    open: RwLock<BTreeSet<RoomId>>,
}

impl Rooms {
    pub(crate) fn new(rules: Rules, history: &HistoryBudget, size: Arc<AppSize>) -> Self {
        Self {
            table: Arc::new(Table::new(
                history.feed_limits(),
                history.history_bytes(),
                size,
            )),
            rules,
            open: RwLock::default(),
        }
    }

    /// The rooms that are remembered or watched.
    pub(crate) fn table(&self) -> &Arc<Table<Room>> {
        &self.table
    }

    /// The rules of reconciliation for rooms.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// When a user who is in a room logged in: `None` if the user is not in the room,
    /// `Some(None)` if the time is not known.
    pub(crate) fn presence(&self, room: &RoomId, user: UserIdRef<'_>) -> Option<Option<Time>> {
        let hold = self.table.get(room)?;
        let state = hold.cell().state.lock();
        let member = state.subject.present(user.as_str(), &self.rules)?;
        Some(member.login_at())
    }

    /// Looks at a room, while it is locked. `None` if nothing of it is remembered.
    pub(crate) fn look<T>(&self, room: &RoomId, look: impl FnOnce(&Room) -> T) -> Option<T> {
        let hold = self.table.get(room)?;
        let state = hold.cell().state.lock();
        Some(look(&state.subject))
    }

    /// A revision at or after the last change of a room. `None` for a room of which nothing is
    /// remembered.
    pub(crate) fn changed_by(&self, room: &RoomId) -> Option<Revision> {
        let hold = self.table.get(room)?;
        let state = hold.cell().state.lock();
        // The feed of a room that was forgotten while it was watched begins at its floor.
        Some(state.feed.revision().max(state.feed.floor()))
    }

    /// A room, at the revision of the last entry that concerned it. `None` for a room of
    /// which nothing is remembered.
    pub(crate) fn answer(&self, room: &RoomId) -> Option<RoomAnswer> {
        let hold = self.table.get(room)?;
        let state = hold.cell().state.lock();
        Some(RoomAnswer {
            revision: state.feed.revision(),
            last_change: state.feed.last_change(),
            view: state.subject.view(&self.rules),
        })
    }

    /// The summary of a room, if the room is open.
    pub(crate) fn open_room(&self, room: &RoomId) -> Option<RoomSummary> {
        let hold = self.table.get(room)?;
        let summary = hold.cell().state.lock().subject.summary(&self.rules);
        (summary.state == RoomState::Open).then_some(summary)
    }

    /// Notes in the index whether a room is open.
    pub(crate) fn index(&self, id: &RoomId, state: RoomState) {
        if state == RoomState::Open {
            self.open.write().insert(id.clone());
        } else {
            self.open.write().remove(id);
        }
    }

    /// The ids of open rooms that begin with `prefix` and come after `after`, in order.
    pub(crate) fn open_ids<'a>(
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

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms")
            .field("rooms", &self.table.len())
            .finish_non_exhaustive()
    }
}

impl Subject for Room {
    type Id = RoomId;
    type Change = RoomChange;

    // The history of a forgotten room is dropped with it: its watches cannot be resumed.
    fn is_vacant(&self, _has_history: bool) -> bool {
        self.is_forgotten()
    }

    fn evidence(&self) -> Self {
        self.clone()
    }

    fn kept_bytes(_id: &RoomId) -> usize {
        KEPT
    }

    fn footprint(&self, id: &RoomId) -> Footprint {
        Room::footprint(self, id)
    }
}

impl Watchable for Room {
    type View = RoomView;
    type Source = Arc<Rooms>;
    type Pause<'a> = ();

    fn pause(_rooms: &Arc<Rooms>) {}

    fn snapshot(&self, rooms: &Arc<Rooms>, _pause: &()) -> RoomView {
        self.view(&rooms.rules)
    }
}

/// The estimated bytes of a message beside its texts: tags, lengths, times.
const OVERHEAD: usize = 64;

impl EstimatedSize for RoomChange {
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
