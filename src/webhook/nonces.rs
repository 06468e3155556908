//! Detects a signature that is used again for another content.
//!
//! Some vendors' signatures do not cover the body, so an attacker who saw a signature can send
//! any body with it for as long as it is fresh. A retry may repeat its signature too, but its
//! content is the same, though perhaps in another spelling.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    fmt,
    hash::{BuildHasher as _, Hash, Hasher, RandomState},
    mem,
};

use parking_lot::Mutex;

use crate::{
    domain::{AppName, Decoded},
    providers::{Fields, NoncePair},
};

/// The content of an authentic callback, to be hashed. Of a callback with events, these are
/// hashed. Of one that is ignored or cannot be decoded, the fields are hashed.
pub(super) struct Content<'a> {
    pub(super) decoded: &'a Decoded,
    pub(super) fields: &'a Fields<'a>,
    /// The names of the fields that only sign it, which are not content.
    pub(super) signature_fields: &'a [&'a str],
}

/// The signatures seen, each with its first content. Their number is bounded: the oldest is
/// forgotten first. Of both, only hashes of 64 bits are kept. They are keyed, so that a sender
/// cannot make two collide.
pub(super) struct Nonces {
    pairs_max: usize,
    hasher: RandomState,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    content_by_pair: HashMap<u64, u64>,
    /// The keys of the map, oldest first.
    order: VecDeque<u64>,
}

impl Nonces {
    pub(super) fn new(pairs_max: usize) -> Self {
        Self {
            pairs_max,
            hasher: RandomState::new(),
            seen: Mutex::default(),
        }
    }

    /// Whether this signature came with another content before. If it is new, it
    /// is remembered.
    pub(super) fn is_reused(
        &self,
        app: &AppName,
        pair: &NoncePair<'_>,
        content: &Content<'_>,
    ) -> bool {
        let pair = self.hasher.hash_one((app, pair));
        let content = self.hasher.hash_one(content);
        let seen = &mut *self.seen.lock();
        match seen.content_by_pair.entry(pair) {
            Entry::Occupied(first) => return *first.get() != content,
            Entry::Vacant(vacant) => vacant.insert(content),
        };
        seen.order.push_back(pair);
        if seen.order.len() > self.pairs_max
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.content_by_pair.remove(&oldest);
        }
        false
    }
}

// === impl Content ===

impl Hash for Content<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.decoded {
            Decoded::Room(_) | Decoded::User(_) => return self.decoded.hash(state),
            Decoded::Ignored { .. } => self.decoded.hash(state),
            // The message is about the decoder, not about the content.
            Decoded::Undecodable { .. } => mem::discriminant(self.decoded).hash(state),
        }
        self.fields.hash_except(self.signature_fields, state);
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces")
            .field("pairs_max", &self.pairs_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_reused(nonces: &Nonces, app: &str, nonce: &str, events: &str) -> bool {
        let pair = NoncePair {
            timestamp: "1".into(),
            nonce: nonce.into(),
        };
        let content = Content {
            decoded: &Decoded::Ignored {
                event: events.into(),
            },
            fields: &Fields::default(),
            signature_fields: &[],
        };
        nonces.is_reused(&app.into(), &pair, &content)
    }

    #[test]
    fn only_other_events_are_reuse_and_the_first_ones_are_kept() {
        let nonces = Nonces::new(8);
        assert!(!is_reused(&nonces, "a", "1", "login"));
        assert!(!is_reused(&nonces, "a", "1", "login"));
        assert!(is_reused(&nonces, "a", "1", "logout"));
        assert!(is_reused(&nonces, "a", "1", "logout"));
        assert!(!is_reused(&nonces, "a", "1", "login"));
        assert!(!is_reused(&nonces, "a", "2", "logout"));
        assert!(!is_reused(&nonces, "b", "1", "logout"));
    }

    #[test]
    fn the_oldest_pair_is_forgotten_first() {
        let nonces = Nonces::new(2);
        for nonce in ["1", "2", "3"] {
            assert!(!is_reused(&nonces, "a", nonce, "login"));
        }
        assert!(is_reused(&nonces, "a", "2", "logout"));
        assert!(is_reused(&nonces, "a", "3", "logout"));
        assert!(!is_reused(&nonces, "a", "1", "logout"));
        let seen = nonces.seen.lock();
        assert_eq!((seen.content_by_pair.len(), seen.order.len()), (2, 2));
    }

    #[test]
    fn a_table_without_room_remembers_nothing() {
        let nonces = Nonces::new(0);
        assert!(!is_reused(&nonces, "a", "1", "login"));
        assert!(!is_reused(&nonces, "a", "1", "logout"));
    }
}
