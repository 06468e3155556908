//! The peers that proved who they are.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

use crate::net::{Peer, Proxies};

/// How many peers are remembered. Vendors and their relays send from far fewer addresses; the
/// one that proved itself longest ago is forgotten first. A peer that is forgotten is a stranger
/// until it proves itself again.
const PEERS_MAX: usize = 4096;

/// The peers of a front that proved who they are, and the proxies in front of it, which bring what
/// everybody sends. Clones are the same set.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    proved: Arc<Mutex<Trusted>>,
    proxies: Proxies,
}

#[derive(Debug, Default)]
struct Trusted {
    /// When each peer proved itself last, as a number that grows with every proof.
    peers: HashMap<Peer, u64>,
    proofs: u64,
}

impl Trust {
    /// Nobody proved anything yet, and these are the proxies.
    pub fn with_proxies(proxies: Proxies) -> Self {
        Self {
            proved: Arc::default(),
            proxies,
        }
    }

    /// Whom a connection from this address is of.
    pub fn peer(&self, address: IpAddr) -> Peer {
        match self.proxies.has(address) {
            true => Peer::proxies(),
            false => address.into(),
        }
    }

    /// Notes that a peer proved who it is.
    pub fn add(&self, peer: Peer) {
        let Trusted { peers, proofs } = &mut *self.proved.lock();
        *proofs += 1;
        peers.insert(peer, *proofs);
        if peers.len() > PEERS_MAX
            && let Some((&oldest, _)) = peers.iter().min_by_key(|&(_, proof)| *proof)
        {
            peers.remove(&oldest);
        }
    }

    /// Whether a peer proved who it is, or is the proxies.
    pub fn has(&self, peer: Peer) -> bool {
        peer.is_proxies() || self.proved.lock().peers.contains_key(&peer)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

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

    #[test]
    fn proxies_need_no_proof_for_as_long_as_they_are_configured() {
        let proxies = Proxies::new("10.0.0.0/8".parse().unwrap());
        let trust = Trust::with_proxies(proxies.clone());
        let peer = |address: &str| trust.peer(address.parse().unwrap());
        assert!(trust.has(peer("10.0.0.1")) && trust.has(peer("::ffff:10.0.0.2")));
        assert_eq!(peer("10.0.0.1"), peer("10.0.0.2"));
        assert!(!trust.has(peer("11.0.0.1")));
        proxies.replace(Default::default());
        assert!(!trust.has(peer("10.0.0.1")));
    }
}
