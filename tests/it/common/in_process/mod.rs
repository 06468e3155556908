//! What the tests of the roster and of its gRPC front share: a service in
//! memory, the callbacks it is fed, and copies that check what they are told.
mod events;
mod fold;
pub(crate) mod follow;
mod server;
mod world;

pub(crate) use self::{
    events::{Life, device, heavy, life, room},
    fold::{Copy, Folded},
    server::{PROGRESS_INTERVAL, Server, next, silent},
    world::{APP, World, small_limits},
};
