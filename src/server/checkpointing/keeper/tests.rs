use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::{sync::Notify, time};

use super::*;
use crate::{
    checkpoint::memory::MemoryCheckpoints,
    domain::{AppName, Clock, Logins},
    journal::{AppendError, Entry, Epoch, FollowError, Follower, MemoryJournal, Payload},
    reconcile::Rules,
    roster::Limits,
};

/// Far more than what is looked at every second takes.
const SOON: Duration = Duration::from_secs(5);

/// A journal whose room a test sets.
#[derive(Debug, Default)]
struct Limited {
    entries: MemoryJournal,
    room: Mutex<Room>,
    short: Notify,
    /// Whether there is enough room once something below a revision was dropped.
    enough_below: Mutex<Option<Revision>>,
    /// The revisions below which entries were to be dropped.
    dropped: Mutex<Vec<Revision>>,
}

impl Limited {
    fn set(&self, room: Room) {
        *self.room.lock() = room;
        if room != Room::Enough {
            self.short.notify_one();
        }
    }

    async fn append(&self, count: u64) {
        for _ in 0..count {
            let entry = Entry {
                received_at: Time::MIN,
                payload: Payload::Tick,
            };
            Journal::append(self, entry).await.unwrap();
        }
    }
}

impl Journal for Limited {
    fn epoch(&self) -> Epoch {
        self.entries.epoch()
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        self.entries.append(entry)
    }

    fn follow(&self, after: Revision, follower: Box<dyn Follower>) -> Result<(), FollowError> {
        self.entries.follow(after, follower)
    }

    fn last(&self) -> Revision {
        self.entries.last()
    }

    fn drop_before(&self, first: Revision, _: Time) -> Dropped {
        self.dropped.lock().push(first);
        if self.enough_below.lock().is_some_and(|below| first >= below) {
            *self.room.lock() = Room::Enough;
        }
        Dropped::default()
    }

    fn room(&self) -> Room {
        *self.room.lock()
    }

    fn short_of_room(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.short.notified())
    }
}

struct Service {
    journal: Arc<Limited>,
    store: Arc<MemoryCheckpoints>,
    keeper: Keeper,
}

impl Service {
    /// One that finds so many entries.
    async fn with(entries: u64) -> Self {
        let journal = Arc::new(Limited::default());
        let apps = [(AppName::from("arena"), Logins::Concurrent)];
        let (roster, applier) =
            Roster::new(journal.epoch(), apps, Rules::default(), Limits::default());
        journal.follow(0, Box::new(applier)).unwrap();
        journal.append(entries).await;
        let store = Arc::new(MemoryCheckpoints::default());
        let checkpoints = Checkpoints::new(
            Arc::<Limited>::clone(&journal),
            Arc::<MemoryCheckpoints>::clone(&store),
        );
        let policy = CheckpointPolicy {
            interval: Duration::from_secs(600),
            entries: 10 * REPLAYED_MAX,
            retention: Duration::from_secs(600),
            clock: Clock::system(),
        };
        let kept = Arc::<Limited>::clone(&journal);
        Self {
            keeper: Keeper::new(kept, checkpoints, roster, policy, false),
            journal,
            store,
        }
    }

    /// One that wrote checkpoints at 2 and 4, and has 5 entries.
    async fn going_on() -> Self {
        let mut service = Self::with(0).await;
        for _ in 0..2 {
            service.journal.append(2).await;
            service.keeper.is_due = true;
            service.go_on(SHORT_INTERVAL).await;
        }
        service.journal.append(1).await;
        assert_eq!(service.checkpoints(), [2, 4]);
        service.journal.dropped.lock().clear();
        service
    }

    async fn go_on(&mut self, lasts: Duration) {
        let _ = time::timeout(lasts, self.keeper.keep()).await;
    }

