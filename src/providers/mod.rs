//! The vendors: how the callbacks of each are verified and decoded.
//!
//! A vendor is a folder with a [`Vendor`] value in it: what it is called in a configuration,
//! and its [products](Product), each a table of pure functions. To add one, add a folder and a
//! line in [`Registry::standard`]; nothing outside of the folder names the vendor. Vendors know
//! nothing of HTTP servers, the journal or the roster.
//!
//! - [`registry`](Registry): the list of all vendors
//! - [`vendor`](Vendor): what a vendor has to provide
//! - [`account`](Accounts): the configured apps by the vendor's ids of them
//! - [`sections`](Sections): a vendor's part of an app's configuration
//! - [`fields`](Fields): a body's fields, whatever its spelling
//! - `signature`, [`answer`](Answer): what vendors have in common

mod account;
mod answer;
mod fields;
mod offset;
mod registry;
#[cfg(test)]
mod samples;
mod sections;
mod signature;
pub mod tencent;
mod vendor;
pub mod zego;

pub use self::{
    account::{Account, Accounts, ConfiguredApp, Signing},
    answer::{Answer, json},
    fields::{FieldError, Fields, Malformed, Text, Value, whole_number},
    offset::Offset,
    registry::Registry,
    sections::{Files, Keys, Sections, SettingError},
    signature::is_hex_of,
    vendor::{EventTime, NoncePair, Product, Proof, Refusal, Request, SignedAt, Terms, Vendor},
};
