//! `headcount simulate`: vendors, their callbacks and a judge.
//!
//! A run makes a world of rooms and users from a seed, sends the callbacks that
//! the vendors would send of it (signed, late, out of order, repeated, and on
//! request lost), watches the rooms meanwhile, and compares what the server says
//! with what is true. The truth is written down while the world is made, before
//! any disorder, and shares no code with the reconciler.
//!
//! The truth of every situation in the world can be derived from its callbacks, if all of them
//! are delivered. The server is not asked about anything else, because it could not know it.

mod callbacks;
mod disorder;
mod driver;
mod judge;
mod observe;
mod options;
mod progress;
mod run;
mod service;
mod single;
mod truth;
mod world;

#[cfg(test)]
mod tests;

pub use self::{
    judge::{Cause, Difference, Verdict, Witness},
    options::{CannotRun, Forgetting, Options, Trouble, VendorName, shown_url},
    run::{run, run_on},
    service::Service,
    single::{SingleAccount, SingleAnswer, SingleCallback, SingleEvent, send_single},
};
