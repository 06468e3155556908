//! A service, vendors that send until a callback is taken, and the clocks of the machine.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use headcount::{
    domain::{Clock, Time},
    journal::{
        AppendError, Entry, Epoch, FollowError, Follower, Journal, MemoryJournal, Payload, Revision,
    },
    net::{Caller, Readiness},
    providers::Registry,
    reconcile::Rules,
    roster::{Limits, Roster},
    server::forget_due,
    webhook::{
        NonceReuse, VisibleAtOnce, WebhookFront, WebhookMetrics, WebhookParts, WebhookSettings,
    },
};
use http::{Method, Request};
use http_body_util::Full;
use parking_lot::Mutex;
use prometheus_client::registry::Registry as Metrics;

use super::vendor::{Event, ROOM, Vendor, accounts};

pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
const BEGAN: u64 = 1_700_000_000_000;

/// How long a vendor waits before it sends a callback again, in seconds, as ZEGO does.
const WAITS: [u64; 5] = [2, 4, 8, 16, 32];

/// How long it waits after that, in seconds. A real vendor gives up, and what it gave up is lost.
/// Here it does not, because the tests are about what is taken.
const LAST_WAIT: u64 = 8;

/// The clocks of a machine, in milliseconds.
#[derive(Debug, Default)]
struct Machine {
    truth: AtomicU64,
    /// How far the system's clock is ahead of the truth.
    skew: AtomicI64,
}

/// A journal in memory, all of whose entries can be replayed.
#[derive(Debug)]
struct Recorded {
    journal: MemoryJournal,
    entries: Mutex<Vec<Entry>>,
}

/// A callback that is not taken yet.
#[derive(Debug)]
struct Delivery {
    event: Event,
    signed_at: u64,
    tries: usize,
    next_at: u64,
}

pub(crate) struct Rig {
    vendor: Vendor,
    machine: Arc<Machine>,
    journal: Arc<Recorded>,
    roster: Arc<Roster>,
    clock: Clock,
    front: WebhookFront,
    deliveries: Vec<Delivery>,
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

impl Rig {
    /// Starts with a system's clock that is so far ahead, in milliseconds.
    pub(crate) fn start(vendor: Vendor, skew: i64) -> Self {
        let machine = Arc::new(Machine::default());
        machine.truth.store(BEGAN, Relaxed);
        machine.skew.store(skew, Relaxed);
        Self::follow(vendor, machine, Vec::new())
    }

    /// Starts again with the journal of the former process, or with an empty one.
    pub(crate) fn restart(&mut self, with_journal: bool) {
        let mut entries = mem::take(&mut *self.journal.entries.lock());
        if !with_journal {
            entries.clear();
        }
        let deliveries = mem::take(&mut self.deliveries);
        *self = Self::follow(self.vendor, Arc::clone(&self.machine), entries);
        self.deliveries = deliveries;
    }

    fn follow(vendor: Vendor, machine: Arc<Machine>, entries: Vec<Entry>) -> Self {
        let accounts = accounts();
        let apps: Vec<_> = (accounts.iter())
            .map(|(app, account)| (app.clone(), account.logins))
            .collect();
        let journal = Recorded {
            journal: MemoryJournal::new(),
            entries: Mutex::default(),
        };
        let rules = Rules::default();
        let horizon = rules.reorder_horizon;
        let (roster, applier) = Roster::new(journal.epoch(), apps, rules, Limits::default());
        journal.follow(0, Box::new(applier)).unwrap();
        for entry in entries {
            journal.append(entry).now_or_never().unwrap().unwrap();
        }
        let clock = machine.clock();
        if let Some(journal_time) = roster.journal_time() {
            clock.resume(journal_time);
        }
        let journal = Arc::new(journal);
        let front = WebhookFront::new(WebhookParts {
            settings: settings(horizon),
            registry: Registry::standard(),
            accounts,
            journal: Arc::<Recorded>::clone(&journal),
            visibility: Arc::new(VisibleAtOnce),
            metrics: Arc::new(WebhookMetrics::register(&mut Metrics::default())),
            clock: clock.clone(),
            ready: Readiness::new(true),
        });
        Self {
            vendor,
            machine,
            journal,
            roster,
            clock,
            front,
            deliveries: Vec::new(),
        }
    }

