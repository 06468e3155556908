//! How long changes take to the connections of watchers.

use std::{cell::Cell, sync::Arc};

use prometheus_client::registry::Registry;

use crate::{
    domain::{Clock, Histogram, Time},
    roster::ChangeBatch,
};

/// The bounds, in seconds. Entries have the time of their receipt in milliseconds.
const BOUNDS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

/// A thread looks at the clock for one message in so many: to do so for each would be a part of what
/// a message costs. It is a prime, so that a room with a round number of watchers is not always
/// measured at the same ones.
const SAMPLED: u32 = 17;

thread_local! {
    /// How many messages the thread handed over since it last looked at the clock.
    static MESSAGES: Cell<u32> = const { Cell::new(0) };
}

/// How long changes took to watchers: a sample.
#[derive(Clone, Debug)]
pub(in crate::grpc) struct DeliveryTime(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    times: Histogram,
}

/// Notes how long changes take to one watcher.
#[derive(Debug)]
pub(in crate::grpc) struct Deliveries {
    to_all: DeliveryTime,
    /// When the watch began. What is older was told late because the watcher came late.
    began: Time,
}

impl DeliveryTime {
    /// By the clock that says when callbacks are received.
    pub(in crate::grpc) fn new(clock: Clock) -> Self {
        let times = Histogram::new(BOUNDS);
        Self(Arc::new(Inner { clock, times }))
    }

    pub(in crate::grpc) fn register(&self, registry: &mut Registry) {
        registry.register(
            "delivery_seconds",
            "From the receipt of a callback until a change that it made was handed to the connection of a watcher, of a sample of the changes",
            self.0.times.clone(),
        );
    }

    /// A watch begins.
    pub(in crate::grpc) fn begin(&self) -> Deliveries {
        Deliveries {
            to_all: self.clone(),
            began: self.now(),
        }
    }

    fn now(&self) -> Time {
        self.0.clock.times().received_at()
    }
}

impl Default for DeliveryTime {
    fn default() -> Self {
        Self::new(Clock::system())
    }
}

impl Deliveries {
    /// Changes are handed to the watcher's connection.
    pub(super) fn note<C>(&self, batch: &ChangeBatch<C>) {
        if is_sampled()
            && let Some(oldest) = batch.first()
        {
            self.observe(oldest.received_at());
        }
    }

    fn observe(&self, received_at: Time) {
        if received_at >= self.began {
            let took = self.to_all.now().since(received_at);
            self.to_all.0.times.observe(took);
        }
    }
}

fn is_sampled() -> bool {
    MESSAGES.with(|messages| {
        let number = messages.get();
        messages.set((number + 1) % SAMPLED);
        number == 0
    })
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering::Relaxed},
        thread,
    };

    use super::*;

    #[test]
    fn what_came_before_a_watch_is_not_late_on_its_account() {
        let millis = Arc::new(AtomicU64::new(10_000));
        let time = |millis| Time::from_millis(millis).unwrap();
        let told = Arc::clone(&millis);
        let clock = Clock::from_fn(move || time(told.load(Relaxed)));
        let all = DeliveryTime::new(clock);
        let watch = all.begin();
        millis.store(10_300, Relaxed);
        watch.observe(time(9_999));
        assert_eq!(all.0.times.count(), 0);
        watch.observe(time(10_000));
        assert_eq!(all.0.times.count(), 1);
    }

    #[test]
    fn the_first_message_of_a_thread_is_measured_and_then_one_in_so_many() {
        let sampled = thread::spawn(|| (0..3 * SAMPLED).filter(|_| is_sampled()).collect());
        let sampled: Vec<u32> = sampled.join().unwrap();
        assert_eq!(sampled, [0, SAMPLED, 2 * SAMPLED]);
    }
}
