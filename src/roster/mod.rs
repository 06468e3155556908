//! All rooms and users. One writer changes them, in the order of the journal, and any number
//! of readers query and watch them.
//!
//! To apply an entry and to publish its changes is one step under a subject's lock. To take a
//! snapshot and to note its revision is one step under the same lock. Therefore a watch misses
//! no change.

mod apply;
mod capacity;
mod capture;
mod chain;
mod create;
mod entry_position;
mod journal_progress;
mod limits;
mod metrics;
mod rooms;
mod size;
mod subject;
mod users;
mod watermark;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use prometheus_client::registry::Registry;

use crate::{
    domain::{AppName, GaugeFn, RoomId, Time, UserId},
    journal::{Epoch, Revision},
    reconcile::Footprint,
    reconcile::room::{Room, RoomSummary},
    reconcile::user::{User, UserView},
};

use self::{
    chain::Chain,
    journal_progress::JournalProgress,
    rooms::Rooms,
    size::Size,
    subject::history_budget::HistoryBudget,
    users::{Users, WatchedUser, room_end_notifier::PendingRoomEnds},
};

pub(crate) use self::{
    capture::{Captured, Recorder},
    chain::ChainPoints,
    subject::feed::RecentChanges,
};

pub use self::{
    apply::Applier,
    capture::{Capture, Image},
    chain::ChainLink,
    limits::{CapacityLimits, Limit, Limits},
    metrics::Metrics,
    rooms::RoomAnswer,
    subject::{
        cell::Subject,
        entry_changes::{ChangeBatch, EntryChanges, EstimatedSize},
        feed::FeedLimits,
        shared_encodings::EncodingKey,
        watch::{ChangeSignal, Due, SnapshotReason, Start, Watch, WatchEvent, Watchable},
    },
};

/// All rooms and users of all apps.
#[derive(Debug)]
pub struct Roster {
    epoch: Epoch,
    chain: Chain,
    apps: HashMap<AppName, App>,
    progress: Arc<JournalProgress>,
    history: Arc<HistoryBudget>,
    /// When any subject next has something to forget, in milliseconds; 0 if none has.
    due_at: AtomicU64,
    pending_room_ends: Arc<PendingRoomEnds>,
    /// How many captures have begun so far.
    captures: AtomicU64,
    /// Whether a capture is under way.
    is_capturing: AtomicBool,
    size: Arc<Size>,
    capacity: CapacityLimits,
    metrics: Metrics,
}

/// A user with a page of the user's rooms.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// The revision that the view is at.
    pub revision: Revision,
    /// The user, with the rooms of the page only.
    pub view: UserView,
    /// The last room that the page had a place for, if more follow. The user may have left it.
    pub continue_after: Option<RoomId>,
}

/// The rooms and users of one app.
#[derive(Debug)]
struct App {
    rooms: Arc<Rooms>,
    users: Arc<Users>,
}

impl Roster {
    /// The epoch of the journal that the roster follows.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What is known of the journal up to a revision.
    pub fn chain(&self, revision: Revision) -> ChainLink {
        self.chain.at(revision)
    }

    /// The names of all apps.
    pub fn apps(&self) -> impl ExactSizeIterator<Item = &AppName> {
        self.apps.keys()
    }

    /// Whether every entry was applied as a whole. If not, because the code panicked on one, what
    /// was read before this was asked may be half of an entry.
    pub fn is_whole(&self) -> bool {
        !self.progress.is_broken()
    }

    /// The last revision applied.
    pub fn applied(&self) -> Revision {
        self.progress.applied()
    }

    /// Waits until a revision is applied.
    pub async fn reached(&self, revision: Revision) {
        self.progress.reached(revision).await;
    }

    /// A room. A room that is not known is empty.
    pub fn room(&self, app: &AppName, room: &RoomId) -> RoomAnswer {
        let rooms = self.apps.get(app).map(|app| &app.rooms);
        loop {
            // Read before the room, so that the room contains every entry up to this one.
            let applied = self.applied();
            if let Some(mut answer) = rooms.and_then(|rooms| rooms.answer(room)) {
                answer.revision = answer.revision.max(applied);
                return answer;
            }
            // If another entry was applied meanwhile, it may have made the room forgotten.
            if self.applied() == applied {
                return RoomAnswer {
                    revision: applied,
                    ..RoomAnswer::default()
                };
            }
        }
    }

