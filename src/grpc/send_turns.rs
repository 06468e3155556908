//! Bounds what is made for clients and is not taken by their connections yet.
//!
//! A stream makes a part of a snapshot, a long message of changes or a piece of an answer when it
//! has a turn. The bytes have the turn until they are dropped, wherever they wait: the stream of a
//! client that does not read keeps its turn until it is ended for that. So what such streams hold
//! is bounded, for each connection, each peer and in all. At the limit a stream waits, first come,
//! first served. A message of at most [`SHORT_BYTES`] needs no turn: it takes no more than the
//! stream itself.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::net::Peer;

/// The most bytes of a message that is handed over without a turn.
pub(super) const SHORT_BYTES: usize = 4 * 1024;

/// About what a stream holds that has a turn: a part of a snapshot, and what is around it.
const TURN_BYTES: usize = 32 * 1024;

/// The most streams of one connection that have turns at a time. They hold 8 MiB: more than a
/// connection sends while its client answers.
const CONNECTION_TURNS_MAX: usize = 256;

/// A peer's part of all turns: one that reads nothing leaves others theirs.
const PEER_PART: usize = 4;

/// The fewest peers among which those are looked for that have no connections any more.
const SWEPT_PEERS_MIN: usize = 64;

/// The turns of all connections.
#[derive(Clone, Debug)]
pub(super) struct AllSendTurns {
    free: Arc<Semaphore>,
    /// How many streams of one peer's connections have turns at a time.
    of_peer_max: usize,
    of_peers: Arc<Mutex<PeerTurns>>,
    /// Counts the streams that had to wait for a turn.
    waited: Counter,
}

/// The turns of the peers that have connections, and of at most as many that had.
#[derive(Debug, Default)]
struct PeerTurns {
    of_peers: HashMap<Peer, Weak<Semaphore>>,
    /// How many there may be before those are removed that have no connections.
    swept_at: usize,
}

/// The turns of one connection.
#[derive(Clone, Debug)]
pub(super) struct SendTurns {
    free: Arc<Semaphore>,
    of_peer: Arc<Semaphore>,
    all: AllSendTurns,
}

/// A stream's turn, until it and all bytes that have it are dropped.
#[derive(Debug)]
pub(super) struct SendTurn {
    _of_connection: OwnedSemaphorePermit,
    _of_peer: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl AllSendTurns {
    /// So many turns that the streams which have them hold about `bytes_max`. Counts in `waited`
    /// the streams that had to wait for a turn.
    pub(super) fn new(bytes_max: usize, waited: Counter) -> Self {
        let turns_max = (bytes_max / TURN_BYTES).clamp(PEER_PART, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(turns_max)),
            of_peer_max: turns_max / PEER_PART,
            of_peers: Arc::default(),
            waited,
        }
    }

    /// The turns of a new connection of a peer.
    pub(super) fn of_connection(&self, peer: Peer) -> SendTurns {
        SendTurns {
            free: Arc::new(Semaphore::new(CONNECTION_TURNS_MAX)),
            of_peer: self.of_peers.lock().of(peer, self.of_peer_max),
            all: self.clone(),
        }
    }
}

impl PeerTurns {
    fn of(&mut self, peer: Peer, turns_max: usize) -> Arc<Semaphore> {
        if let Some(turns) = self.of_peers.get(&peer).and_then(Weak::upgrade) {
            return turns;
        }
        if self.of_peers.len() >= self.swept_at {
            self.sweep();
        }
        let turns = Arc::new(Semaphore::new(turns_max));
        self.of_peers.insert(peer, Arc::downgrade(&turns));
        turns
    }

    /// Removes those that have no connections. As many have to come as there are now until it is
    /// done again, so for each that comes it costs the same, however many there are.
    fn sweep(&mut self) {
        self.of_peers.retain(|_, turns| turns.strong_count() > 0);
        self.swept_at = SWEPT_PEERS_MIN.max(2 * self.of_peers.len());
    }
}

impl SendTurns {
    /// Waits for a turn.
    pub(super) async fn take(&self) -> Option<SendTurn> {
        let frees = [&self.free, &self.of_peer, &self.all.free];
        if frees.iter().any(|free| free.available_permits() == 0) {
            self.all.waited.inc();
        }
        // None is ever closed. The connection's comes first, so that a connection does not hold
        // turns of others while it waits for its own.
        let of_connection = Arc::clone(&self.free).acquire_owned().await.ok()?;
        let of_peer = Arc::clone(&self.of_peer).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all.free).acquire_owned().await.ok()?;
        Some(SendTurn {
            _of_connection: of_connection,
            _of_peer: of_peer,
            _of_all: of_all,
        })
    }
}