    // === the clocks ===

    pub(crate) fn now(&self) -> u64 {
        self.machine.truth.load(Relaxed)
    }

    pub(crate) fn set_skew(&self, skew: i64) {
        self.machine.skew.store(skew, Relaxed);
    }

    /// Lets time pass. Each second the service forgets what is due, and vendors send what was
    /// refused.
    pub(crate) async fn pass(&mut self, millis: u64) {
        let end = self.now() + millis;
        while self.now() < end {
            let step = SECOND.min(end - self.now());
            self.machine.truth.fetch_add(step, Relaxed);
            forget_due(&*self.journal, &self.roster, &self.clock).await;
            self.deliver().await;
        }
    }

    /// Appends a tick of an earlier version, whose clock was the system's.
    pub(crate) async fn tick_of_system(&self) {
        let skew = self.machine.skew.load(Relaxed);
        let received_at = Time::from_millis(self.now().saturating_add_signed(skew)).unwrap();
        let payload = Payload::Tick;
        let tick = Entry {
            received_at,
            payload,
        };
        self.journal.append(tick).await.unwrap();
    }

    // === the vendor ===

    /// Sends a callback until it is taken.
    pub(crate) async fn send(&mut self, event: Event) {
        self.deliveries.push(Delivery {
            event,
            signed_at: self.now(),
            tries: 0,
            next_at: self.now(),
        });
        self.deliver().await;
    }

    /// Sends a callback once. Returns whether it was taken.
    pub(crate) async fn send_once(&self, event: &Event, signed_at: u64) -> bool {
        let (url, body) = event.callback(self.vendor, signed_at);
        let request = Request::builder().method(Method::POST).uri(url);
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        self.front
            .answer(request, &Caller::unknown(), false)
            .await
            .status()
            .is_success()
    }

    async fn deliver(&mut self) {
        let now = self.now();
        for mut delivery in mem::take(&mut self.deliveries) {
            if delivery.next_at <= now {
                if self.send_once(&delivery.event, delivery.signed_at).await {
                    continue;
                }
                let wait = WAITS.get(delivery.tries).unwrap_or(&LAST_WAIT);
                delivery.tries += 1;
                delivery.next_at = now + wait * SECOND;
                if delivery.tries > WAITS.len() {
                    // The vendor's own signature would be stale in the end.
                    delivery.signed_at = now;
                }
            }
            self.deliveries.push(delivery);
        }
    }

    /// How many callbacks were refused so far, and not taken since.
    pub(crate) fn waiting(&self) -> usize {
        self.deliveries.len()
    }

    // === the service ===

    pub(crate) fn is_present(&self, user: u32) -> bool {
        let (app, user) = (self.vendor.app().into(), user.to_string());
        if self.vendor == Vendor::Zim {
            let (_, view) = self.roster.user(&app, &user.as_str().into());
            return !view.devices.is_empty();
        }
        let room = self.roster.room(&app, &ROOM.into());
        let mut present = room.view.members.iter();
        present.any(|member| member.user().as_str() == user)
    }

    pub(crate) fn ticks(&self) -> Vec<Time> {
        let entries = self.journal.entries.lock();
        let ticks = entries
            .iter()
            .filter(|entry| matches!(entry.payload, Payload::Tick));
        ticks.map(|entry| entry.received_at).collect()
    }
}

impl Machine {
    /// The clock of a process that starts now.
    fn clock(self: &Arc<Self>) -> Clock {
        let (began, system, monotonic) =
            (self.truth.load(Relaxed), Arc::clone(self), Arc::clone(self));
        Clock::from_parts(
            move || {
                let skewed =
                    (system.truth.load(Relaxed)).saturating_add_signed(system.skew.load(Relaxed));
                Time::from_millis(skewed).unwrap_or(Time::MIN)
            },
            move || Duration::from_millis(monotonic.truth.load(Relaxed) - began),
        )
    }
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
        start_wait: Duration::ZERO,
        reorder_horizon: horizon,
    }
}