    /// The open rooms of an app whose ids begin with `prefix` and come after `after`, in the
    /// byte order of their ids.
    pub fn open_rooms<'a>(
        &'a self,
        app: &AppName,
        prefix: &'a str,
        after: Option<RoomId>,
    ) -> impl Iterator<Item = (RoomId, RoomSummary)> + 'a {
        let rooms = self.apps.get(app).map(|app| &app.rooms);
        let open = rooms
            .into_iter()
            .flat_map(move |rooms| rooms.open_ids(prefix, after.clone()));
        // A room may have closed since the index was read.
        open.filter_map(move |id| rooms?.open_room(&id).map(|summary| (id, summary)))
    }

    /// Begins a watch of a room, which need not be known. `None` for an unknown app.
    pub fn watch_room(&self, app: &AppName, room: &RoomId, start: Start) -> Option<Watch<Room>> {
        let rooms = &self.apps.get(app)?.rooms;
        let hold = rooms.table().get_or_insert(room);
        let progress = Arc::clone(&self.progress);
        Some(Watch::new(progress, Arc::clone(rooms), hold, start))
    }

    /// A user, and the revision that the view is at. A user that is not known is offline and
    /// in no room.
    pub fn user(&self, app: &AppName, id: &UserId) -> (Revision, UserView) {
        let pause = self.progress.pause();
        let users = self.apps.get(app).map(|app| &app.users);
        let view = users.map(|users| users.query(id.borrowed(), pause.held()));
        (self.applied(), view.unwrap_or_default())
    }

    /// A user with a page of the user's rooms: those after `after`, at most `rooms_max`.
    pub fn user_page(
        &self,
        app: &AppName,
        id: &UserId,
        after: Option<&RoomId>,
        rooms_max: usize,
    ) -> UserPage {
        let pause = self.progress.pause();
        let users = self.apps.get(app).map(|app| &app.users);
        let page =
            users.map(|users| users.query_page(id.borrowed(), after, rooms_max, pause.held()));
        let (view, continue_after) = page.unwrap_or_default();
        UserPage {
            revision: self.applied(),
            view,
            continue_after,
        }
    }

    /// Begins a watch of a user, who need not be known. `None` for an unknown app.
    pub fn watch_user(&self, app: &AppName, user: &UserId, start: Start) -> Option<Watch<User>> {
        let users = &self.apps.get(app)?.users;
        let pause = self.progress.pause();
        let (watched, hold) = WatchedUser::begin(users, user, pause.held());
        let progress = Arc::clone(&self.progress);
        Some(Watch::new(progress, watched, hold, start))
    }

    /// The journal's time: that of the latest tick applied; `None` before the first.
    pub fn journal_time(&self) -> Option<Time> {
        self.progress.journal_time()
    }

    /// Whether a subject has something to forget by `now`. Then a tick has to be appended to
    /// the journal.
    pub fn is_tick_due(&self, now: Time) -> bool {
        let due_at = self.due_at.load(Ordering::Acquire);
        due_at != 0 && due_at <= now.as_millis()
    }

    /// Forgets changes that are too old to be resumed from. They are not part of the state, so
    /// this needs no entry in the journal.
    pub fn trim_history(&self, now: Time) {
        self.progress.note_now(now);
        self.trim(now);
    }

    fn trim(&self, now: Time) {
        let until = self.history.remembered_since(now);
        for app in self.apps.values() {
            app.users.trim(until);
        }
        let evicted = self.history.trim(now);
        self.metrics.history_evictions.inc_by(evicted);
    }

    /// Forgets the oldest changes, if all changes together take more bytes than the limit.
    fn trim_if_exceeded(&self) {
        if self.history.is_exceeded() {
            self.trim(self.progress.now());
        }
    }

    /// How many calls wait for a revision to be applied.
    pub fn waiting_count(&self) -> usize {
        self.progress.waiting()
    }

    /// How many rooms are remembered or watched.
    pub fn room_count(&self) -> usize {
        self.apps.values().map(|app| app.rooms.table().len()).sum()
    }

    /// The number of users who may be in rooms, plus the number of users who have devices, are
    /// watched or were queried recently. A user can count twice.
    pub fn user_count(&self) -> usize {
        self.apps.values().map(|app| app.users.count()).sum()
    }

    /// The rooms of an app that are remembered or watched, in no order.
    pub fn known_rooms(&self, app: &AppName) -> Vec<RoomId> {
        let rooms = self.apps.get(app).map(|app| app.rooms.table().cells());
        rooms.into_iter().flatten().map(|(id, _)| id).collect()
    }

    /// The users of an app who are remembered or watched, in no order.
    pub fn known_users(&self, app: &AppName) -> Vec<UserId> {
        let users = self.apps.get(app).map(|app| app.users.table().cells());
        users.into_iter().flatten().map(|(id, _)| id).collect()
    }

    /// How much evidence there is about all rooms and users, and what it takes.
    pub fn footprint(&self) -> Footprint {
        self.size.footprint()
    }

    /// Adds what the roster counts, and how far it is, to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
        let progress = Arc::clone(&self.progress);
        GaugeFn::register(
            registry,
            "revision",
            "The last entry of the journal that is applied",
            move || progress.applied() as f64,
        );
    }

    /// What the roster counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
