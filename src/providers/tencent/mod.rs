//! Tencent: the rooms of its RTC Engine (trtc.io/document/60720).

mod answer;
mod query;
mod rooms;
mod settings;
mod verify;

use super::{Product, Vendor};
use crate::domain::ProductName;

pub use self::verify::sign;

const NAME: &str = "tencent";

/// Tencent.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    sections: &[NAME],
    configure: settings::configure,
    products: &[Product {
        name: ProductName::new("tencent_room"),
        path: "/webhooks/tencent",
        is_numbered: false,
        // They are in the URL.
        signature_fields: &[],
        verify: verify::verify,
        decode: rooms::decode,
        event_time: rooms::event_time,
        render: answer::render,
    }],
};

#[cfg(test)]
mod tests;
