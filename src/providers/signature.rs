//! What vendors' signatures have in common: a hash in hex, and a time in
//! seconds.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use crate::domain::Time;

/// Whether `given` is the hex of `expected`, in either case. Takes the same time
/// whatever part of it is wrong.
pub fn is_hex_of<const BYTES: usize>(expected: &[u8; BYTES], given: &str) -> bool {
    let mut bytes = [0; BYTES];
    // The length check refuses a prefix `0x`, which the decoder would accept.
    let is_hex = given.len() == 2 * BYTES && const_hex::decode_to_slice(given, &mut bytes).is_ok();
    is_hex && bool::from(expected.ct_eq(&bytes))
}

/// Whether `timestamp`, in seconds, is no further from `now` than `window`.
pub fn is_fresh(timestamp: &str, now: Time, window: Duration) -> bool {
    let is_number = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let Some(seconds) = timestamp.parse::<u64>().ok().filter(|_| is_number) else {
        return false;
    };
    let distance = seconds.saturating_mul(1000).abs_diff(now.as_millis());
    Duration::from_millis(distance) <= window
}
