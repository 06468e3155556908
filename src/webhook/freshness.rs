//! Whether a callback comes in time: its signature, and its events. While the clocks disagree,
//! what seems not to is refused in a way that lets the vendor send it again.

use super::{
    answers::{Reason, Refused},
    front::WebhookFront,
};
use crate::{
    domain::{Decoded, Times},
    providers::{Fields, Product, Proof, Refusal, SignedAt},
};

impl WebhookFront {
    /// Tells the clock the time of an authentic callback, and asks it for the time of receipt.
    pub(super) fn receive(
        &self,
        proof: &Proof<'_>,
        product: &Product,
        fields: &Fields<'_>,
    ) -> Times {
        let clock = &self.parts.clock;
        if let Some(signed) = proof.signed {
            return clock.hear(signed.at);
        }
        let horizon = self.parts.settings.reorder_horizon;
        (product.event_time)(fields).map_or_else(
            || clock.times(),
            |event| clock.hear_unsigned(event.at, horizon),
        )
    }

    /// Checks that a signature is fresh, by this service's time and by that of the vendors.
    pub(super) fn check_signature_time(
        &self,
        signed: SignedAt,
        times: &Times,
    ) -> Result<(), Refused> {
        let window = self.parts.settings.freshness_window;
        let fresh = match signed.check_fresh(times.own, window) {
            Ok(()) if times.is_too_old(signed.at, window) => Err(signed.stale(times.own)),
            by_own_time => by_own_time,
        };
        fresh.map_err(|refusal| stale(refusal, times))
    }

    /// Checks that all events of a callback have an effect, or that it is certain that they come
    /// too late or too early.
    pub(super) fn check_event_times(
        &self,
        decoded: &Decoded,
        times: &Times,
    ) -> Result<(), Refused> {
        let horizon = self.parts.settings.reorder_horizon;
        if times.is_certain || decoded.times().all(|at| times.is_in_time(at, horizon)) {
            return Ok(());
        }
        Err(Reason::ClockUncertain.because(
            "the event is too far from its receipt to have an effect, by clocks that are not certain: send it again",
        ))
    }
}

fn stale(refusal: Refusal, times: &Times) -> Refused {
    match times.is_certain {
        true => refusal.into(),
        false => Reason::ClockUncertain.because(format!(
            "{refusal}, by clocks that are not certain: send it again"
        )),
    }
}
