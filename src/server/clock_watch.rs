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

/// What is new about the clocks. Differences are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// The service's time was moved by so much.
    Moved(i64),
    /// The system's clock is so far ahead of the service's time.
    Stepped(i64),
    /// The system's clock is no longer away from it.
    StepIsOver,
    /// The vendors' time is so far ahead of the service's time, and one of them may be wrong.
    Doubted(i64),
    /// The same, and both are right.
    Certain(i64),
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
            self.look(clock.state()).into_iter().for_each(News::tell);
        }
    }

    /// Compares the clocks. Returns what is new since the last look.
    fn look(&mut self, state: ClockState) -> Vec<News> {
        let ClockState {
            system_ahead,
            moved,
            vendors_ahead,
            is_certain,
        } = state;
        self.system_ahead.set(seconds(system_ahead));
        let mut news = Vec::new();
        if moved != self.moved {
            news.push(News::Moved(moved - self.moved));
            self.moved = moved;
        }
        let is_step = system_ahead.unsigned_abs() > STEP_MIN;
        if is_step && system_ahead.abs_diff(self.step) > STEP_MIN {
            self.step = system_ahead;
            news.push(News::Stepped(system_ahead));
        } else if !is_step && self.step != 0 {
            self.step = 0;
            news.push(News::StepIsOver);
        }
        // Until a vendor is heard, there is nothing to compare with.
        if let Some(vendors_ahead) = vendors_ahead
            && self.is_doubted == is_certain
        {
            self.is_doubted = !is_certain;
            news.push(match is_certain {
                true => News::Certain(vendors_ahead),
                false => News::Doubted(vendors_ahead),
            });
        }
        news
    }
}

impl News {
    fn tell(self) {
        match self {
            Self::Moved(by) => warn!(
                by = seconds(by),
                "this service's time follows the system's clock: the vendors confirm it"
            ),
            Self::Stepped(ahead) => warn!(
                offset = seconds(ahead),
                "the system's clock jumped: this service's time follows it when three vendor times confirm it"
            ),
            Self::StepIsOver => info!("the system's clock and this service's time agree again"),
            Self::Doubted(ahead) => warn!(
                offset = seconds(ahead),
                "the clocks of this machine and of the vendors differ: callbacks that seem too late or too early are answered 503"
            ),
            Self::Certain(ahead) => info!(
                offset = seconds(ahead),
                "the clocks of this machine and of the vendors agree again"
            ),
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

    const SECOND: i64 = 1_000;
    const HOUR: i64 = 3_600 * SECOND;

    const AGREEING: ClockState = ClockState {
        system_ahead: 0,
        moved: 0,
        vendors_ahead: Some(0),
        is_certain: true,
    };

    #[test]
    fn the_offset_of_the_systems_clock_is_on_the_page() {
        let mut registry = Registry::with_prefix("headcount");
        let mut watch = ClockWatch::register(&mut registry);
        for (system_ahead, line) in [
            (0, "headcount_clock_offset_seconds 0.0"),
            (3_600_500, "headcount_clock_offset_seconds 3600.5"),
            (-2, "headcount_clock_offset_seconds -0.002"),
        ] {
            watch.look(ClockState {
                system_ahead,
                ..AGREEING
            });
            let mut page = String::new();
            text::encode(&mut page, &registry).unwrap();
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }

    #[test]
    fn a_step_is_told_when_it_begins_when_it_changes_and_when_it_is_over() {
        let mut watch = ClockWatch::default();
        let rows = [
            (SECOND, vec![]),
            (HOUR, vec![News::Stepped(HOUR)]),
            (HOUR + SECOND, vec![]),
            (-HOUR, vec![News::Stepped(-HOUR)]),
            (-HOUR, vec![]),
            (-SECOND, vec![News::StepIsOver]),
            (0, vec![]),
            // A clock that creeps away is told of after each further second.
            (SECOND + 1, vec![News::Stepped(SECOND + 1)]),
            (2 * SECOND + 1, vec![]),
            (2 * SECOND + 2, vec![News::Stepped(2 * SECOND + 2)]),
        ];
        for (system_ahead, news) in rows {
            let state = ClockState {
                system_ahead,
                ..AGREEING
            };
            assert_eq!(watch.look(state), news, "{system_ahead}");
        }
    }

    #[test]
    fn a_move_of_the_time_is_told_once_by_how_much_it_was() {
        let mut watch = ClockWatch::default();
        let rows = [
            (0, vec![]),
            (HOUR, vec![News::Moved(HOUR)]),
            (HOUR, vec![]),
            (-HOUR, vec![News::Moved(-2 * HOUR)]),
        ];
        for (moved, news) in rows {
            let state = ClockState { moved, ..AGREEING };
            assert_eq!(watch.look(state), news, "{moved}");
        }
    }

    #[test]
    fn doubt_is_told_once_a_vendor_is_heard_and_when_it_is_over() {
        let mut watch = ClockWatch::default();
        let rows = [
            (None, false, vec![]),
            (Some(HOUR), false, vec![News::Doubted(HOUR)]),
            (Some(HOUR), false, vec![]),
            (Some(SECOND), true, vec![News::Certain(SECOND)]),
            (Some(0), true, vec![]),
            (None, false, vec![]),
        ];
        for (vendors_ahead, is_certain, news) in rows {
            let state = ClockState {
                vendors_ahead,
                is_certain,
                ..AGREEING
            };
            assert_eq!(watch.look(state), news, "{vendors_ahead:?}, {is_certain}");
        }
    }
}
