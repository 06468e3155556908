//! What the tests of the roster and of its gRPC front share: a service in
//! memory, callbacks to send to it, and copies that check the messages they receive.
mod events;
mod fold;
pub(crate) mod follow;
mod server;
mod world;

pub(crate) use self::{
    events::{Life, PRODUCT, callback, device, heavy, life, room, tick},
    fold::{Copy, Folded},
    server::{PROGRESS_INTERVAL, STALL_TIMEOUT, STREAMS_MAX, Server, next, silent, timestamp},
    world::{APP, World, small_limits},
};
