//! The list of all vendors.

use super::{Product, Text, Vendor, tencent, zego};
use crate::domain::{Decoded, ProductName};

static VENDORS: [&Vendor; 2] = [&zego::VENDOR, &tencent::VENDOR];

/// The vendors whose callbacks are taken.
#[derive(Clone, Copy, Debug)]
pub struct Registry(&'static [&'static Vendor]);

impl Registry {
    /// Every vendor that Headcount knows.
    pub fn standard() -> Self {
        Self(&VENDORS)
    }

    /// These vendors. Their sections, and the names and paths of their products have to be all
    /// different.
    ///
    /// # Panics
    /// When they are not.
    pub fn new(vendors: &'static [&'static Vendor]) -> Self {
        let registry = Self(vendors);
        let sections = registry.vendors().flat_map(|vendor| vendor.sections);
        assert_distinct("section", sections.copied());
        let products = || registry.products().map(|(_, product)| product);
        assert_distinct("product", products().map(|product| product.name.as_str()));
        assert_distinct("path", products().map(|product| product.path));
        registry
    }

    /// The vendors, in the order of the list.
    pub fn vendors(self) -> impl Iterator<Item = &'static Vendor> {
        self.0.iter().copied()
    }

    /// Every product, with its vendor.
    pub fn products(self) -> impl Iterator<Item = (&'static Vendor, &'static Product)> {
        self.vendors()
            .flat_map(|vendor| vendor.products.iter().map(move |product| (vendor, product)))
    }

    /// The product of that name.
    pub fn product(self, name: &str) -> Option<&'static Product> {
        let mut products = self.products().map(|(_, product)| product);
        products.find(|product| product.name.as_str() == name)
    }

    /// Decodes a callback that was verified before, when a journal is read. Total, and the same
    /// for the same input. `None` if no product has that name.
    pub fn decode(self, product: &str, query: &str, body: &[u8]) -> Option<(ProductName, Decoded)> {
        let product = self.product(product)?;
        let decoded = Text::read(body)
            .and_then(|text| Ok((product.decode)(query, &text.fields()?)))
            .unwrap_or_else(Decoded::undecodable);
        Some((product.name, decoded))
    }
}

fn assert_distinct(what: &str, names: impl Iterator<Item = &'static str>) {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        assert!(
            !seen.contains(&name),
            "two vendors have the {what} {name:?}"
        );
        seen.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, SHOWN_BYTES_MAX};

    #[test]
    #[should_panic(expected = "two vendors have the section \"zego\"")]
    fn nothing_may_be_there_twice() {
        Registry::new(&VENDORS);
        static TWICE: [&Vendor; 2] = [&zego::VENDOR, &zego::VENDOR];
        Registry::new(&TWICE);
    }

    #[test]
    fn a_vendor_is_called_like_its_first_section() {
        for vendor in Registry::standard().vendors() {
            assert_eq!(vendor.sections[0], vendor.name);
        }
    }

    #[test]
    fn names_and_paths_are_those_of_the_contract() {
        let contract = [
            ("zego_room", "/webhooks/zego"),
            ("zim_presence", "/webhooks/zim"),
            ("tencent_room", "/webhooks/tencent"),
        ];
        let names = Registry::standard()
            .products()
            .map(|(_, product)| (product.name.as_str(), product.path));
        assert_eq!(names.collect::<Vec<_>>(), contract);
        assert!(Registry::standard().product("ZegoRoom").is_none());
    }

    #[test]
    fn bytes_that_are_no_callback_are_undecodable_not_a_panic() {
        for (_, product) in Registry::standard().products() {
            for body in [&b"\xff"[..], b"", b"[]", b"{}"] {
                let (name, decoded) = Registry::standard()
                    .decode(product.name.as_str(), "", body)
                    .unwrap();
                assert_eq!(name, product.name);
                assert_eq!(decoded.outcome(), Outcome::Undecodable, "{body:?}");
            }
        }
        assert_eq!(Registry::standard().decode("fax", "", b"{}"), None);
    }

    #[test]
    fn every_text_of_every_vendor_that_is_only_shown_is_cut() {
        let long = "é".repeat(SHOWN_BYTES_MAX);
        let callbacks = [
            (
                "zego_room",
                r#"{"event":"room_login","room_id":"r","room_seq":"1","user_account":"u","user_nickname":"é","room_name":"é","term_type":"é","callback_data":"é"}"#,
            ),
            (
                "zim_presence",
                r#"{"event":"user_action","action":0,"user_id":"u","user_name":"é","os":"é","login_time":1}"#,
            ),
            (
                "tencent_room",
                r#"{"CallbackCommand":"Room.CallbackAfterCreateRoom","RoomInfo":{"RoomId":"r","RoomName":"é"},"EventTime":1}"#,
            ),
        ];
        for (product, callback) in callbacks {
            let texts = callback.matches('é').count();
            let body = callback.replace('é', &long);
            let (_, decoded) = Registry::standard()
                .decode(product, "", body.as_bytes())
                .unwrap();
            assert_eq!(decoded.outcome(), Outcome::Accepted, "{product}");
            let shown = format!("{decoded:?}").matches('é').count();
            assert_eq!(shown, texts * SHOWN_BYTES_MAX / 'é'.len_utf8(), "{product}");
        }
    }
}
