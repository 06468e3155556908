//! Times, counted by how long they are.

use std::{
    fmt, iter,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric, counter::Counter},
};

/// The bounds for waits that should be short, in seconds: vendors give up after five.
const WAITS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// Counts times by how long they are. Clones count together.
///
/// The library's own locks a mutex for each time, and threads that answer requests would wait for
/// each other. This one counts with atomics.
#[derive(Clone)]
pub struct Histogram(Arc<Inner>);

struct Inner {
    /// Ascending, in seconds.
    bounds: &'static [f64],
    /// How many times were at most as long as each bound and longer than the one before; and how
    /// many were longer than all.
    counts: Box<[AtomicU64]>,
    /// All times together, in seconds.
    sum: Counter<f64, AtomicU64>,
}

impl Histogram {
    /// Counts by these bounds, which are in seconds and ascend.
    pub fn new(bounds: &'static [f64]) -> Self {
        let counts = iter::repeat_with(AtomicU64::default).take(bounds.len() + 1);
        Self(Arc::new(Inner {
            bounds,
            counts: counts.collect(),
            sum: Counter::default(),
        }))
    }

    /// Counts a time.
    pub fn observe(&self, time: Duration) {
        let Inner {
            bounds,
            counts,
            sum,
        } = &*self.0;
        let seconds = time.as_secs_f64();
        let bound = bounds.partition_point(|bound| *bound < seconds);
        counts[bound].fetch_add(1, Relaxed);
        sum.inc_by(seconds);
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.0.counts.iter().map(|count| count.load(Relaxed)).sum()
    }
}

impl Default for Histogram {
    /// For waits that should be short: from a tenth of a millisecond to ten seconds.
    fn default() -> Self {
        Self::new(WAITS)
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let Inner {
            bounds,
            counts,
            sum,
        } = &*self.0;
        // Read once, so that the count is that of the buckets.
        let counts = counts.iter().map(|count| count.load(Relaxed));
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(sum.get(), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    #[test]
    fn a_time_counts_in_every_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::new(&[0.001, 1.0]);
        let mut registry = Registry::default();
        registry.register("waits_seconds", "Waits", histogram.clone());
        for millis in [0, 1, 2, 1_000, 5_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut page = String::new();
        text::encode(&mut page, &registry).unwrap();
        let expected = "\
            # HELP waits_seconds Waits.\n\
            # TYPE waits_seconds histogram\n\
            waits_seconds_sum 6.003\n\
            waits_seconds_count 5\n\
            waits_seconds_bucket{le=\"0.001\"} 2\n\
            waits_seconds_bucket{le=\"1.0\"} 4\n\
            waits_seconds_bucket{le=\"+Inf\"} 5\n\
            # EOF\n";
        assert_eq!(page, expected);
    }
}