    fn checkpoints(&self) -> Vec<Revision> {
        self.store.checkpoints.lock().keys().copied().collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_replayed_much_writes_a_checkpoint_at_once() {
    for (entries, written) in [
        (REPLAYED_MAX - 1, vec![]),
        (REPLAYED_MAX, vec![REPLAYED_MAX]),
    ] {
        let mut service = Service::with(entries).await;
        service.go_on(SOON).await;
        assert_eq!(service.checkpoints(), written);
    }
}

#[tokio::test(start_paused = true)]
async fn when_there_is_little_room_what_is_covered_is_dropped_at_once() {
    let mut service = Service::going_on().await;
    *service.journal.enough_below.lock() = Some(3);
    service.journal.set(Room::Little);
    service.go_on(Duration::from_millis(1)).await;
    assert_eq!(
        *service.journal.dropped.lock(),
        [3],
        "below the older one's end"
    );
    service.go_on(SOON).await;
    assert_eq!(service.checkpoints(), [2, 4], "no other is needed");
    assert_eq!(service.journal.dropped.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_that_is_not_enough_a_checkpoint_is_written_so_that_more_is_covered() {
    let mut service = Service::going_on().await;
    *service.journal.enough_below.lock() = Some(5);
    service.journal.set(Room::Little);
    service.go_on(SOON).await;
    assert_eq!(service.checkpoints(), [4, 5]);
    assert_eq!(*service.journal.dropped.lock(), [3, 5]);
}

#[tokio::test(start_paused = true)]
async fn checkpoints_that_make_no_room_are_not_written_all_the_time() {
    let mut service = Service::going_on().await;
    let written = service.store.written.load(Ordering::Relaxed);
    let journal = Arc::clone(&service.journal);
    let short = async {
        for _ in 0..500 {
            journal.append(1).await;
            journal.set(Room::Little);
            time::sleep(SOON / 500).await;
        }
    };
    tokio::join!(short, service.go_on(SOON));
    let written = service.store.written.load(Ordering::Relaxed) - written;
    let looks = SOON.div_duration_f64(SHORT_INTERVAL) as usize;
    assert!((1..=looks + 1).contains(&written), "{written}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_dropped_nor_written_for_room_as_long_as_a_backup_has_a_lease() {
    let mut service = Service::going_on().await;
    let lease = service.keeper.checkpoints.lease().await;
    service.journal.set(Room::None);
    service.go_on(SOON).await;
    assert_eq!(service.checkpoints(), [2, 4]);
    assert_eq!(*service.journal.dropped.lock(), [0; 0]);
    drop(lease);
    service.go_on(SOON).await;
    assert_eq!(service.checkpoints(), [4, 5]);
}

#[tokio::test(start_paused = true)]
async fn without_room_all_is_dropped_that_the_latest_covers_when_nothing_else_helps() {
    // No entry comes any more, so there is no later checkpoint.
    let mut service = Service::going_on().await;
    service.journal.set(Room::Little);
    service.go_on(SOON).await;
    let dropped = service.journal.dropped.lock().clone();
    let is_by_older = dropped[0] == 3 && dropped[1..].iter().all(|first| *first == 5);
    assert!(is_by_older, "little is not none: {dropped:?}");
    service.journal.set(Room::None);
    service.go_on(SOON).await;
    assert_eq!(service.checkpoints(), [4, 5]);
    let dropped = service.journal.dropped.lock().clone();
    assert_eq!(
        dropped.iter().filter(|first| **first == 6).count(),
        1,
        "{dropped:?}"
    );

    // No checkpoint can be written: the disk is full.
    let mut service = Service::going_on().await;
    service.store.is_full.store(true, Ordering::Relaxed);
    service.journal.set(Room::None);
    service.go_on(SOON).await;
    assert!(service.journal.dropped.lock().contains(&5));
    assert_eq!(service.checkpoints(), [2, 4]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_dropped_for_the_sake_of_a_checkpoint_that_cannot_be_read_back() {
    let mut service = Service::going_on().await;
    service.store.is_full.store(true, Ordering::Relaxed);
    service.store.checkpoints.lock().insert(4, None);
    service.journal.set(Room::None);
    service.go_on(SOON).await;
    assert!(
        service
            .journal
            .dropped
            .lock()
            .iter()
            .all(|first| *first == 3)
    );
}
