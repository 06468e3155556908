//! A journal and the roster that follows it, with a clock that only tests move.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake},
    thread::{self, Thread},
    time::Duration,
};

use futures_util::FutureExt as _;
use headcount::{
    domain::{AppName, Decoded, Logins, RoomEvent, Time, UserEvent},
    journal::{Entry, Epoch, Journal as _, MemoryJournal, Revision},
    reconcile::user::User,
    reconcile::{
        Rules,
        room::{Room, RoomView},
    },
    roster::{FeedLimits, Limits, Roster, SnapshotReason, Start, Watch},
};
use parking_lot::Mutex;

use super::events::{Life, callback, room, tick};

/// The app that is meant where none is named.
pub(crate) const APP: &str = "arena";

/// A journal and its roster.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) roster: Arc<Roster>,
    journal: Arc<MemoryJournal>,
    apps: Vec<(AppName, Logins)>,
    rules: Rules,
    now: AtomicU64,
    /// Everything that was appended, in no order.
    entries: Mutex<Vec<(Revision, Entry)>>,
}

/// Limits that a handful of changes reaches.
pub(crate) fn small_limits() -> Limits {
    Limits {
        feed: FeedLimits {
            changes_max: 4,
            batch_bytes_max: 1024,
        },
        history_age_max: Duration::from_secs(60),
        ..Limits::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default(), Rules::default())
    }

    pub(crate) fn small() -> Self {
        Self::with(small_limits(), Rules::default())
    }

    pub(crate) fn with(limits: Limits, rules: Rules) -> Self {
        Self::of_apps(&[APP], limits, rules)
    }

    pub(crate) fn of_apps(apps: &[&str], limits: Limits, rules: Rules) -> Self {
        let apps: Vec<_> = (apps.iter())
            .map(|app| (*app, Logins::Concurrent))
            .collect();
        Self::of(&apps, limits, rules)
    }

    pub(crate) fn of(apps: &[(&str, Logins)], limits: Limits, rules: Rules) -> Self {
        let journal = Arc::new(MemoryJournal::new());
        let apps: Vec<_> = (apps.iter())
            .map(|(app, logins)| (AppName::from(*app), *logins))
            .collect();
        let (roster, applier) = Roster::new(journal.epoch(), apps.clone(), rules.clone(), limits);
        journal.follow(0, Box::new(applier)).unwrap();
        Self {
            roster,
            journal,
            apps,
            rules,
            now: AtomicU64::new(1_700_000_000_000),
            entries: Mutex::default(),
        }
    }

    /// Where callbacks go that do not come through the methods below.
    pub(crate) fn journal(&self) -> Arc<MemoryJournal> {
        Arc::clone(&self.journal)
    }

    // === the clock ===

    pub(crate) fn now(&self) -> Time {
        Time::from_millis(self.now.load(Ordering::Relaxed)).unwrap()
    }

    pub(crate) fn pass(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap();
        self.now.fetch_add(millis, Ordering::Relaxed);
    }

    /// A time that no other call returned.
    fn moment(&self) -> Time {
        Time::from_millis(self.now.fetch_add(1, Ordering::Relaxed) + 1).unwrap()
    }

    // === what vendors send ===

    /// Appends one callback that is received now, with what it says of now.
    pub(crate) fn send(&self, says: impl FnOnce(Time) -> Vec<RoomEvent>) -> Revision {
        self.send_to(APP, says)
    }

    pub(crate) fn send_to(&self, app: &str, says: impl FnOnce(Time) -> Vec<RoomEvent>) -> Revision {
        let at = self.moment();
        self.receive(app, at, Decoded::Room(says(at)))
    }

    /// Appends one callback about users' own connections.
    pub(crate) fn tell(&self, says: impl FnOnce(Time) -> Vec<UserEvent>) -> Revision {
        self.tell_to(APP, says)
    }

    pub(crate) fn tell_to(&self, app: &str, says: impl FnOnce(Time) -> Vec<UserEvent>) -> Revision {
        let at = self.moment();
        self.receive(app, at, Decoded::User(says(at)))
    }

    fn receive(&self, app: &str, at: Time, decoded: Decoded) -> Revision {
        self.append(callback(app, at, decoded))
    }

    pub(crate) fn login(&self, room_id: &str, user: &str) -> Revision {
        self.send(|at| vec![room(room_id).login(user, at)])
    }

    /// Logs in users who are called by their numbers.
    pub(crate) fn login_all(&self, room_id: &str, numbers: std::ops::Range<u32>) {
        for number in numbers {
            self.login(room_id, &number.to_string());
        }
    }

    pub(crate) fn logout(&self, room_id: &str, user: &str) -> Revision {
        self.send(|at| vec![room(room_id).logout(user, at)])
    }

    pub(crate) fn close(&self, life: &Life) -> Revision {
        self.send(|at| vec![life.closed(at)])
    }

    pub(crate) fn tick(&self) -> Revision {
        self.append(tick(self.moment()))
    }

    /// Lets so much time pass that whatever can be forgotten is.
    pub(crate) fn forget(&self) -> Revision {
        // Twice: an empty room is due later than the users who were in it.
        self.pass(Duration::from_secs(3600));
        self.tick();
        self.tick()
    }

    fn append(&self, entry: Entry) -> Revision {
        let revision = wait_for(self.journal.append(entry.clone())).unwrap();
        self.entries.lock().push((revision, entry));
        revision
    }

    // === what it answers ===

    pub(crate) fn view(&self, room: &str) -> RoomView {
        self.roster.room(&APP.into(), &room.into()).view
    }

    pub(crate) fn watch(&self, room: &str) -> Watch<Room> {
        self.start(room, Start::Snapshot(SnapshotReason::Initial))
    }

    pub(crate) fn resume(&self, room: &str, after: Revision) -> Watch<Room> {
        self.start(room, Start::After(after))
    }

    pub(crate) fn start(&self, room: &str, start: Start) -> Watch<Room> {
        self.roster
            .watch_room(&APP.into(), &room.into(), start)
            .unwrap()
    }

    pub(crate) fn watch_user(&self, user: &str, start: Start) -> Watch<User> {
        self.roster
            .watch_user(&APP.into(), &user.into(), start)
            .unwrap()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.roster.epoch()
    }

    /// Applies everything again, by one thread and without shortage: `look` is
    /// called with each revision and the roster as it is then.
    pub(crate) fn replay(&self, mut look: impl FnMut(Revision, &Entry, &Arc<Roster>)) {
        let mut entries = self.entries.lock().clone();
        entries.sort_by_key(|(revision, _)| *revision);
        let (roster, applier) = Roster::new(
            self.epoch(),
            self.apps.clone(),
            self.rules.clone(),
            Limits::default(),
        );
        let journal = MemoryJournal::new();
        journal.follow(0, Box::new(applier)).unwrap();
        for (revision, entry) in entries {
            let again = journal.append(entry.clone()).now_or_never();
            assert_eq!(again.unwrap(), Ok(revision), "the journal has a gap");
            look(revision, &entry, &roster);
        }
    }
}

/// Blocks the thread until it is done: another one may be at it.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
