//! A process of the service: the webhook front, the journal and the roster. And what outlives it.

use std::{mem, sync::Arc, thread, time::Duration};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use headcount::{
    checkpoint::{self, Checkpoints, DiskCheckpoints, RecordSink},
    domain::{Clock, Time},
    journal::{
        AppendError, DataFolder, Decoder, DiskJournal, Entry, Epoch, FollowError, Follower,
        Journal, MemoryJournal, Payload, Revision,
    },
    net::{Caller, Readiness, Refusals},
    providers::Registry,
    reconcile::Rules,
    roster::{Applier, Limits, Roster},
    server::forget_due,
    webhook::{
        NonceReuse, Unlimited, VisibleAtOnce, WebhookFront, WebhookMetrics, WebhookParts,
        WebhookSettings,
    },
};
use http::{Method, Request};
use http_body_util::Full;
use parking_lot::Mutex;
use prometheus_client::registry::Registry as Metrics;
use tempfile::TempDir;

use super::{machine::Machine, vendor::accounts};

/// How long entries are kept that a checkpoint covers: hardly at all, so that none is dropped late
/// unnoticed.
const RETENTION: Duration = Duration::from_secs(1);

/// What outlives a process.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    /// All entries that were ever appended. Without a folder, the next process applies them again.
    entries: Arc<Mutex<Vec<Entry>>>,
    folder: Option<TempDir>,
}

/// A journal whose entries are noted.
#[derive(Debug)]
struct Recorded {
    journal: Arc<dyn Journal>,
    entries: Arc<Mutex<Vec<Entry>>>,
}

/// A process of the service.
pub(crate) struct Service {
    journal: Arc<Recorded>,
    checkpoints: Option<Checkpoints>,
    pub(crate) roster: Arc<Roster>,
    clock: Clock,
    front: WebhookFront,
}

impl Storage {
    /// Entries in memory, all of which the next process applies again.
    pub(crate) fn in_memory() -> Self {
        Self::default()
    }

    /// An empty data folder.
    pub(crate) fn in_folder() -> Self {
        Self {
            folder: Some(tempfile::tempdir().unwrap()),
            ..Self::default()
        }
    }

    pub(crate) fn ticks(&self) -> Vec<Time> {
        let entries = self.entries.lock();
        let ticks = entries
            .iter()
            .filter(|entry| matches!(entry.payload, Payload::Tick));
        ticks.map(|entry| entry.received_at).collect()
    }

    /// The journal, and where its checkpoints are.
    fn open(&self) -> (Arc<dyn Journal>, Option<Checkpoints>) {
        let Some(folder) = &self.folder else {
            return (Arc::new(MemoryJournal::new()), None);
        };
        let registry = Registry::standard();
        let decoder =
            Decoder::new(move |product, query, body| registry.decode(product, query, body));
        let folder = DataFolder::open(folder.path()).unwrap();
        let journal: Arc<dyn Journal> = Arc::new(DiskJournal::open(&folder, decoder).unwrap());
        let store = Arc::new(DiskCheckpoints::new(&folder));
        let checkpoints = Checkpoints::new(Arc::clone(&journal), store);
        (journal, Some(checkpoints))
    }
}

impl Journal for Recorded {
    fn epoch(&self) -> Epoch {
        self.journal.epoch()
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        self.entries.lock().push(entry.clone());
        self.journal.append(entry)
    }

    fn follow(&self, after: Revision, follower: Box<dyn Follower>) -> Result<(), FollowError> {
        self.journal.follow(after, follower)
    }

    fn last(&self) -> Revision {
        self.journal.last()
    }
}

