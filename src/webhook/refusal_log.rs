//! Logs refused requests. Each reason has a throttle of its own for each product, so that a flood
//! of one does not hide the others.

use super::answers::Reason;
use crate::{
    domain::Time,
    net::{Refused, Throttle},
};

/// The throttles of one product.
#[derive(Debug, Default)]
pub(super) struct RefusalLog([Throttle; Reason::ALL.len()]);

impl RefusalLog {
    /// Logs a refused request, unless a line of its kind was logged within the last second.
    pub(super) fn write(&self, reason: Reason, refused: &Refused<'_>, now: Time) {
        // An error line says why already, and a service that starts or stops says so itself.
        if matches!(reason, Reason::Unavailable | Reason::NotReady) {
            return;
        }
        let Some(held_back) = self.0[reason as usize].pass(now) else {
            return;
        };
        tracing::warn!(
            reason = reason.code(),
            product = refused.product,
            path = refused.path,
            app_id = refused.app_id,
            address = refused.address.map(tracing::field::display),
            request_id = refused.request_id.as_str(),
            held_back,
            "refused a request: {}{}",
            refused.message,
            hint(reason)
        );
    }
}

/// What an operator checks first.
fn hint(reason: Reason) -> &'static str {
    match reason {
        Reason::SignatureStale => {
            "; if all callbacks are so far off, check the clock of this machine, else how late they are sent or relayed"
        }
        Reason::ClockUncertain => {
            "; the clocks of this machine and of the vendors differ: check this machine's"
        }
        Reason::SignatureWrong => "; check the secret of the app",
        Reason::RosterFull => {
            "; what is there stays: see who sends so much, or raise the limit if there is memory for it"
        }
        Reason::NotAllowed => "; if it is the vendor, add its network to webhook.allow",
        Reason::RateLimited => {
            "; if it is the vendor, raise webhook.requests_per_second_max: it sends a callback only a few times"
        }
        Reason::NotFound => {
            "; with webhook.path_secret_file, callbacks are taken only below that secret"
        }
        _ => "",
    }
}
