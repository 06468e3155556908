//! The peers that proved who they are.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::net::Peer;

/// How many peers are remembered. Vendors and their relays send from far fewer addresses; the
/// one that proved itself longest ago is forgotten first. A peer that is forgotten is a stranger
/// until it proves itself again.
const PEERS_MAX: usize = 4096;

/// The peers of a front that proved who they are. Clones are the same set.
#[derive(Clone, Debug, Default)]
pub struct Trust(Arc<Mutex<Trusted>>);

#[derive(Debug, Default)]
struct Trusted {
    /// When each peer proved itself last, as a number that grows with every proof.
    peers: HashMap<Peer, u64>,
    proofs: u64,
}

impl Trust {
    /// Notes that a peer proved who it is.
    pub fn add(&self, peer: Peer) {
        let Trusted { peers, proofs } = &mut *self.0.lock();
        *proofs += 1;
        peers.insert(peer, *proofs);
        if peers.len() > PEERS_MAX
            && let Some((&oldest, _)) = peers.iter().min_by_key(|&(_, proof)| *proof)
        {
            peers.remove(&oldest);
        }
    }

    /// Whether a peer proved who it is.
    pub fn has(&self, peer: Peer) -> bool {
        self.0.lock().peers.contains_key(&peer)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn who_proved_itself_longest_ago_is_forgotten_first() {
        let trust = Trust::default();
        let peer = |n: usize| Peer::from(IpAddr::from(Ipv4Addr::from_bits(n as u32)));
        (0..PEERS_MAX).for_each(|n| trust.add(peer(n)));
        trust.add(peer(0));
        trust.add(peer(PEERS_MAX));
        assert!(trust.has(peer(0)) && trust.has(peer(PEERS_MAX)));
        assert!(!trust.has(peer(1)));
        assert!(trust.has(peer(2)));
    }
}
