//! Which change reached how many watchers, and how long that took.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use tokio::{sync::Semaphore, time::Instant};

/// More changes than any row makes; their numbers begin at 1.
const CHANGES_MAX: usize = 4_000_000;

/// Times up to a second are told apart, by ten microseconds.
const BUCKETS: usize = 100_000;
const BUCKET_MICROS: u64 = 10;

#[derive(Debug)]
pub(crate) struct Tracker {
    begin: Instant,
    watchers: u32,
    /// For each change how many watchers have it, and when it was sent, in
    /// microseconds.
    reached: Vec<AtomicU32>,
    sent_at: Vec<AtomicU64>,
    delivered: AtomicU64,
    /// How many deliveries took how long.
    took: Vec<AtomicU32>,
    /// A place for each change that may be under way.
    window: Semaphore,
}

impl Tracker {
    pub(crate) fn new(watchers: usize, window: usize) -> Self {
        let zeros = |count| (0..count).map(|_| AtomicU32::new(0)).collect();
        Self {
            begin: Instant::now(),
            watchers: u32::try_from(watchers).unwrap_or(u32::MAX),
            reached: zeros(CHANGES_MAX),
            sent_at: (0..CHANGES_MAX).map(|_| AtomicU64::new(0)).collect(),
            delivered: AtomicU64::new(0),
            took: zeros(BUCKETS),
            window: Semaphore::new(window),
        }
    }

    /// Waits until another change may be under way.
    pub(crate) async fn admit(&self) {
        if let Ok(place) = self.window.acquire().await {
            place.forget();
        }
    }

    fn now(&self) -> u64 {
        self.begin.elapsed().as_micros() as u64
    }

    pub(crate) fn sent(&self, change: usize) {
        self.sent_at[change].store(self.now(), Relaxed);
    }

    /// Notes the changes that came to one watcher in one message.
    pub(crate) fn received(&self, changes: &[usize]) {
        let now = self.now();
        for &change in changes {
            let took = now.saturating_sub(self.sent_at[change].load(Relaxed)) / BUCKET_MICROS;
            self.took[(took as usize).min(BUCKETS - 1)].fetch_add(1, Relaxed);
            if self.reached[change].fetch_add(1, Relaxed) + 1 == self.watchers {
                self.window.add_permits(1);
            }
        }
        self.delivered.fetch_add(changes.len() as u64, Relaxed);
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Relaxed)
    }

    /// Forgets how long deliveries took so far.
    pub(crate) fn forget(&self) {
        for bucket in &self.took {
            bucket.store(0, Relaxed);
        }
    }

    /// The time, in milliseconds, that a part of all deliveries took at most.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        let counts: Vec<_> = self
            .took
            .iter()
            .map(|bucket| u64::from(bucket.load(Relaxed)))
            .collect();
        let wanted = (counts.iter().sum::<u64>() as f64 * part).ceil() as u64;
        let mut so_far = 0;
        let bucket = counts.iter().position(|count| {
            so_far += count;
            so_far >= wanted
        });
        ((bucket.unwrap_or(BUCKETS) as u64 + 1) * BUCKET_MICROS) as f64 / 1000.0
    }

    /// The changes up to `last` that not every watcher has got exactly once.
    pub(crate) fn incomplete(&self, first: usize, last: usize) -> usize {
        let reached = self.reached[first..=last].iter();
        reached
            .filter(|reached| reached.load(Relaxed) != self.watchers)
            .count()
    }
}
