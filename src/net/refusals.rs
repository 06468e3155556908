//! What was refused lately, and why: for operators who ask now.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use parking_lot::Mutex;
use serde::{Serialize, Serializer};

use super::RequestId;
use crate::domain::{Clock, Time};

/// How many refusals are kept: what an operator reads.
pub const REFUSALS_MAX: usize = 100;

/// The most characters that are kept of a text.
const CHARS_MAX: usize = 256;

/// The latest refusals of all fronts. Clones are the same ones.
///
/// Refusals of one reason, product, app and address are one, with a count. Where there is no room
/// for another, the reason that has most of it gives up its oldest, so a flood of one reason
/// leaves the others.
#[derive(Clone)]
pub struct Refusals(Arc<Shared>);

struct Shared {
    clock: Clock,
    hasher: RandomState,
    kept: Mutex<Kept>,
}

/// At most [`REFUSALS_MAX`], in no order: to look at all takes less than to find one in a map and
/// to keep an order beside it.
#[derive(Default)]
struct Kept {
    slots: Vec<Slot>,
    /// How many of them each reason has.
    of_reason: BTreeMap<&'static str, usize>,
    /// Grows with every refusal.
    number: u64,
}

struct Slot {
    /// The hash of what is the same in repetitions.
    key: u64,
    /// That of the latest repetition.
    number: u64,
    refusal: Refusal,
}

/// A request that is refused, to be [noted](Refusals::note). Nothing of it is a secret.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The front that refused it.
    pub front: &'static str,
    /// The word for why, as in the answer.
    pub reason: &'static str,
    /// The same in a sentence.
    pub message: &'a str,
    /// The product of the path, if there is one.
    pub product: Option<&'static str>,
    /// The app id that was sent, if it is none that is known.
    pub app_id: Option<&'a str>,
    /// The sender's address, by the word of the proxies in between.
    pub address: Option<IpAddr>,
    /// The path, without what is secret in it.
    pub path: &'a str,
    /// The request's id.
    pub request_id: &'a RequestId,
}

/// A refusal, and how often it was repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The front that refused: `webhook` or `grpc`.
    pub front: &'static str,
    /// The word for why, as in the answer.
    pub reason: &'static str,
    /// Why the latest was refused, in a sentence.
    pub message: String,
    /// The product whose callback it was, if that is known.
    pub product: Option<&'static str>,
    /// The app id that was sent, if it is none that is known.
    pub app_id: Option<String>,
    /// Who sent it, by the word of the proxies in between.
    pub address: Option<IpAddr>,
    /// Where the latest was sent, without what is secret in it.
    pub path: String,
    /// The id of the latest.
    pub request_id: String,
    /// When the latest came, by this service's clock.
    #[serde(serialize_with = "rfc3339")]
    pub time: Time,
    /// How many there were of this reason, product, app and address.
    pub count: u64,
}

impl Refusals {
    /// None yet. Times are those of `clock`.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Shared {
            clock,
            hasher: RandomState::new(),
            kept: Mutex::default(),
        }))
    }

    /// Notes a refusal.
    pub fn note(&self, refused: &Refused<'_>) {
        let Shared {
            clock,
            hasher,
            kept,
        } = &*self.0;
        let Refused {
            front,
            reason,
            product,
            app_id,
            address,
            ..
        } = *refused;
        let key = hasher.hash_one((front, reason, product, app_id, address));
        // Made before the lock is taken.
        let refusal = refused.at(clock.now());
        kept.lock().note(key, refusal);
    }

    /// Those that are kept, the latest first.
    pub fn recent(&self) -> Vec<Refusal> {
        let kept = self.0.kept.lock();
        let mut slots: Vec<_> = kept.slots.iter().collect();
        slots.sort_unstable_by_key(|slot| std::cmp::Reverse(slot.number));
        slots.into_iter().map(|slot| slot.refusal.clone()).collect()
    }
}

