//! Callbacks as the vendors send them: their fields, their types, their spellings
//! and their signatures. Each vendor's are in a file of their own.

mod account;
mod callback;
mod fields;
mod post;
pub(crate) mod tencent;
pub(crate) mod zego;
pub(crate) mod zim;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    account::{Signing, VendorAccount},
    callback::{PlannedCallback, Sending, SubjectIndex, VendorReport},
    fields::Spelling,
    post::Post,
};
