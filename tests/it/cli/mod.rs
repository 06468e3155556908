//! The command line.

mod arguments;
mod client;
mod https;
mod ports;
mod send;
mod serve;
