//! The command line.

mod arguments;
mod client;
mod ports;
mod send;
mod serve;
