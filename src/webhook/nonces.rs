//! Notices a signature that comes back with another body.
//!
//! Some vendors' signatures cover no body, so whoever saw one can send anything
//! with it for as long as it is fresh. A retry may repeat its signature too, but
//! with the same events.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use parking_lot::Mutex;

use crate::{
    event::AppName,
    vendor::{Decoded, NoncePair},
};

/// The signatures seen, each with the events it first came with. Bounded: the
/// oldest is forgotten first. A keyed hash of 64 bits stands for each side, so
/// that nobody outside can make two collide.
pub(super) struct Nonces {
    pairs_max: usize,
    hasher: RandomState,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    events_by_pair: HashMap<u64, u64>,
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

    /// Whether this signature came with other events before. If it is new, it
    /// is remembered.
    pub(super) fn is_reused(&self, app: &AppName, pair: &NoncePair<'_>, events: &Decoded) -> bool {
        let pair = self.hasher.hash_one((app, pair));
        let events = self.hasher.hash_one(events);
        let seen = &mut *self.seen.lock();
        match seen.events_by_pair.entry(pair) {
            Entry::Occupied(first) => return *first.get() != events,
            Entry::Vacant(vacant) => vacant.insert(events),
        };
        seen.order.push_back(pair);
        if seen.order.len() > self.pairs_max
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.events_by_pair.remove(&oldest);
        }
        false
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
        nonces.is_reused(&app.into(), &pair, &Decoded::undecodable(events))
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
        assert_eq!((seen.events_by_pair.len(), seen.order.len()), (2, 2));
    }

    #[test]
    fn a_table_without_room_remembers_nothing() {
        let nonces = Nonces::new(0);
        assert!(!is_reused(&nonces, "a", "1", "login"));
        assert!(!is_reused(&nonces, "a", "1", "logout"));
    }
}