impl SendTurn {
    /// The same bytes, which have the turn, too, until their last clone is dropped.
    pub(super) fn hold(self: Arc<Self>, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _turn: self })
    }
}

/// Bytes that have a turn.
struct Held {
    bytes: Bytes,
    _turn: Arc<SendTurn>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;

    const TURNS_MAX: usize = 2048;
    const PEER_TURNS_MAX: usize = TURNS_MAX / PEER_PART;

    fn all_turns(waited: Counter) -> AllSendTurns {
        AllSendTurns::new(TURNS_MAX * TURN_BYTES, waited)
    }

    fn peer(number: u8) -> Peer {
        Peer::from(std::net::IpAddr::from([10, 0, 0, number]))
    }

    #[test]
    fn one_connection_has_so_many_turns_and_leaves_others_theirs() {
        let waited = Counter::default();
        let all = all_turns(waited.clone());
        let (one, other) = (all.of_connection(peer(1)), all.of_connection(peer(1)));
        let turn = |turns: &SendTurns| assert_ready!(task::spawn(turns.take()).poll());
        let mut held: Vec<_> = (0..CONNECTION_TURNS_MAX).map(|_| turn(&one)).collect();
        assert_eq!(waited.get(), 0);
        let (mut first, mut second) = (task::spawn(one.take()), task::spawn(one.take()));
        assert_pending!(first.poll());
        assert_pending!(second.poll());
        assert_eq!(waited.get(), 2);
        drop(turn(&other));
        held.pop();
        assert!(first.is_woken() && !second.is_woken(), "first come");
        assert!(assert_ready!(first.poll()).is_some());
    }

    #[test]
    fn all_connections_together_have_so_many_turns() {
        let all = all_turns(Counter::default());
        let connections: Vec<_> = (0..=TURNS_MAX)
            .map(|number| all.of_connection(peer((number % 5) as u8)))
            .collect();
        let mut waiting: Vec<_> = connections
            .iter()
            .map(|it| task::spawn(it.take()))
            .collect();
        let mut last = waiting.pop().unwrap();
        let held = waiting.iter_mut().map(|it| assert_ready!(it.poll()));
        let mut held: Vec<_> = held.collect();
        assert_pending!(last.poll());
        held.pop();
        assert!(assert_ready!(last.poll()).is_some());
    }

    #[test]
    fn bytes_have_a_turn_until_their_last_clone_is_dropped() {
        let turns = AllSendTurns::new(0, Counter::default()).of_connection(peer(1));
        let turn = assert_ready!(task::spawn(turns.take()).poll()).unwrap();
        let held = Arc::new(turn).hold(Bytes::from_static(b"piece"));
        let rest = held.slice(3..);
        assert_eq!((&*held, &*rest), (&b"piece"[..], &b"ce"[..]));
        let mut other = task::spawn(turns.take());
        assert_pending!(other.poll());
        drop(held);
        assert_pending!(other.poll());
        drop(rest);
        assert!(assert_ready!(other.poll()).is_some());
    }

    #[test]
    fn a_peer_that_reads_nothing_leaves_others_theirs() {
        let all = all_turns(Counter::default());
        let turn = |turns: &SendTurns| assert_ready!(task::spawn(turns.take()).poll());
        let connections: Vec<_> = (0..=PEER_TURNS_MAX)
            .map(|_| all.of_connection(peer(1)))
            .collect();
        let _held: Vec<_> = connections[1..].iter().map(turn).collect();
        assert_pending!(task::spawn(connections[0].take()).poll());
        let other = all.of_connection(peer(2));
        assert!(turn(&other).is_some());
    }

    #[test]
    fn of_peers_that_are_gone_little_is_kept_and_others_are_rarely_looked_through() {
        const STAYING: u32 = 1_000;
        let (all, peer) = (all_turns(Counter::default()), |number: u32| {
            Peer::from(std::net::IpAddr::from(number.to_be_bytes()))
        });
        let connections = (0..STAYING).map(|number| all.of_connection(peer(number)));
        let _staying: Vec<_> = connections.collect();
        let (mut sweeps, mut kept) = (0, all.of_peers.lock().of_peers.len());
        for number in STAYING..11 * STAYING {
            drop(all.of_connection(peer(number)));
            let now_kept = all.of_peers.lock().of_peers.len();
            // Each that comes is added, unless others are removed.
            sweeps += usize::from(now_kept <= kept);
            kept = now_kept;
            assert!(kept <= 2 * STAYING as usize);
        }
        assert!(sweeps <= 10, "{sweeps}");
    }
}
