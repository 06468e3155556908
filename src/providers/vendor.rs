//! What a vendor has to provide.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use http::HeaderMap;

use super::{
    Account, Accounts, Answer, ConfiguredApp, FieldError, Fields, Offset, Sections, SettingError,
    whole_number,
};
use crate::domain::{AppName, Decoded, ProductName, Time};

/// A vendor. Its products share the ids and the secrets of its apps.
pub struct Vendor {
    /// Its name, which is also the first of its sections.
    pub name: &'static str,
    /// The keys of this vendor's sections in an app's configuration.
    pub sections: &'static [&'static str],
    /// Reads an app's sections.
    pub configure: fn(Sections<'_>) -> Result<Account, SettingError>,
    /// Its products that send callbacks.
    pub products: &'static [Product],
}

/// A product of a vendor that sends callbacks: how they are taken.
pub struct Product {
    /// Its name.
    pub name: ProductName,
    /// The path that its callbacks are sent to.
    pub path: &'static str,
    /// Whether its callbacks are numbered, so that a missing one is noticed.
    pub is_numbered: bool,
    /// The fields of a body that only sign it.
    pub signature_fields: &'static [&'static str],
    /// Proves that a callback is from the vendor, for which app it is and when it was signed.
    pub verify: for<'a> fn(&Request<'a>, &Terms<'_>) -> Result<Proof<'a>, Refusal>,
    /// Decodes a callback, from the query of its URL, without the `?`, and the fields of
    /// its body. Total, and the same for the same input: callbacks are decoded again when a
    /// journal is replayed. Headers are not kept, so what they say cannot be used.
    pub decode: fn(query: &str, fields: &Fields<'_>) -> Decoded,
    /// When the event happened, if the fields say so: for those who look why a callback has no
    /// effect.
    pub event_time: fn(fields: &Fields<'_>) -> Option<EventTime>,
    /// The body of an answer, always JSON, in the form that the vendor reads.
    pub render: fn(&Answer<'_>) -> Bytes,
}

/// A callback as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// The query of its URL, without the `?`.
    pub query: &'a str,
    /// The bytes of its body, which some vendors sign.
    pub body: &'a [u8],
    /// The fields of its body.
    pub fields: &'a Fields<'a>,
}

/// What a callback is verified against.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The vendor's accounts whose callbacks are taken.
    pub accounts: &'a Accounts,
}

/// What an authentic callback has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof<'a> {
    /// The app it is for.
    pub app: AppName,
    /// When it was signed; `None` if the signature covers no time, or there is none. Whether that
    /// is fresh is for the caller to say, who knows the time.
    pub signed: Option<SignedAt>,
    /// What makes its signature unique; `None` if the vendor's signatures are not unique.
    pub nonce: Option<NoncePair<'a>>,
}

/// The part of a signature that should not be seen with two different bodies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NoncePair<'a> {
    /// When it was signed, in the vendor's spelling.
    pub timestamp: Cow<'a, str>,
    /// A number drawn for this callback.
    pub nonce: Cow<'a, str>,
}

/// Why a callback does not count as authentic. The messages name the field at
/// fault, and repeat nothing of what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not signed.
    #[error("{0}")]
    SignatureMissing(FieldError),
    /// It is not signed with the secret of the app.
    #[error("{field} does not match")]
    SignatureWrong {
        /// The field at fault.
        field: &'static str,
    },
    /// It was signed too long ago, or will be signed in the future.
    #[error("{field} is too far from the time of receipt{}", told(*off))]
    SignatureStale {
        /// The field at fault.
        field: &'static str,
        /// How far it is, if it is a time at all.
        off: Option<Offset>,
    },
    /// It is of a product whose callbacks are not taken.
    #[error("these are {what}, which are not taken")]
    OtherProduct {
        /// Which events they are.
        what: &'static str,
    },
    /// It does not say which app it is for.
    #[error("{field} is missing: it names the app")]
    AppMissing {
        /// The field that is missing.
        field: &'static str,
    },
    /// It is for an app that is not configured.
    #[error("{field} is not the id of a configured app")]
    UnknownApp {
        /// The field at fault.
        field: &'static str,
        /// What was sent there, cut to a length that can be logged. The answer does not repeat
        /// it.
        sent: Box<str>,
    },
}

/// The most characters of what was sent that are logged.
const SENT_MAX: usize = 64;

fn told(off: Option<Offset>) -> String {
    off.map_or_else(
        || ": it is no time in seconds".to_owned(),
        |off| format!(": {off}"),
    )
}

impl<'a> Terms<'a> {
    /// The app that a callback names. `field` is where its id is from. A number may be in any
    /// spelling.
    ///
    /// # Errors
    /// When there is no id, or no such app is configured.
    pub fn app(&self, field: &'static str, sent: &str) -> Result<&'a ConfiguredApp, Refusal> {
        if sent.is_empty() {
            return Err(Refusal::AppMissing { field });
        }
        let number = || whole_number(sent).map(|number| number.to_string());
        let app = self.accounts.get(sent);
        let app = app.or_else(|| self.accounts.get(&number()?));
        app.ok_or_else(|| Refusal::UnknownApp {
            field,
            sent: sent.chars().take(SENT_MAX).collect(),
        })
    }
}

/// When a callback was signed, by the vendor's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedAt {
    /// The field that says so.
    pub field: &'static str,
    /// The time.
    pub at: Time,
}

impl SignedAt {
    /// Reads a time in seconds. `field` is where it is from.
    ///
    /// # Errors
    /// When it is no time at all.
    pub fn read(field: &'static str, timestamp: &str) -> Result<Self, Refusal> {
        let seconds = whole_number(timestamp);
        let seconds = seconds.ok_or(Refusal::SignatureStale { field, off: None })?;
        let at = Time::from_millis(seconds.saturating_mul(1000)).unwrap_or(Time::MIN);
        Ok(Self { field, at })
    }

    /// Checks that it is no further from `now` than the window, either way.
    ///
    /// # Errors
    /// When it is further.
    pub fn check_fresh(self, now: Time, window: Duration) -> Result<(), Refusal> {
        let off = Offset::between(self.at.as_millis(), now);
        if off.distance() > window {
            return Err(self.stale(now));
        }
        Ok(())
    }

    /// The refusal that says how far from `now` it is.
    pub fn stale(self, now: Time) -> Refusal {
        Refusal::SignatureStale {
            field: self.field,
            off: Some(Offset::between(self.at.as_millis(), now)),
        }
    }
}

/// When the event of a callback happened, and the field that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// The field.
    pub field: &'static str,
    /// The time.
    pub at: Time,
}

// Not derived, because addresses of functions are of no use in a log.
impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vendor").field(&self.name).finish()
    }
}

impl fmt::Debug for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Product").field(&self.name.as_str()).finish()
    }
}
