//! Derives from the options the shape of a world, and how late callbacks arrive.

use std::time::Duration;

use crate::simulate::{
    options::{Forgetting, HORIZON, Options, PAST},
    world::Shape,
};

/// Between the start and the first callback, when callbacks have their times.
const LEAD: Duration = Duration::from_millis(300);

/// The longest delay of a callback: in a world where all is sent at once, and in
/// one that is sent as it happens.
const DELAY_MAX: Duration = Duration::from_secs(30);
const TIMED_DELAY_MAX: Duration = Duration::from_secs(3);

/// The shape of a run that begins at `now`.
pub(super) fn shape(options: &Options, now: u64) -> Shape {
    let (from, until, callbacks) = match (options.forgetting, options.rate) {
        (Some(Forgetting { horizon, .. }), _) => {
            let from = now + millis(LEAD);
            (from, from + millis(horizon), options.callbacks)
        }
        (None, Some(rate)) => {
            let from = now + millis(LEAD);
            let room = options.duration.saturating_sub(3 * TIMED_DELAY_MAX + LEAD);
            // Truncation of a whole number of callbacks.
            let callbacks = options
                .callbacks
                .min((room.as_secs_f64() * rate) as usize)
                .max(1);
            let span = Duration::from_secs_f64(callbacks as f64 / rate);
            (from, from + millis(span), callbacks)
        }
        (None, None) => {
            let from = now.saturating_sub(millis(PAST));
            (from, now, options.callbacks)
        }
    };
    let horizon = options.forgetting.map_or(HORIZON, |server| server.horizon);
    Shape {
        seed: options.seed,
        tag: options.tag.clone(),
        vendor: options.vendor,
        rooms: options.rooms,
        users: options.users,
        callbacks,
        from,
        until,
        horizon: millis(horizon),
        forgets: options.forgetting.map(|server| millis(server.grace)),
    }
}

pub(super) fn delay_max(options: &Options) -> u64 {
    millis(match options.forgetting {
        Some(server) => server.horizon / 5,
        None if options.is_timed() => TIMED_DELAY_MAX,
        None => DELAY_MAX,
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
