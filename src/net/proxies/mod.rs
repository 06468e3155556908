//! Proxies in front of a front, and whom they speak for.
//!
//! A proxy that is configured says in `Forwarded` (RFC 7239) or `X-Forwarded-For` who its client
//! is. Every proxy on the way adds itself at the right, so what is at the right of a header was
//! written by those that are trusted, and what is at the left by anybody. The client is therefore
//! the right-most address that is no proxy of the configuration.
//!
//! What cannot be read ends the search, and the last good address at the right of it is the
//! client: going on would let whoever wrote the rest choose. The same holds for a hop that hides
//! who its client is (`unknown`, `_hidden`).
//!
//! A proxy usually writes one of the two headers and passes the other one on, from anybody. Which
//! one it writes cannot be seen. So where both are there, they count only as far as they agree.

mod chain;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use http::HeaderMap;
use parking_lot::RwLock;

use super::Peer;
use crate::domain::Networks;

/// The proxies whose word is taken for who their clients are. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<RwLock<Networks>>);

/// Whoever sent a request, by the word of the proxies in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Their address; that of the last proxy whose word is good, if it does not say.
    pub address: Option<IpAddr>,
    /// The same, as limits see it.
    pub peer: Peer,
    /// Whether the two headers disagree, so that this is a proxy only for want of better.
    pub is_disputed: bool,
}

impl Proxies {
    /// The proxies of these networks.
    pub fn new(networks: Networks) -> Self {
        Self(Arc::new(RwLock::new(networks)))
    }

    /// Takes the word of these from now on, also for connections that are open.
    pub fn replace(&self, networks: Networks) {
        *self.0.write() = networks;
    }

    /// Whether an address is that of a proxy.
    pub fn has(&self, address: IpAddr) -> bool {
        self.0.read().contains(address)
    }

    /// Whoever sent a request with these headers on a connection from there.
    pub fn sender(&self, from: Option<SocketAddr>, headers: &HeaderMap) -> Sender {
        let Some(from) = from else {
            return Sender {
                address: None,
                peer: Peer::from(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
                is_disputed: false,
            };
        };
        let from = from.ip().to_canonical();
        let proxies = self.0.read();
        let (address, is_disputed) = match proxies.contains(from) {
            true => chain::client(from, headers, &proxies),
            false => (from, false),
        };
        Sender {
            address: Some(address),
            peer: address.into(),
            is_disputed,
        }
    }
}