impl Refused<'_> {
    fn at(&self, time: Time) -> Refusal {
        let Self {
            front,
            reason,
            message,
            product,
            app_id,
            address,
            path,
            request_id,
        } = *self;
        Refusal {
            front,
            reason,
            message: cut(message),
            product,
            app_id: app_id.map(cut),
            address,
            path: cut(path),
            request_id: request_id.as_str().to_owned(),
            time,
            count: 1,
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(CHARS_MAX).collect()
}

impl Kept {
    fn note(&mut self, key: u64, refusal: Refusal) {
        self.number += 1;
        let number = self.number;
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.key == key) {
            let count = slot.refusal.count.saturating_add(1);
            *slot = Slot {
                key,
                number,
                refusal: Refusal { count, ..refusal },
            };
            return;
        }
        if self.slots.len() == REFUSALS_MAX {
            self.forget_one();
        }
        *self.of_reason.entry(refusal.reason).or_default() += 1;
        self.slots.push(Slot {
            key,
            number,
            refusal,
        });
    }

    /// Forgets the oldest of the reason that has most.
    fn forget_one(&mut self) {
        let most = self.of_reason.iter_mut().max_by_key(|(_, count)| **count);
        let Some((&reason, count)) = most else {
            return;
        };
        *count -= 1;
        let of_reason = self.slots.iter().enumerate();
        let of_reason = of_reason.filter(|(_, slot)| slot.refusal.reason == reason);
        if let Some((oldest, _)) = of_reason.min_by_key(|(_, slot)| slot.number) {
            self.slots.swap_remove(oldest);
        }
    }
}

fn rfc3339<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(time.as_millis()));
    serializer.collect_str(&humantime::format_rfc3339_millis(
        time.unwrap_or(UNIX_EPOCH),
    ))
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusals").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::HeaderMap;

    use super::*;

    fn refusals() -> Refusals {
        Refusals::new(Clock::from_fn(|| {
            Time::from_millis(1_700_000_000_123).unwrap()
        }))
    }

    fn note(refusals: &Refusals, reason: &'static str, address: u32) {
        refusals.note(&Refused {
            front: "webhook",
            reason,
            message: &format!("because of {address}"),
            product: None,
            app_id: Some("31337"),
            address: Some(Ipv4Addr::from_bits(address).into()),
            path: "/webhooks/zego",
            request_id: &RequestId::of(&HeaderMap::new()),
        });
    }

    #[test]
    fn repetitions_are_one_and_the_latest_comes_first() {
        let refusals = refusals();
        for (reason, address) in [("a", 1), ("b", 1), ("a", 2), ("a", 1)] {
            note(&refusals, reason, address);
        }
        let recent = refusals.recent();
        let shown: Vec<_> = recent.iter().map(|it| (it.reason, it.count)).collect();
        assert_eq!(shown, [("a", 2), ("a", 1), ("b", 1)]);
    }

    #[test]
    fn a_flood_of_one_reason_leaves_the_others() {
        let refusals = refusals();
        for address in 0..5 {
            note(&refusals, "rare", address);
        }
        for address in 0..10_000 {
            note(&refusals, "flood", address);
        }
        note(&refusals, "last", 1);
        let recent = refusals.recent();
        assert_eq!(recent.len(), REFUSALS_MAX);
        let of = |reason| recent.iter().filter(|it| it.reason == reason).count();
        assert_eq!((of("rare"), of("flood"), of("last")), (5, 94, 1));
        assert_eq!(recent[0].reason, "last");
        assert_eq!(recent[1].message, "because of 9999", "the oldest went");
    }

    #[test]
    fn texts_of_senders_are_cut_and_all_is_written() {
        let refusals = refusals();
        let long = "é".repeat(10_000);
        refusals.note(&Refused {
            front: "webhook",
            reason: "unknown_app",
            message: &long,
            product: Some("zego_room"),
            app_id: Some(&long),
            address: Some("2001:db8::1".parse().unwrap()),
            path: &long,
            request_id: &RequestId::of(&HeaderMap::new()),
        });
        let recent = refusals.recent();
        let request_id = &recent[0].request_id;
        let cut = "é".repeat(CHARS_MAX);
        let expected = format!(
            r#"[{{"front":"webhook","reason":"unknown_app","message":"{cut}","product":"zego_room","app_id":"{cut}","address":"2001:db8::1","path":"{cut}","request_id":"{request_id}","time":"2023-11-14T22:13:20.123Z","count":1}}]"#
        );
        assert_eq!(serde_json::to_string(&recent).unwrap(), expected);
    }
}
