//! The digest that tells whether a copy has drifted, as `Progress.digest` defines it.

use std::hash::Hasher as _;

use fnv::FnvHasher;

use crate::pb;

/// The digest of a room's users: the sum, modulo 2^64, of each user's hash.
pub fn digest<'u>(users: impl IntoIterator<Item = &'u pb::RoomUser>) -> u64 {
    let hashes = users
        .into_iter()
        .map(|user| session_hash(&user.user_id, &user.session_id));
    hashes.fold(0, u64::wrapping_add)
}

/// What one session of a user adds to a digest: an FNV-1a hash.
pub(crate) fn session_hash(user_id: &str, session_id: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(user_id.as_bytes());
    hasher.write(&[0]);
    hasher.write(session_id.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_user(id: &str, session: &str) -> pb::RoomUser {
        pb::RoomUser {
            user_id: id.into(),
            session_id: session.into(),
            ..Default::default()
        }
    }

    #[test]
    fn digest_is_the_sum_of_fnv_1a_hashes() {
        assert_eq!(digest([]), 0);
        // The hash of one zero byte alone.
        assert_eq!(digest([&mk_user("", "")]), 0xaf63_bd4c_8601_b7df);
        let (a, b) = (mk_user("a", "1"), mk_user("b", "2"));
        assert_eq!(digest([&a, &b]), digest([&a]).wrapping_add(digest([&b])));
        assert_ne!(digest([&mk_user("ab", "c")]), digest([&mk_user("a", "bc")]));
    }
}
