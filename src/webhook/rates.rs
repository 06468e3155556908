//! How many requests each address may send a second.
//!
//! The generic cell rate algorithm: of an address only the time is kept at which all that it sent
//! is paid off, if each request costs its part of a second. An address may be a second in debt, so
//! that a burst of a second's worth passes at once.

use std::{collections::HashMap, mem, num::NonZeroU32, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::net::Peer;

/// How many addresses are remembered: some MiB. Those who sent longest ago give way, and may
/// then send another burst.
const PEERS_MAX: usize = 1 << 16;

const SECOND: Duration = Duration::from_secs(1);

/// What each address has sent lately.
#[derive(Debug)]
pub(super) struct Rates {
    began: Instant,
    debts: Mutex<Debts>,
}

/// When each address has paid off, since the begin. Those that sent lately, and those of before:
/// half of the room is freed at once, so that no order has to be kept.
#[derive(Debug, Default)]
struct Debts {
    recent: HashMap<Peer, Duration>,
    older: HashMap<Peer, Duration>,
}

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rated {
    pub(super) passes: bool,
    /// How many addresses were forgotten for it that had not paid off.
    pub(super) forgotten: u64,
}

impl Rates {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            debts: Mutex::default(),
        }
    }

    /// Counts a request of an address that may send so many a second.
    pub(super) fn count(&self, peer: Peer, per_second_max: NonZeroU32) -> Rated {
        let now = self.began.elapsed();
        self.debts
            .lock()
            .count(peer, now, per_second_max, PEERS_MAX)
    }
}

impl Debts {
    fn count(
        &mut self,
        peer: Peer,
        now: Duration,
        per_second_max: NonZeroU32,
        peers_max: usize,
    ) -> Rated {
        let known = self.recent.get(&peer).or_else(|| self.older.get(&peer));
        let paid_off = known.map_or(now, |paid_off| now.max(*paid_off));
        let paid_off = paid_off + SECOND / per_second_max.get();
        if paid_off > now + SECOND {
            // One that is refused costs nothing: who is patient is served.
            return Rated {
                passes: false,
                forgotten: 0,
            };
        }
        let forgotten = self.make_room(now, peers_max);
        self.recent.insert(peer, paid_off);
        Rated {
            passes: true,
            forgotten,
        }
    }

    fn make_room(&mut self, now: Duration, peers_max: usize) -> u64 {
        if self.recent.len() < peers_max / 2 {
            return 0;
        }
        let forgotten = mem::replace(&mut self.older, mem::take(&mut self.recent));
        let indebted = forgotten
            .iter()
            .filter(|(peer, paid_off)| **paid_off > now && !self.older.contains_key(peer));
        indebted.count() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    fn peer(n: u32) -> Peer {
        IpAddr::from(Ipv4Addr::from_bits(n)).into()
    }

    fn rate(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_seconds_worth_passes_at_once_and_then_one_at_a_time() {
        let rates = Rates::new();
        let passed = |peer| (0..9).filter(|_| rates.count(peer, rate(4)).passes).count();
        assert_eq!(passed(peer(1)), 4);
        assert_eq!(passed(peer(2)), 4, "each address has its own");
        assert_eq!(passed(peer(1)), 0);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(passed(peer(1)), 1);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(passed(peer(1)), 4, "what is not used is not saved");
        let of_network = "2001:db8::1".parse::<IpAddr>().unwrap();
        let same_network = "2001:db8::2".parse::<IpAddr>().unwrap();
        assert_eq!(passed(of_network.into()), 4);
        assert_eq!(passed(same_network.into()), 0);
    }

    #[test]
    fn those_who_sent_longest_ago_give_way() {
        let mut debts = Debts::default();
        let mut count = |n: u32, millis| {
            let now = Duration::from_millis(millis);
            let rated = debts.count(peer(n), now, rate(1), 8);
            let kept = debts.recent.len() + debts.older.len();
            assert!(kept <= 8, "{kept}");
            (rated.passes, rated.forgotten)
        };
        for n in 0..8 {
            assert_eq!(count(n, 0), (true, 0), "{n}");
        }
        assert_eq!(count(0, 1), (false, 0), "the first is still known");
        assert_eq!(count(8, 1), (true, 4), "the first four gave way");
        assert_eq!(count(0, 1), (true, 0));
        assert_eq!(count(8, 1), (false, 0));
        for n in 20..24 {
            assert_eq!(count(n, 5_000), (true, 0), "whoever paid off is no loss");
        }
    }

    proptest! {
        /// In any second and a burst, no more than twice the rate passes, and with patience, no
        /// less than the rate.
        #[test]
        fn the_rate_holds_over_any_time(
            per_second in 1..50_u32,
            waits in proptest::collection::vec(0..400_u64, 1..300),
        ) {
            let mut debts = Debts::default();
            let (mut now, mut passed) = (Duration::ZERO, 0_u32);
            for wait in waits {
                now += Duration::from_millis(wait);
                passed += u32::from(debts.count(peer(1), now, rate(per_second), 8).passes);
                let most = (now + SECOND).as_secs_f64() * f64::from(per_second);
                prop_assert!(f64::from(passed) <= most + 1e-3, "{passed} in {now:?}");
            }
            now += SECOND;
            let burst = (0..=per_second).filter(|_| {
                debts.count(peer(1), now, rate(per_second), 8).passes
            });
            prop_assert_eq!(burst.count(), per_second as usize);
        }
    }
}
