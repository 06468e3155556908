//! The command line.

mod arguments;
mod client;
mod serve;
