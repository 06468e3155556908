//! Vendors' adapters: how a callback proves where it is from, and what it says.
//!
//! One file a product, each the same pure functions behind one table; a new
//! product is a new file and a line in [`PRODUCTS`]. They know nothing of HTTP
//! servers, the journal or the roster.

mod answer;
mod apps;
mod fields;
#[cfg(test)]
mod samples;
mod signature;
pub mod tencent;
pub mod zego;
pub mod zim;

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;

use crate::domain::{AppName, Decoded, ProductName, Time};

pub use self::{
    answer::{Answer, json},
    apps::{Account, Apps, Signing, Vendor},
    fields::{FieldError, Fields, Malformed, Text, Value},
};

/// Every product whose callbacks are taken, in the order of their discriminants.
pub static PRODUCTS: [&Adapter; 3] = [&zego::ROOM, &zim::PRESENCE, &tencent::ROOM];

/// A product of a vendor that sends callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// ZEGOCLOUD's RTC rooms.
    ZegoRoom,
    /// The users of ZIM, ZEGOCLOUD's chat.
    ZimPresence,
    /// Tencent's rooms.
    TencentRoom,
}

/// How one product's callbacks are taken.
#[derive(Debug)]
pub struct Adapter {
    /// The product.
    pub product: Product,
    /// Where its callbacks are sent to.
    pub path: &'static str,
    /// The fields of a body that only sign it.
    pub signature_fields: &'static [&'static str],
    /// Proves that a callback is from the vendor, and for which app it is.
    pub verify: for<'a> fn(&Request<'a>, &Terms<'_>) -> Result<Proof<'a>, Refusal>,
    /// Says what a callback says.
    pub decode: fn(&Request<'_>) -> Decoded,
    /// The body of an answer, always JSON, in the form that the vendor reads.
    pub render: fn(&Answer<'_>) -> Bytes,
}

/// A callback as it came, taken apart as far as all vendors' are alike.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The query of its URL, without the `?`.
    pub query: &'a str,
    /// The fields of its body.
    pub fields: &'a Fields<'a>,
}

/// On what terms a callback counts as authentic.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Whose callbacks are taken.
    pub apps: &'a Apps,
    /// The time of receipt.
    pub now: Time,
    /// How far the signature's time may be from `now`, either way.
    pub freshness_window: Duration,
}

/// What an authentic callback has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof<'a> {
    /// The app it is for.
    pub app: AppName,
    /// What makes its signature one of a kind; `None` where the vendor's
    /// signatures are not.
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
    /// It is signed by somebody else.
    #[error("{field} does not match")]
    SignatureWrong {
        /// The field at fault.
        field: &'static str,
    },
    /// It was signed too long ago, or will be signed in the future.
    #[error("{field} is too far from the time of receipt")]
    SignatureStale {
        /// The field at fault.
        field: &'static str,
    },
    /// It is for an app that is not configured.
    #[error("{field} is not the id of a configured app")]
    UnknownApp {
        /// The field at fault.
        field: &'static str,
    },
}

/// The product whose callbacks are sent to `path`.
pub fn adapter_at(path: &str) -> Option<&'static Adapter> {
    PRODUCTS.into_iter().find(|adapter| adapter.path == path)
}

/// What a callback says that was found authentic before: the way back from a
/// journal's bytes. Total, and the same for the same input. `None` if no product has
/// that name.
pub fn decode(product: &str, query: &str, body: &[u8]) -> Option<(ProductName, Decoded)> {
    let mut adapters = PRODUCTS.into_iter();
    let adapter = adapters.find(|adapter| adapter.product.as_str() == product)?;
    let decoded = Text::read(body).and_then(|text| {
        let fields = &text.fields()?;
        Ok((adapter.decode)(&Request { query, fields }))
    });
    let decoded = decoded.unwrap_or_else(Decoded::undecodable);
    Some((adapter.product.name(), decoded))
}

// === impl Product ===

impl Product {
    /// Its name.
    pub fn name(self) -> ProductName {
        ProductName::new(self.as_str())
    }

    /// A stable name: it is kept in journals and shown in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ZegoRoom => "zego_room",
            Self::ZimPresence => "zim_presence",
            Self::TencentRoom => "tencent_room",
        }
    }

    /// Whether its callbacks are numbered, so that it shows when one is missing.
    pub fn is_numbered(self) -> bool {
        match self {
            Self::ZegoRoom => true,
            Self::ZimPresence | Self::TencentRoom => false,
        }
    }

    /// The product of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut products = PRODUCTS.into_iter().map(|adapter| adapter.product);
        products.find(|product| product.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::Outcome;

    #[test]
    fn every_product_has_a_path_and_a_name_of_its_own() {
        let paths: HashSet<_> = PRODUCTS.iter().map(|adapter| adapter.path).collect();
        assert_eq!(paths.len(), PRODUCTS.len());
        for adapter in PRODUCTS {
            assert_eq!(
                Product::from_name(adapter.product.as_str()),
                Some(adapter.product)
            );
            assert_eq!(
                adapter_at(adapter.path).map(|at| at.product),
                Some(adapter.product)
            );
        }
        assert_eq!(Product::from_name("ZegoRoom"), None);
        assert!(adapter_at("/webhooks").is_none());
    }

    #[test]
    fn names_and_paths_are_those_of_the_contract() {
        let contract = [
            ("zego_room", "/webhooks/zego"),
            ("zim_presence", "/webhooks/zim"),
            ("tencent_room", "/webhooks/tencent"),
        ];
        let names = PRODUCTS.map(|adapter| (adapter.product.as_str(), adapter.path));
        assert_eq!(names, contract);
    }

    #[test]
    fn products_are_listed_in_order() {
        for (i, adapter) in PRODUCTS.into_iter().enumerate() {
            assert_eq!(adapter.product as usize, i);
        }
    }

    #[test]
    fn bytes_that_are_no_callback_are_undecodable_not_a_panic() {
        for adapter in PRODUCTS {
            for body in [&b"\xff"[..], b"", b"[]", b"{}"] {
                let (product, decoded) = decode(adapter.product.as_str(), "", body).unwrap();
                assert_eq!(product, adapter.product.name());
                assert_eq!(decoded.outcome(), Outcome::Undecodable, "{body:?}");
            }
        }
        assert_eq!(decode("fax", "", b"{}"), None);
    }
}
