//! The list of all vendors.

use super::{Product, Text, Vendor, tencent, zego};
use crate::domain::{Decoded, ProductName};

/// The vendors whose callbacks are taken.
#[derive(Clone, Copy, Debug)]
pub struct Registry(&'static [&'static Vendor]);

impl Registry {
    /// Every vendor that Headcount knows.
    pub fn standard() -> Self {
        static VENDORS: [&Vendor; 2] = [&zego::VENDOR, &tencent::VENDOR];
        Self(&VENDORS)
    }

    /// These vendors. Their names, their sections, and the names and paths of their products
    /// have to be all different.
    pub const fn new(vendors: &'static [&'static Vendor]) -> Self {
        Self(vendors)
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

    /// Decodes a callback that was verified before, when a journal is read. Total, and the same for the same input. `None` if no product has
    /// that name.
    pub fn decode(self, product: &str, query: &str, body: &[u8]) -> Option<(ProductName, Decoded)> {
        let product = self.product(product)?;
        let decoded = Text::read(body)
            .and_then(|text| Ok((product.decode)(query, &text.fields()?)))
            .unwrap_or_else(Decoded::undecodable);
        Some((product.name, decoded))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::Outcome;

    #[test]
    fn nothing_is_there_twice() {
        let products = || Registry::standard().products().map(|(_, product)| product);
        let distinct = |names: Vec<&str>| names.iter().collect::<HashSet<_>>().len() == names.len();
        assert!(distinct(products().map(|product| product.path).collect()));
        assert!(distinct(
            products().map(|product| product.name.as_str()).collect()
        ));
        assert!(distinct(
            Registry::standard()
                .vendors()
                .map(|vendor| vendor.name)
                .collect()
        ));
        let sections = Registry::standard()
            .vendors()
            .flat_map(|vendor| vendor.sections);
        assert!(distinct(sections.copied().collect()));
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
}
