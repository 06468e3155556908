//! All rooms: applied to by one writer, in the order of the journal, and read
//! and watched by any number.
//!
//! Applying and publishing are one step under a room's lock, and so are taking
//! a snapshot and subscribing. That is what makes a watch without a gap.

mod applier;
mod feed;
mod history;
mod reaper;
mod rooms;
mod schedule;
mod table;
mod watch;
mod watermark;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use prometheus_client::{metrics::counter::Counter, registry::Registry};

use crate::{
    event::{AppName, RoomId, Time},
    journal::{Epoch, Revision},
    room::{Room, RoomState, RoomSummary, RoomView, Rules},
};

use self::{history::History, rooms::AppRooms, watermark::Watermark};

pub use self::{
    applier::Applier,
    feed::{FeedLimits, Update, Weigh},
    table::Subject,
    watch::{SnapshotReason, Start, Step, Watch, Watched},
};

/// What the roster may hold.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What the history of one room may hold.
    pub feed: FeedLimits,
    /// How long a change is remembered.
    pub history_age_max: Duration,
    /// Bytes that all remembered changes may take.
    pub history_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            feed: FeedLimits {
                changes_max: 1024,
                // A quarter of gRPC's default message limit: an update is never
                // split, and a batch is sent as one message.
                update_bytes_max: 1024 * 1024,
            },
            history_age_max: Duration::from_secs(10 * 60),
            history_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// What happened to events and watches, for operators.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Events too far from their receipt to be applied.
    pub events_stale: Counter,
    /// Updates forgotten before their time, to stay within the bytes allowed.
    pub history_evictions: Counter,
}

/// All rooms of all apps.
#[derive(Debug)]
pub struct Roster {
    epoch: Epoch,
    rules: Rules,
    limits: Limits,
    apps: HashMap<AppName, AppRooms>,
    applied: Watermark,
    history: History,
    /// When something is next to be forgotten, in milliseconds; 0 if nothing is.
    due_at: AtomicU64,
    metrics: Metrics,
}

impl Roster {
    /// An empty roster of these apps, and the one who may write to it. `epoch`
    /// is that of the journal it is going to follow.
    pub fn new(
        epoch: Epoch,
        apps: impl IntoIterator<Item = AppName>,
        rules: Rules,
        limits: Limits,
    ) -> (Arc<Roster>, Applier) {
        let account = Arc::new(AtomicUsize::new(0));
        let apps = apps
            .into_iter()
            .map(|app| (app, AppRooms::new(Arc::clone(&account))));
        let roster = Arc::new(Roster {
            epoch,
            rules,
            apps: apps.collect(),
            applied: Watermark::default(),
            history: History::new(account),
            limits,
            due_at: AtomicU64::new(0),
            metrics: Metrics::default(),
        });
        (Arc::clone(&roster), Applier::new(roster))
    }

    /// The journal that revisions are of.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The names of all apps.
    pub fn apps(&self) -> impl ExactSizeIterator<Item = &AppName> {
        self.apps.keys()
    }

    /// The last revision applied.
    pub fn applied(&self) -> Revision {
        self.applied.get()
    }

    /// Waits until a revision is applied.
    pub async fn reached(&self, revision: Revision) {
        self.applied.reached(revision).await;
    }

    /// A room, and the revision that it is at: every callback up to it that
    /// touches the room is in the view. A room that is not known is empty.
    pub fn room(&self, app: &AppName, room: &RoomId) -> (Revision, RoomView) {
        // Read before the room: whatever was applied by then is in the room.
        let applied = self.applied();
        let hold = self.apps.get(app).and_then(|rooms| rooms.table.get(room));
        hold.map_or_else(
            || (applied, RoomView::default()),
            |hold| {
                let state = hold.cell().state.lock();
                (
                    applied.max(state.feed.revision()),
                    state.subject.view(&self.rules),
                )
            },
        )
    }

    /// The open rooms of an app whose id begins with `prefix`, in the byte order
    /// of their ids, those after `after` only.
    pub fn open_rooms<'a>(
        &'a self,
        app: &AppName,
        prefix: &'a str,
        after: Option<RoomId>,
    ) -> impl Iterator<Item = (RoomId, RoomSummary)> + 'a {
        let rooms = self.apps.get(app);
        let open = rooms
            .into_iter()
            .flat_map(move |rooms| rooms.open(prefix, after.clone()));
        open.filter_map(move |id| {
            let hold = rooms?.table.get(&id)?;
            let summary = hold.cell().state.lock().subject.summary(&self.rules);
            // It may have closed since the index was read.
            (summary.state == RoomState::Open).then_some((id, summary))
        })
    }

    /// Follows a room, whether it is known or not; `None` for an unknown app.
    pub fn watch_room(
        self: &Arc<Self>,
        app: &AppName,
        room: &RoomId,
        start: Start,
    ) -> Option<Watch<Room>> {
        let hold = self.apps.get(app)?.table.get_or_insert(room);
        Some(Watch::new(Arc::clone(self), hold, start))
    }

    /// Whether something is to be forgotten by now, which takes a tick in the
    /// journal.
    pub fn is_tick_due(&self, now: Time) -> bool {
        let due_at = self.due_at.load(Ordering::Acquire);
        due_at != 0 && due_at <= now.as_millis()
    }

    /// Forgets changes that are too old to be resumed from. Not part of the
    /// state, so it needs no entry in the journal.
    pub fn trim_history(&self, now: Time) {
        let evicted = self.history.trim(now, &self.limits);
        self.metrics.history_evictions.inc_by(evicted);
    }

    /// How many rooms anything is remembered of, or are watched.
    pub fn room_count(&self) -> usize {
        self.apps.values().map(|rooms| rooms.table.len()).sum()
    }

    /// What happened to events and watches.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl Metrics {
    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "events_stale",
            "Events too far from their receipt to be applied",
            self.events_stale.clone(),
        );
        registry.register(
            "history_evictions",
            "Updates forgotten before their time to stay within history_bytes_max",
            self.history_evictions.clone(),
        );
    }
}