impl Service {
    /// Starts a process on what the last one left.
    pub(crate) fn start(machine: &Arc<Machine>, storage: &Storage) -> Self {
        let accounts = accounts();
        let apps: Vec<_> = (accounts.iter())
            .map(|(app, account)| (app.clone(), account.logins))
            .collect();
        let (journal, checkpoints) = storage.open();
        let rules = Rules::default();
        let horizon = rules.reorder_horizon;
        let (roster, applier) = Roster::new(journal.epoch(), apps, rules, Limits::default());
        let journal = Arc::new(Recorded {
            journal,
            entries: Arc::clone(&storage.entries),
        });
        match &checkpoints {
            Some(checkpoints) => blocking(|| recover(checkpoints, &*journal, applier)),
            None => journal.replay(applier),
        }
        let clock = machine.clock();
        if let Some(journal_time) = roster.journal_time() {
            clock.resume(journal_time);
        }
        let front = WebhookFront::new(WebhookParts {
            settings: settings(horizon),
            protection: Default::default(),
            registry: Registry::standard(),
            accounts,
            journal: Arc::<Recorded>::clone(&journal),
            visibility: Arc::new(VisibleAtOnce),
            capacity: Arc::new(Unlimited),
            metrics: Arc::new(WebhookMetrics::register(&mut Metrics::default())),
            clock: clock.clone(),
            ready: Readiness::new(true),
            refusals: Refusals::new(clock.clone()),
        });
        Self {
            journal,
            checkpoints,
            roster,
            clock,
            front,
        }
    }

    /// Forgets what is due, as the service does every second.
    pub(crate) async fn forget_due(&self) {
        forget_due(&*self.journal, &self.roster, &self.clock).await;
    }

    /// Writes a checkpoint and drops the entries that it covers, as the service does now and then,
    /// and when it is stopped.
    pub(crate) fn write_checkpoint(&self) {
        let checkpoints = self.checkpoints.as_ref().expect("a data folder");
        let now = self.clock.times().tick().unwrap_or(Time::MIN);
        let capture = self.roster.begin_capture().unwrap();
        let revision = capture.revision();
        let records = |sink: RecordSink<'_>| checkpoint::write(capture, sink).map(|_| ());
        blocking(|| {
            let written =
                checkpoints.write(revision, now.saturating_sub(RETENTION), Box::new(records));
            written.unwrap();
        });
    }

    /// Appends a tick of an earlier version, whose clock was the system's.
    pub(crate) async fn tick_of_system(&self, machine: &Machine) {
        let tick = Entry {
            received_at: machine.system(),
            payload: Payload::Tick,
        };
        self.journal.append(tick).await.unwrap();
    }

    /// Takes a callback. Returns whether it was acknowledged.
    pub(crate) async fn take(&self, url: String, body: String) -> bool {
        let request = Request::builder().method(Method::POST).uri(url);
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        self.front
            .answer(request, &Caller::unknown(), false)
            .await
            .status()
            .is_success()
    }

    /// How many events of this process were acknowledged without effect, because they were too far
    /// from their receipt.
    pub(crate) fn stale(&self) -> u64 {
        self.roster.metrics().events_stale.get()
    }
}

impl Recorded {
    /// Applies all entries again, which were appended to the journal of a former process.
    fn replay(&self, applier: Applier) {
        self.follow(0, Box::new(applier)).unwrap();
        let entries = mem::take(&mut *self.entries.lock());
        for entry in entries {
            self.append(entry).now_or_never().unwrap().unwrap();
        }
    }
}

/// Installs the latest checkpoint and follows the journal from there, as a start does.
fn recover(checkpoints: &Checkpoints, journal: &dyn Journal, mut applier: Applier) {
    let store = checkpoints.store();
    let latest = store.list().unwrap().first().copied();
    if let Some(latest) = latest {
        let records = store.read(latest).unwrap();
        applier.install(checkpoint::read(journal.epoch(), records).unwrap());
    }
    let follower = Box::new(applier);
    journal.follow(latest.unwrap_or(0), follower).unwrap();
}

/// Does work that blocks, which a thread of the runtime must not.
fn blocking(work: impl FnOnce() + Send) {
    thread::scope(|scope| scope.spawn(work).join().unwrap());
}

fn settings(horizon: Duration) -> WebhookSettings {
    const NEVER: Duration = Duration::from_secs(3_600);
    WebhookSettings {
        body_bytes_max: 64 * 1024,
        freshness_window: horizon,
        nonce_reuse: NonceReuse::Count,
        nonce_pairs_max: 1_000,
        connections_max: 1,
        connections_per_address_max: 1,
        requests_max: 100,
        header_read_timeout: NEVER,
        body_read_timeout: NEVER,
        body_rate_min: 1,
        unread_bytes_max: 1024 * 1024,
        idle_timeout: NEVER,
        undecodable_bytes_max: u64::MAX,
        start_wait: Duration::ZERO,
        reorder_horizon: horizon,
    }
}
