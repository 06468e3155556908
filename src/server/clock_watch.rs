//! Tells operators when the clocks disagree.

use std::sync::atomic::AtomicU64;

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{parts::Parts, upkeep::looks};
use crate::domain::{Clock, ClockState, STEP_MIN};

/// Compares the clocks once a second. It says what changed, so it needs no throttle.
#[derive(Debug, Default)]
pub(super) struct ClockWatch {
    system_ahead: Gauge<f64, AtomicU64>,
    /// The step that was told last, in milliseconds; 0 if there is none.
    step: i64,
    /// How far the service's time had been moved at the last look, in milliseconds.
    moved: i64,
    is_doubted: bool,
}

impl ClockWatch {
    /// Adds the metrics to a registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let watch = Self::default();
        registry.register(
            "clock_offset_seconds",
            "How far the system's clock is ahead of this service's time, which does not follow a step until vendors confirm it",
            watch.system_ahead.clone(),
        );
        watch
    }

    /// Compares the clocks until `drain` is cancelled.
    pub(super) fn spawn(self, parts: &mut Parts, drain: &CancellationToken, clock: Clock) {
        let drained = drain.clone();
        parts.spawn(async move {
            drained.run_until_cancelled(self.keep_looking(clock)).await;
            ("the clock", Ok(()))
        });
    }

    async fn keep_looking(mut self, clock: Clock) {
        let mut looks = looks();
        loop {
            looks.tick().await;
            self.look(clock.state());
        }
    }

    fn look(&mut self, state: ClockState) {
        let ClockState {
            system_ahead,
            moved,
            vendors_ahead,
            is_certain,
        } = state;
        self.system_ahead.set(seconds(system_ahead));
        if moved != self.moved {
            let by = seconds(moved - self.moved);
            self.moved = moved;
            warn!(
                by,
                "this service's time follows the system's clock: the vendors confirm it"
            );
        }
        let is_step = system_ahead.unsigned_abs() > STEP_MIN;
        if is_step && system_ahead.abs_diff(self.step) > STEP_MIN {
            self.step = system_ahead;
            let offset = seconds(system_ahead);
            warn!(
                offset,
                "the system's clock jumped: this service's time follows it when three vendor times confirm it"
            );
        } else if !is_step && self.step != 0 {
            self.step = 0;
            info!("the system's clock and this service's time agree again");
        }
        // Until a vendor is heard, there is nothing to compare with.
        if let Some(vendors_ahead) = vendors_ahead
            && self.is_doubted == is_certain
        {
            self.is_doubted = !is_certain;
            let offset = seconds(vendors_ahead);
            if is_certain {
                info!(
                    offset,
                    "the clocks of this machine and of the vendors agree again"
                );
            } else {
                warn!(
                    offset,
                    "the clocks of this machine and of the vendors differ: callbacks that seem too late or too early are answered 503"
                );
            }
        }
    }
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn a_step_is_on_the_page_until_it_is_over() {
        let mut registry = Registry::with_prefix("headcount");
        let mut watch = ClockWatch::register(&mut registry);
        for (system_ahead, line) in [
            (0, "headcount_clock_offset_seconds 0.0"),
            (3_600_500, "headcount_clock_offset_seconds 3600.5"),
            (-2, "headcount_clock_offset_seconds -0.002"),
        ] {
            watch.look(ClockState {
                system_ahead,
                moved: 0,
                vendors_ahead: None,
                is_certain: false,
            });
            let mut page = String::new();
            text::encode(&mut page, &registry).unwrap();
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
            assert_eq!(watch.step != 0, system_ahead > 1_000);
        }
    }
}
