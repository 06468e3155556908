//! `headcount simulate`: vendors, their callbacks and a judge.
//!
//! A run makes a world of rooms and users from a seed, sends the callbacks that
//! the vendors would send of it (signed, late, out of order, repeated, and on
//! request lost), watches the rooms meanwhile, and compares what the server says
//! with what is true. The truth is written down while the world is made, before
//! any disorder, and shares no code with the reconciler.
//!
//! What the server cannot know, it must not be asked: the world has no situation
//! that its callbacks, were they all delivered, leave undecided.

mod callbacks;
mod compare;
mod disorder;
mod driver;
mod judge;
mod options;
mod reader;
mod run;
mod truth;
mod verdict;
mod watcher;
mod world;

#[cfg(test)]
mod tests;

pub use self::{
    options::{CannotRun, Forgetting, Options, Trouble, VendorName},
    run::run,
    verdict::{Cause, Difference, Verdict, Witness},
};
