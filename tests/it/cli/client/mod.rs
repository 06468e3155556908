//! The client commands against a scripted server, over pipes in memory and with
//! paused time.

mod lists;
mod script;
mod silence;
mod watch;
