//! The reconciler: evidence in, who is present out.
//!
//! It is pure: no clock, no lock, no I/O. It depends on [`domain`](crate::domain) alone.

mod member;
pub mod room;
mod rules;
pub(crate) mod sessions;
pub mod user;

pub use self::{
    member::{Member, ProfileRef, UserKey},
    rules::{CLOCK_SKEW, EVIDENCE_GRACE, Logins, Rule, Rules},
};
