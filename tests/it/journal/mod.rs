//! The journal on disk: what its commands show, and what a restart finds.

mod command;
mod restart;
