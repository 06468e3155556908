//! Whoever opened a connection, and what is known of them.

use std::{
    future::Future,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
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

pin_project! {
    /// What is done on a connection, as long as the connection need not give way to another one.
    /// When it has to, this ends with the default value, and is to be dropped, with the
    /// connection in it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct UnlessRecalled<F> {
        // Fields are dropped in this order: the socket is closed before another may take its place.
        #[pin]
        work: F,
        caller: Caller,
    }
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
    /// One from an address, as limits see it.
    pub(super) fn new(address: SocketAddr, peer: Peer, place: Place) -> Self {
        Self::seated(Some(address), peer, Some(place))
    }

    /// Somebody whose connection was not accepted by a listener, and takes no place.
    pub fn unknown() -> Self {
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        Self::seated(None, nowhere.into(), None)
    }

    fn seated(address: Option<SocketAddr>, peer: Peer, place: Option<Place>) -> Self {
        Self(Arc::new(Seat {
            address,
            peer,
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

    /// Whether the connection does not have to give way to others.
    #[cfg(test)]
    pub(crate) fn is_kept(&self) -> bool {
        self.0.standing.load(Relaxed) != Standing::Stranger as u8
    }

    /// Whoever sent something on this connection proved who they are: the caller, or somebody for
    /// whom the caller speaks. The connection does not have to give way to others, and the sender
    /// has no share.
    pub fn trust(&self, sender: Peer) {
        let news = self.raise(Standing::Trusted);
        if let Some(place) = news {
            place.holding.keep();
        }
        // A proxy's connection brings what many senders send.
        if let Some(place) = news.or(self.0.place.as_ref())
            && (news.is_some() || sender != self.0.peer)
        {
            place.trust.add(sender);
        }
    }

    /// The place of the connection, if this is news of it. Every callback comes by here, and
    /// only the first of a connection takes a lock.
    fn raise(&self, standing: Standing) -> Option<&Place> {
        let (to, from) = (standing as u8, &self.0.standing);
        let is_news = from.load(Relaxed) < to && from.fetch_max(to, Relaxed) < to;
        self.0.place.as_ref().filter(|_| is_news)
    }

    /// Does what the connection is for, until that ends or the connection has to give way to
    /// another one. Only one task may do so at a time.
    pub fn unless_recalled<F: Future>(self, work: F) -> UnlessRecalled<F> {
        UnlessRecalled { work, caller: self }
    }
}

// === impl UnlessRecalled ===

impl<F> Future for UnlessRecalled<F>
where
    F: Future,
    F::Output: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // Asked first, because one that always has something to do has to end, too. It is asked
        // also when it is kept by now: the recall may have come before.
        if let Some(place) = &this.caller.0.place
            && place.holding.poll_recalled(cx).is_ready()
        {
            return Poll::Ready(F::Output::default());
        }
        this.work.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};

    use prometheus_client::metrics::counter::Counter;
    use tokio_test::{assert_pending, assert_ready, task};

    use crate::net::budget::{Budget, Limits};

    use super::*;

    /// A connection, and a stranger who wants its place. There is only one.
    fn caller() -> (Caller, impl Fn() -> Holding) {
        let limits = Limits {
            all_max: 1,
            peer_max: 1,
        };
        let trust = Trust::default();
        let budget = Budget::new("tests", limits, trust.clone(), Counter::default());
        let [one, other]: [SocketAddr; 2] =
            ["10.0.0.1:1", "10.0.0.2:1"].map(|address| address.parse().unwrap());
        let holding = budget.take(Peer::from(one.ip()), 1).unwrap();
        let place = Place::new(holding, trust, &Gauge::default());
        let caller = Caller::new(one, one.ip().into(), place);
        (caller, move || {
            budget.take(Peer::from(other.ip()), 1).unwrap()
        })
    }

    #[test]
    fn a_connection_that_waits_for_what_does_not_come_gives_way() {
        let (caller, displace) = caller();
        let mut served = task::spawn(caller.unless_recalled(pending::<()>()));
        assert_pending!(served.poll());
        let _other = displace();
        assert!(served.is_woken());
        assert_ready!(served.poll());
    }

    #[test]
    fn a_connection_that_always_has_something_to_do_gives_way() {
        let (caller, displace) = caller();
        let busy = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        let mut served = task::spawn(caller.unless_recalled(busy));
        assert_pending!(served.poll());
        let _other = displace();
        assert_ready!(served.poll());
    }

    #[test]
    fn a_connection_that_is_recalled_before_it_is_kept_gives_way() {
        let (caller, displace) = caller();
        let _other = displace();
        caller.keep();
        let served = caller.unless_recalled(ready(Some("done")));
        assert_eq!(assert_ready!(task::spawn(served).poll()), None);
    }

    #[test]
    fn a_connection_without_a_place_is_served() {
        let served = Caller::unknown().unless_recalled(ready(Some("done")));
        assert_eq!(assert_ready!(task::spawn(served).poll()), Some("done"));
    }
}
