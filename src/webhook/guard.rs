//! Who may send callbacks at all: by address, by rate, and by the secret in the path.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc};

use http::HeaderMap;
use parking_lot::RwLock;

use super::{
    answers::{Reason, Refused},
    rates::Rates,
};
use crate::{
    domain::{Networks, Secrets, Time},
    net::{Proxies, Sender, Throttle},
};
use prometheus_client::metrics::counter::Counter;

/// Who may send callbacks. Nobody is kept out by the default.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// The networks of those who may; everybody, if there is none.
    pub allow: Networks,
    /// The proxies whose word is taken for who sent a request.
    pub proxies: Networks,
    /// How many requests an address may send a second, and in a burst. An IPv6 network of 64 bits
    /// is one address.
    pub requests_per_second_max: Option<NonZeroU32>,
    /// What the path of every callback has to begin with, one of these.
    pub path_secrets: Option<Secrets>,
}

/// Keeps out who may not send.
#[derive(Debug)]
pub(super) struct Guard {
    proxies: Proxies,
    rules: RwLock<Arc<Protection>>,
    rates: Rates,
    forgotten: Counter,
    forgotten_log: Throttle,
}

impl Guard {
    /// Counts in `forgotten` the addresses whose rate was forgotten too early.
    pub(super) fn new(protection: Protection, forgotten: Counter) -> Self {
        Self {
            proxies: Proxies::new(protection.proxies.clone()),
            rules: RwLock::new(Arc::new(protection)),
            rates: Rates::new(),
            forgotten,
            forgotten_log: Throttle::default(),
        }
    }

    /// Holds for requests that come from now on.
    pub(super) fn replace(&self, protection: Protection) {
        self.proxies.replace(protection.proxies.clone());
        *self.rules.write() = Arc::new(protection);
    }

    /// What holds now.
    pub(super) fn rules(&self) -> Arc<Protection> {
        Arc::clone(&self.rules.read())
    }

    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Whoever sent a request with these headers on a connection from there.
    pub(super) fn sender(&self, from: Option<SocketAddr>, headers: &HeaderMap) -> Sender {
        self.proxies.sender(from, headers)
    }

    /// Checks that a sender may send now.
    pub(super) fn check(
        &self,
        sender: &Sender,
        rules: &Protection,
        now: Time,
    ) -> Result<(), Refused> {
        if !rules.allow.is_empty() {
            // It is not known who that is.
            if sender.is_disputed {
                return Err(Reason::NotAllowed.because(
                    "Forwarded and X-Forwarded-For disagree on who sends: a proxy has to remove the one that it does not write",
                ));
            }
            if !(sender.address).is_some_and(|address| rules.allow.contains(address)) {
                return Err(Reason::NotAllowed.because("this address may not send callbacks"));
            }
        }
        let Some(per_second_max) = rules.requests_per_second_max else {
            return Ok(());
        };
        let rated = self.rates.count(sender.peer, per_second_max);
        if rated.forgotten > 0 {
            self.note_forgotten(rated.forgotten, now);
        }
        match rated.passes {
            true => Ok(()),
            false => Err(Reason::RateLimited.because(format!(
                "this address sends more than {per_second_max} requests a second"
            ))),
        }
    }

    fn note_forgotten(&self, addresses: u64, now: Time) {
        self.forgotten.inc_by(addresses);
        if let Some(held_back) = self.forgotten_log.pass(now) {
            tracing::warn!(
                addresses,
                held_back,
                "too many addresses send: the requests of some are not counted any more"
            );
        }
    }
}
