//! The reconciler: it takes events as evidence, and decides from all evidence who is
//! present.
//!
//! It is pure: it uses no clock, no lock and no I/O. It depends on [`domain`](crate::domain) alone.

mod digest;
mod event_outcome;
mod footprint;
mod indexing;
mod invalid_evidence;
mod member;
mod name;
mod ordered_index;
pub mod room;
mod rules;
pub(crate) mod sessions;
pub mod user;

pub(crate) use self::{
    footprint::added_at_most, invalid_evidence::InvalidEvidence, name::DatedName,
};

pub use self::{
    digest::digest_of,
    event_outcome::EventOutcome,
    footprint::{Footprint, SESSIONS_OR_LIVES_MIN},
    member::{Member, ProfileRef, UserKey},
    rules::{CLOCK_SKEW, EVIDENCE_GRACE, Rule, Rules},
};
