//! Sends a schedule as the vendor would: over HTTP connections that are kept
//! open, again when it is refused, and a last time after five repetitions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    callbacks::{Signing, VendorAccount},
    disorder::{Delivery, Schedule},
    options::{CannotRun, Trouble},
    progress::Meter,
    service::Service,
    single::request,
    world::World,
};

/// The vendor repeats after 2, 4, 8, 16 and 32 seconds. A tenth of that is
/// enough to be gentle with a server that is busy.
const RETRY_AFTER: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1_600),
    Duration::from_millis(3_200),
];

/// How long the server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How many of the callbacks that were taken in, but not understood, are kept.
const MISUNDERSTOOD_MAX: usize = 20;

/// Sends one schedule.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) world: Arc<World>,
    pub(super) schedule: Arc<Schedule>,
    pub(super) vendor: VendorAccount,
    pub(super) service: Arc<dyn Service>,
    /// The URL of the HTTP front, for errors.
    webhook: String,
    /// Whether callbacks wait for their time.
    pub(super) timed: bool,
    pub(super) meter: Arc<Meter>,
    nonces: u64,
    began_at: u64,
    next: AtomicUsize,
    misunderstood: parking_lot::Mutex<Vec<String>>,
}

impl Driver {
    pub(super) fn new(
        world: Arc<World>,
        schedule: Arc<Schedule>,
        vendor: VendorAccount,
        service: Arc<dyn Service>,
        webhook: String,
    ) -> Self {
        let meter = Arc::new(Meter::new(schedule.deliveries.len()));
        Self {
            world,
            schedule,
            vendor,
            webhook,
            timed: false,
            meter,
            nonces: rand::random(),
            began_at: service.now(),
            service,
            next: AtomicUsize::new(0),
            misunderstood: parking_lot::Mutex::default(),
        }
    }

    /// How many deliveries were taken in.
    pub(super) fn answered(&self) -> u64 {
        self.meter.taken()
    }

    /// Callbacks that were taken in, but not understood.
    pub(super) fn misunderstood(&self) -> Vec<String> {
        self.misunderstood.lock().clone()
    }

    /// Sends everything, so many at once. Dropping it stops.
    pub(super) async fn send_all(self: &Arc<Self>, concurrency: usize) -> Result<(), CannotRun> {
        let mut senders = JoinSet::new();
        for _ in 0..concurrency {
            let driver = Arc::clone(self);
            senders.spawn(async move { driver.send_next_ones().await });
        }
        while let Some(sender) = senders.join_next().await {
            sender.unwrap_or_else(|panic| Err(self.refused(panic.to_string(), Trouble::Other)))?;
        }
        Ok(())
    }

    async fn send_next_ones(&self) -> Result<(), CannotRun> {
        loop {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(delivery) = self.schedule.deliveries.get(next) else {
                return Ok(());
            };
            if self.timed {
                let wait = delivery.at.saturating_sub(self.service.now());
                sleep(Duration::from_millis(wait)).await;
            }
            let behind = self.service.now().saturating_sub(delivery.at);
            let behind = self.timed.then_some(Duration::from_millis(behind));
            let latency = self.deliver(delivery).await?;
            self.meter.take(latency, behind);
        }
    }

    /// Delivers one, if necessary with repetitions. Returns how long the last answer took.
    async fn deliver(&self, delivery: &Delivery) -> Result<Duration, CannotRun> {
        let mut waits = RETRY_AFTER.into_iter();
        loop {
            let began = Instant::now();
            let (reason, trouble) = match timeout(ANSWER_TIMEOUT, self.post(delivery)).await {
                Ok(Ok((status, answer))) if status.is_success() => {
                    self.note(&answer);
                    return Ok(began.elapsed());
                }
                Ok(Ok((status, answer))) => {
                    let reason = format!("{status}: {answer}");
                    let trouble = match status {
                        StatusCode::UNAUTHORIZED => Trouble::Credentials,
                        _ => Trouble::Other,
                    };
                    if !may_pass(status) {
                        return Err(self.refused(reason, trouble));
                    }
                    (reason, trouble)
                }
                Ok(Err(reason)) => {
                    let trouble = Trouble::without_answer(&reason);
                    // Any other does not pass.
                    if trouble != Trouble::Connection {
                        return Err(self.refused(reason, trouble));
                    }
                    (reason, trouble)
                }
                Err(_) => {
                    let reason = format!("no answer within {ANSWER_TIMEOUT:?}");
                    (reason, Trouble::Other)
                }
            };
            match waits.next() {
                Some(wait) => sleep(wait).await,
                None => return Err(self.refused(reason, trouble)),
            }
        }
    }

    async fn post(&self, delivery: &Delivery) -> Result<(StatusCode, String), String> {
        let callback = &self.world.callbacks[delivery.callback];
        let id = self.world.id(callback.about);
        let post = callback.post(&self.vendor, id, self.signing(delivery));
        let request = request(post).map_err(|error| error.to_string())?;
        let answer = self.service.send(request).await?;
        let text = String::from_utf8_lossy(answer.body()).trim().to_owned();
        Ok((answer.status(), text))
    }

    fn signing(&self, delivery: &Delivery) -> Signing {
        let signed_at = if self.timed {
            delivery.signed_at
        } else {
            self.began_at
        };
        let place = (delivery.callback as u64) << 8 | u64::from(delivery.signed);
        Signing {
            timestamp: signed_at / 1000,
            nonce: scattered(self.nonces.wrapping_add(place)),
        }
    }

    /// Keeps an answer that says that the callback was not understood. Every callback that is sent
    /// here should be, so the fault is in the service or in the simulator.
    fn note(&self, answer: &str) {
        // Tencent's answer says only that a callback was taken.
        let is_understood = answer.contains("\"accepted\"") || answer.contains("\"OK\"");
        if !is_understood {
            let mut misunderstood = self.misunderstood.lock();
            if misunderstood.len() < MISUNDERSTOOD_MAX {
                misunderstood.push(answer.to_owned());
            }
        }
    }

    fn refused(&self, reason: String, trouble: Trouble) -> CannotRun {
        CannotRun::Webhook {
            webhook: self.webhook.clone(),
            reason,
            trouble,
        }
    }
}

/// Whether the same request may be taken in later.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS
}

/// A number that looks random and is different for each input (splitmix64).
fn scattered(input: u64) -> u64 {
    let mut z = input.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
