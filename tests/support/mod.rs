//! What the tests of the roster and of its gRPC front share: a service in
//! memory, the callbacks it is fed, and copies that check what they are told.
#![allow(dead_code, unused_imports, reason = "no test uses all of it")]

mod events;
mod fold;
mod server;
mod world;

pub(crate) use self::{
    events::{Device, Life, device, heavy, life, room},
    fold::{Copy, Folded},
    server::{PROGRESS_INTERVAL, Server, next, silent},
    world::{APP, World, small_limits},
};
