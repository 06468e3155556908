//! What the log and the checkpoints make of a disk that fails.

mod checkpoints;
mod faults;
mod simulated;
