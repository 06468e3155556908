//! What the tests of the service as a process share: a folder and ports to run it with, and
//! a vendor that sends callbacks.
mod authority;
mod callbacks;
mod metrics;
mod process;
mod sender;

pub(crate) use self::{
    authority::{Authority, Pair, trusting},
    callbacks::{Post, TENCENT_APP, ZEGO_APP, now, tencent, zego, zego_of, zim},
    metrics::{get, metric},
    process::{BINARY, Process, Site},
    sender::Sender,
};
