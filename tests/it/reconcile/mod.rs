//! The reconciler: its rules, its counterexamples, and its properties.

mod arbitrary_events;
mod cases;
pub(crate) mod model;
mod properties;
mod rules;
mod skew;
mod tencent;
