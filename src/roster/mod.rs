//! All rooms and users: applied to by one writer, in the order of the journal,
//! and read and watched by any number.
//!
//! Applying and publishing are one step under a subject's lock, and so are taking
//! a snapshot and subscribing. That is what makes a watch without a gap.

mod apply;
mod checkpoint;
mod feed;
mod limits;
mod metrics;
mod rooms;
mod subject;
mod users;
mod watch;
mod watermark;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::RwLock;

use crate::{
    domain::{AppName, RoomId, Time, UserId},
    journal::{Epoch, Revision},
    reconcile::user::{User, UserView},
    reconcile::{
        Logins, Rules,
        room::{Room, RoomState, RoomSummary, RoomView},
    },
};

use self::{
    rooms::AppRooms, subject::history_budget::HistoryBudget, users::AppUsers, watermark::Watermark,
};

pub use self::{
    apply::Applier,
    checkpoint::{Capture, CaptureStats, Image, ImageError},
    feed::{Batch, Encoded, FeedLimits, Update, Weigh},
    limits::Limits,
    metrics::Metrics,
    subject::table::Subject,
    watch::{ChangeSignal, Place, SnapshotReason, Start, Watch, WatchEvent, Watched},
};

/// The rooms and users of one app.
#[derive(Debug)]
struct App {
    rooms: AppRooms,
    users: AppUsers,
}

/// All rooms and users of all apps.
#[derive(Debug)]
pub struct Roster {
    epoch: Epoch,
    rules: Rules,
    limits: Limits,
    apps: HashMap<AppName, App>,
    /// Held while an entry is applied. A read that depends on several subjects
    /// takes it, and sees them all between two entries. Taken before any other.
    applying: RwLock<()>,
    applied: Watermark,
    history: HistoryBudget,
    /// When something is next to be forgotten, in milliseconds; 0 if nothing is.
    due_at: AtomicU64,
    /// The greatest receive time applied so far, in milliseconds.
    journal_time: AtomicU64,
    /// When history was trimmed last, in milliseconds of the same clock.
    trimmed_at: AtomicU64,
    /// Ends of lives that users are still to be told of.
    pending_room_ends: AtomicUsize,
    /// Whether the journal is still being replayed. Who asked for whom before the
    /// restart nobody knows, so what happened to anybody is remembered. Only changes
    /// between two entries.
    is_behind: AtomicBool,
    /// Captures begun so far, and whether one is under way.
    captures: AtomicU64,
    is_captured: AtomicBool,
    metrics: Metrics,
}

impl Roster {
    /// An empty roster of these apps, each with how its users log in, and the one
    /// who may write to it. `epoch` is that of the journal it is going to follow.
    pub fn new(
        epoch: Epoch,
        apps: impl IntoIterator<Item = (AppName, Logins)>,
        rules: Rules,
        limits: Limits,
    ) -> (Arc<Roster>, Applier) {
        let account = Arc::new(AtomicUsize::new(0));
        let apps = apps.into_iter().map(|(name, logins)| {
            let user_rules = Rules {
                logins,
                ..rules.clone()
            };
            let rooms = AppRooms::new(Arc::clone(&account));
            let users = AppUsers::new(user_rules, Arc::clone(&account));
            (name, App { rooms, users })
        });
        let roster = Arc::new(Roster {
            epoch,
            apps: apps.collect(),
            applying: RwLock::default(),
            rules,
            applied: Watermark::default(),
            history: HistoryBudget::new(account),
            limits,
            due_at: AtomicU64::new(0),
            journal_time: AtomicU64::new(0),
            trimmed_at: AtomicU64::new(0),
            pending_room_ends: AtomicUsize::new(0),
            is_behind: AtomicBool::new(true),
            captures: AtomicU64::new(0),
            is_captured: AtomicBool::new(false),
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
        let rooms = self.apps.get(app).map(|app| &app.rooms.table);
        loop {
            // Read before the room: whatever was applied by then is in the room.
            let applied = self.applied();
            if let Some(hold) = rooms.and_then(|rooms| rooms.get(room)) {
                let state = hold.cell().state.lock();
                let revision = applied.max(state.feed.revision());
                return (revision, state.subject.view(&self.rules));
            }
            // Else it may have been forgotten by what was applied meanwhile.
            if self.applied() == applied {
                return (applied, RoomView::default());
            }
        }
    }

    /// The open rooms of an app whose id begins with `prefix`, in the byte order
    /// of their ids, those after `after` only.
    pub fn open_rooms<'a>(
        &'a self,
        app: &AppName,
        prefix: &'a str,
        after: Option<RoomId>,
    ) -> impl Iterator<Item = (RoomId, RoomSummary)> + 'a {
        let rooms = self.apps.get(app).map(|app| &app.rooms);
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
        let hold = self.apps.get(app)?.rooms.table.get_or_insert(room);
        Some(Watch::new(Arc::clone(self), app, hold, start, None))
    }

