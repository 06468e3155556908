//! Who may ask what: the credentials that are known, and what each grants.
//!
//! A caller shows a bearer token, a JWT or a client certificate. [`KnownCredentials`] says what
//! that grants. [`Access`] has the credentials that are known now: a reload replaces them, and
//! whoever holds a [`Grant`] for longer than a moment asks again then.
//!
//! This module knows no protocol.

mod bearer;
mod certificates;
mod digest;
mod grant;
mod jwt;
mod known;
mod tokens;

use std::{sync::Arc, time::SystemTime};

use tokio::sync::watch;

pub use self::{
    bearer::bearer,
    certificates::CertificateGrant,
    digest::TokenDigest,
    grant::{Apps, Grant},
    jwt::{Jwt, JwtError, JwtRules},
    known::{Denied, KnownCredentials, Shown},
    tokens::TokenGrant,
};

/// The credentials that are known now. Clones share them.
#[derive(Clone, Debug)]
pub struct Access {
    known: Arc<watch::Sender<Arc<KnownCredentials>>>,
}

impl Access {
    /// Begins with these.
    pub fn new(known: KnownCredentials) -> Self {
        Self {
            known: Arc::new(watch::Sender::new(Arc::new(known))),
        }
    }

    /// What a caller may ask.
    ///
    /// # Errors
    /// When they show nothing that is known.
    pub fn check(&self, shown: Shown<'_>) -> Result<Grant, Denied> {
        self.known.borrow().check(shown, SystemTime::now())
    }

    /// Whether there is a credential whose holder is an operator.
    pub fn knows_admin(&self) -> bool {
        self.known.borrow().has_admin()
    }

    /// Replaces what is known. Whoever waits in [`ended`](Self::ended) looks again.
    pub fn replace(&self, known: KnownCredentials) {
        self.known.send_replace(Arc::new(known));
    }

    /// Completes when a grant no longer allows what `allows` asks of it: it expired, or its
    /// credential was removed, or grants less than before.
    pub async fn ended(&self, mut grant: Grant, allows: impl Fn(&Grant) -> bool) -> Ended {
        let mut changes = self.known.subscribe();
        loop {
            tokio::select! {
                () = grant.expired() => return Ended::Expired,
                changed = changes.changed() => {
                    // The sender is in `self`.
                    let _ = changed;
                    let known = Arc::clone(&changes.borrow_and_update());
                    match known.again(&grant) {
                        Some(now) if allows(&now) => grant = now,
                        Some(_) => return Ended::Narrowed,
                        None => return Ended::Removed,
                    }
                }
            }
        }
    }
}

/// Why a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The JWT expired.
    Expired,
    /// The credential is not known any more.
    Removed,
    /// The credential grants less.
    Narrowed,
}

#[cfg(test)]
mod tests;
