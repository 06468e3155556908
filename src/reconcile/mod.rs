//! The reconciler: evidence in, who is present out.
//!
//! It is pure: no clock, no lock, no I/O. It depends on [`domain`](crate::domain) alone.

mod applied;
mod digest;
mod impossible;
mod member;
mod name;
pub mod room;
mod rules;
pub(crate) mod sessions;
pub mod user;

pub(crate) use self::{impossible::Impossible, name::DatedName};

pub use self::{
    applied::Applied,
    digest::digest_of,
    member::{Member, ProfileRef, UserKey},
    rules::{CLOCK_SKEW, EVIDENCE_GRACE, Rule, Rules},
};