    /// A user, and the revision that the answer is at. One who is not known is
    /// offline and in no room.
    pub fn user(&self, app: &AppName, id: &UserId) -> (Revision, UserView) {
        let _paused = self.applying.read();
        let applied = self.applied();
        let Some(of_app) = self.apps.get(app) else {
            return (applied, UserView::default());
        };
        let hold = self.find_user(of_app, id.borrowed(), applied);
        self.drop_rooms(&hold, app);
        let place = Place {
            roster: self,
            app,
            id,
        };
        let view = hold.cell().state.lock().subject.look(&place);
        let now = self.now();
        of_app.users.recently_queried.lock().note(hold, now);
        (applied, view)
    }

    /// Follows a user, whether known or not; `None` for an unknown app.
    pub fn watch_user(
        self: &Arc<Self>,
        app: &AppName,
        user: &UserId,
        start: Start,
    ) -> Option<Watch<User>> {
        // No entry comes in between: of a room's end after the look at the rooms the
        // user is told, of one before it he is not.
        let _paused = self.applying.read();
        let watching = self.note_watched(app, user);
        let hold = self.find_user(self.apps.get(app)?, user.borrowed(), self.applied());
        self.drop_rooms(&hold, app);
        Some(Watch::new(
            Arc::clone(self),
            app,
            hold,
            start,
            Some(watching),
        ))
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
        self.trimmed_at.fetch_max(now.as_millis(), Ordering::AcqRel);
        let until = now.saturating_sub(self.limits.history_age_max);
        for app in self.apps.values() {
            app.users.recently_queried.lock().trim(until);
        }
        let evicted = self.history.trim(now, &self.limits);
        self.metrics.history_evictions.inc_by(evicted);
    }

    /// Forgets the oldest changes, if all together take more than they may.
    fn trim_if_over(&self, now: Time) {
        if self.history.is_over(&self.limits) {
            self.trim_history(now);
        }
    }

    /// How many wait for a revision to be applied.
    pub fn waiting_count(&self) -> usize {
        self.applied.waiting()
    }

    /// How many rooms anything is remembered of, or are watched.
    pub fn room_count(&self) -> usize {
        self.apps.values().map(|app| app.rooms.table.len()).sum()
    }

    /// How many users may be in rooms, and how many have devices, are watched or were
    /// asked for lately. One may count twice.
    pub fn user_count(&self) -> usize {
        let users = self.apps.values().map(|app| &app.users);
        users
            .map(|users| users.memberships.len() + users.table.len())
            .sum()
    }

    /// The latest time that is known of: the journal may be silent for long.
    fn now(&self) -> Time {
        let trimmed_at = Time::from_millis(self.trimmed_at.load(Ordering::Acquire));
        self.journal_time().max(trimmed_at.unwrap_or(Time::MIN))
    }

    /// The greatest receive time applied so far.
    fn journal_time(&self) -> Time {
        let journal_time = self.journal_time.load(Ordering::Acquire);
        Time::from_millis(journal_time).unwrap_or(Time::MIN)
    }

    /// The rooms of an app of which anything is remembered, or that are watched, in
    /// no order.
    pub fn known_rooms(&self, app: &AppName) -> Vec<RoomId> {
        let rooms = self.apps.get(app).map(|app| app.rooms.table.cells());
        rooms.into_iter().flatten().map(|(id, _)| id).collect()
    }

    /// The users of an app of whom anything is remembered, or who are watched, in no
    /// order.
    pub fn known_users(&self, app: &AppName) -> Vec<UserId> {
        let users = self.apps.get(app).map(|app| app.users.table.cells());
        users.into_iter().flatten().map(|(id, _)| id).collect()
    }

    /// What happened to events and watches.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
