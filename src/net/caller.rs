//! Whoever opened a connection, and what is known of them.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use prometheus_client::metrics::gauge::Gauge;

use super::{
    Peer,
    budget::{Holding, Trust},
};

/// Whoever opened a connection. What serves the connection says here what they proved. Clones
/// are of the same connection, which counts as open until the last is dropped.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Seat>);

#[derive(Debug)]
struct Seat {
    address: Option<SocketAddr>,
    peer: Peer,
    place: Option<Place>,
    /// A [`Standing`]. It never falls.
    standing: AtomicU8,
}

/// The place of one open connection among those that a front may have.
#[derive(Debug)]
pub(super) struct Place {
    holding: Holding,
    trust: Trust,
    open: Gauge,
}

/// What a caller proved on this connection.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Standing {
    Stranger,
    Kept,
    Trusted,
}

// === impl Place ===

impl Place {
    /// Counts one more in `open`.
    pub(super) fn new(holding: Holding, trust: Trust, open: &Gauge) -> Self {
        open.inc();
        Self {
            holding,
            trust,
            open: open.clone(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.dec();
    }
}

// === impl Caller ===

impl Caller {
    pub(super) fn new(address: SocketAddr, place: Place) -> Self {
        Self::seated(Some(address), Some(place))
    }

    /// Somebody whose connection was not accepted by a listener, and takes no place.
    pub fn unknown() -> Self {
        Self::seated(None, None)
    }

    fn seated(address: Option<SocketAddr>, place: Option<Place>) -> Self {
        let ip = address.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |address| address.ip());
        Self(Arc::new(Seat {
            address,
            peer: Peer::from(ip),
            place,
            standing: AtomicU8::new(Standing::Stranger as u8),
        }))
    }

    /// The client's address, if a front has accepted the connection.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.address
    }

    /// Where the connection comes from, as limits see it.
    pub fn peer(&self) -> Peer {
        self.0.peer
    }

    /// From now on the connection does not have to give way to others.
    pub fn keep(&self) {
        if let Some(place) = self.raise(Standing::Kept) {
            place.holding.keep();
        }
    }

    /// The caller proved who they are. Their connection does not have to give way to others,
    /// and their address has no share.
    pub fn trust(&self) {
        if let Some(place) = self.raise(Standing::Trusted) {
            place.trust.add(self.0.peer);
            place.holding.keep();
        }
    }

    /// The place of the connection, if this is news of it. Every callback comes by here, and
    /// only the first of a connection takes a lock.
    fn raise(&self, standing: Standing) -> Option<&Place> {
        let (to, from) = (standing as u8, &self.0.standing);
        let is_news = from.load(Relaxed) < to && from.fetch_max(to, Relaxed) < to;
        self.0.place.as_ref().filter(|_| is_news)
    }

    /// Ready when the connection has to give way to another one. The task that polled last is
    /// woken.
    pub(super) fn poll_recalled(&self, cx: &Context<'_>) -> Poll<()> {
        // Also when it is kept by now: the recall may have come before.
        match &self.0.place {
            Some(place) => place.holding.poll_recalled(cx),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use tokio_test::{assert_ready, task};

    use crate::net::budget::{Budget, Limits};

    use super::*;

    #[test]
    fn a_connection_that_is_recalled_before_it_is_kept_gives_way() {
        let limits = Limits {
            all_max: 1,
            peer_max: 1,
        };
        let trust = Trust::default();
        let budget = Budget::new("tests", limits, trust.clone(), Counter::default());
        let [one, other]: [SocketAddr; 2] =
            ["10.0.0.1:1", "10.0.0.2:1"].map(|address| address.parse().unwrap());
        let holding = budget.take(Peer::from(one.ip()), 1).unwrap();
        let caller = Caller::new(one, Place::new(holding, trust, &Gauge::default()));
        let _other = budget.take(Peer::from(other.ip()), 1).unwrap();
        caller.keep();
        let recalled = std::future::poll_fn(|cx| caller.poll_recalled(cx));
        assert_ready!(task::spawn(recalled).poll());
    }
}
