//! Disorder: when each callback is sent, how often, and whether at all.

use std::{collections::BTreeMap, ops::Range};

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::{
    callbacks::{PlannedCallback, Sending, SubjectIndex},
    truth::Numbers,
};

/// How many callbacks are lost on the way from the vendor, and how late they arrive.
#[derive(Clone, Debug)]
pub(crate) struct Disorder {
    pub(crate) seed: u64,
    /// How many of the callbacks are lost, 0 to 1.
    pub(crate) loss: f64,
    /// The longest that a callback is under way, in milliseconds; most take a
    /// small part of that. Repetitions take up to twice as long.
    pub(crate) delay_max: u64,
}

/// How many of the callbacks come more than once.
const REPEATED: f64 = 0.12;

/// What is sent, in the order of sending.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) deliveries: Vec<Delivery>,
    /// The callbacks that chance lost.
    pub(crate) lost: Vec<usize>,
    /// How many of the deliveries are repetitions.
    pub(crate) duplicates: usize,
}

/// One sending of one callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The callback's place in the world.
    pub(crate) callback: usize,
    /// When, in milliseconds since the Unix epoch, if time matters.
    pub(crate) at: u64,
    /// Which signature it has. A repetition has that of the first delivery, because the vendor
    /// sends the same body, or its own: the documentation does not say which.
    pub(crate) signed: u32,
    /// When that was signed: no later than it is first sent.
    pub(crate) signed_at: u64,
}

impl Schedule {
    /// Plans the sending of all callbacks. The same arguments give the same plan.
    pub(crate) fn plan(callbacks: &[PlannedCallback], disorder: &Disorder) -> Self {
        let mut rng = Pcg64::seed_from_u64(disorder.seed ^ 0x5eed_0d15);
        let mut schedule = Self::default();
        for (at, callback) in callbacks.iter().enumerate() {
            schedule.add(at, callback, disorder, &mut rng);
        }
        let order = |delivery: &Delivery| (delivery.at, delivery.callback, delivery.signed);
        schedule.deliveries.sort_by_key(order);
        schedule
    }

    fn add(&mut self, at: usize, callback: &PlannedCallback, disorder: &Disorder, rng: &mut Pcg64) {
        if callback.sending == Sending::Never {
            return;
        }
        let lost = rng.random_bool(disorder.loss);
        let planned = self.deliveries.len();
        // Planned in any case, so that the rest of the plan is the same with and
        // without loss.
        let duplicates = match &callback.sending {
            Sending::At(times) => self.at_times(at, times),
            _ => self.disordered(at, callback.happened_at, disorder, rng),
        };
        if lost {
            self.deliveries.truncate(planned);
            self.lost.push(at);
        } else {
            self.duplicates += duplicates;
        }
    }

    fn at_times(&mut self, at: usize, times: &[u64]) -> usize {
        for (copy, time) in (0..).zip(times) {
            self.send(at, *time, copy, *time);
        }
        times.len().saturating_sub(1)
    }

    /// Returns how many repetitions it planned.
    fn disordered(
        &mut self,
        at: usize,
        happened_at: u64,
        disorder: &Disorder,
        rng: &mut Pcg64,
    ) -> usize {
        self.send(at, happened_at + delay(disorder, rng), 0, happened_at);
        if !rng.random_bool(REPEATED) {
            return 0;
        }
        let copies = rng.random_range(1..=3);
        for copy in 1..=copies {
            let sent_at = happened_at + rng.random_range(0..=2 * disorder.delay_max);
            if rng.random_bool(0.5) {
                self.send(at, sent_at, copy, sent_at);
            } else {
                self.send(at, sent_at, 0, happened_at);
            }
        }
        copies as usize
    }

    fn send(&mut self, callback: usize, at: u64, signed: u32, signed_at: u64) {
        let delivery = Delivery {
            callback,
            at,
            signed,
            signed_at,
        };
        self.deliveries.push(delivery);
    }

    /// The numbers of each life of each room that arrived, and those that did not, by chance or
    /// because a story loses them.
    pub(crate) fn numbers(
        &self,
        callbacks: &[PlannedCallback],
    ) -> BTreeMap<(SubjectIndex, u64), Numbers> {
        let mut sent = vec![false; callbacks.len()];
        for delivery in &self.deliveries {
            sent[delivery.callback] = true;
        }
        let mut numbers: BTreeMap<(SubjectIndex, u64), Numbers> = BTreeMap::new();
        for (callback, sent) in callbacks.iter().zip(sent) {
            if let Some(number) = callback.what.number() {
                let life = numbers.entry((callback.about, callback.life)).or_default();
                let known = if sent {
                    &mut life.arrived
                } else {
                    &mut life.lost
                };
                known.insert(number);
            }
        }
        numbers
    }
}

/// Most callbacks arrive at once; some are held up on the way; some need one or
/// more of the vendor's retries, which come after 2, 6, 14 and 30 seconds. All
/// of it is to the scale of the longest.
fn delay(disorder: &Disorder, rng: &mut Pcg64) -> u64 {
    let per_mille: Range<u64> = match rng.random_range(0..100) {
        0..70 => 0..2,
        70..90 => 2..60,
        90..95 => 66..80,
        95..97 => 200..220,
        97..99 => 466..490,
        _ => 950..1000,
    };
    // Drawn in thousandths of thousandths, for scales below a second.
    let drawn = rng.random_range(per_mille.start * 1000..per_mille.end * 1000);
    disorder.delay_max * drawn / 1_000_000
}
