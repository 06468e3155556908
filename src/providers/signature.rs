//! What vendors' signatures have in common: a hash in hex.

use subtle::ConstantTimeEq as _;

/// Whether `given` is the hex of `expected`, in either case. Takes the same time
/// whatever part of it is wrong.
pub fn is_hex_of<const BYTES: usize>(expected: &[u8; BYTES], given: &str) -> bool {
    let mut bytes = [0; BYTES];
    // The length check refuses a prefix `0x`, which the decoder would accept.
    let is_hex = given.len() == 2 * BYTES && const_hex::decode_to_slice(given, &mut bytes).is_ok();
    is_hex && bool::from(expected.ct_eq(&bytes))
}
