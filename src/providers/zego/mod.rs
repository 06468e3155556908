//! ZEGOCLOUD: its RTC rooms, and the users of ZIM, its chat. Both products share the id and the
//! secret of a project, and are signed alike.

mod rooms;
mod settings;
mod users;
mod verify;

use super::{Product, Vendor, answer};
use crate::domain::ProductName;

pub use self::verify::sign;

const NAME: &str = "zego";

/// ZEGOCLOUD.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    sections: &[NAME, "zim"],
    configure: settings::configure,
    products: &[
        Product {
            name: ProductName::new("zego_room"),
            path: "/webhooks/zego",
            is_numbered: true,
            signature_fields: verify::SIGNATURE_FIELDS,
            verify: verify::verify,
            decode: rooms::decode,
            event_time: rooms::event_time,
            render: answer::json,
        },
        Product {
            name: ProductName::new("zim_presence"),
            path: "/webhooks/zim",
            is_numbered: false,
            signature_fields: verify::SIGNATURE_FIELDS,
            verify: verify::verify,
            decode: users::decode,
            event_time: users::event_time,
            render: answer::json,
        },
    ],
};

#[cfg(test)]
mod tests;
