//! The reconciler: its rules, its counterexamples, and its properties.

mod cases;
pub(crate) mod model;
mod properties;
mod rules;
mod skew;
mod soup;
mod tencent;
