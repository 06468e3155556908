//! Digests. A client compares digests to check its copy of a room or a user.

use std::hash::Hasher as _;

use fnv::FnvHasher;

/// The digest of one member or device: the 64-bit FNV-1a hash of the user id, a zero byte,
/// and the session id. The digest of several is the wrapping sum of their digests.
pub fn digest_of(user: &str, session: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(user.as_bytes());
    hasher.write(&[0]);
    hasher.write(session.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_fnv_1a() {
        // FNV-1a of "a\0b", from the published constants.
        let by_hand = [b'a', 0, b'b']
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        assert_eq!(digest_of("a", "b"), by_hand);
    }
}
