//! What vendors' signatures have in common: a hash in hex, and a time in
//! seconds.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use super::{Offset, Refusal, Terms, fields::whole_number};

/// Whether `given` is the hex of `expected`, in either case. Takes the same time
/// whatever part of it is wrong.
pub fn is_hex_of<const BYTES: usize>(expected: &[u8; BYTES], given: &str) -> bool {
    let mut bytes = [0; BYTES];
    // The length check refuses a prefix `0x`, which the decoder would accept.
    let is_hex = given.len() == 2 * BYTES && const_hex::decode_to_slice(given, &mut bytes).is_ok();
    is_hex && bool::from(expected.ct_eq(&bytes))
}

/// Checks that `timestamp`, in seconds, is no further from the time of receipt than the
/// freshness window. `field` is where it is from.
///
/// # Errors
/// When it is further, or no time at all.
pub fn check_fresh(field: &'static str, timestamp: &str, terms: &Terms<'_>) -> Result<(), Refusal> {
    let Terms {
        now,
        freshness_window,
        ..
    } = *terms;
    let Some(seconds) = whole_number(timestamp) else {
        return Err(Refusal::SignatureStale { field, off: None });
    };
    let signed_at = seconds.saturating_mul(1000);
    let distance = Duration::from_millis(signed_at.abs_diff(now.as_millis()));
    if distance > freshness_window {
        let off = Some(Offset::between(signed_at, now));
        return Err(Refusal::SignatureStale { field, off });
    }
    Ok(())
}
