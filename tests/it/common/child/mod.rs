//! What the tests of the service as a process share: a folder and ports to run it with, and
//! a vendor that sends callbacks.
mod callbacks;
mod metrics;
mod process;
mod sender;

pub(crate) use self::{
    callbacks::{Post, TENCENT_APP, ZEGO_APP, now, tencent, zego, zim},
    metrics::metric,
    process::{BINARY, Process, Site},
    sender::Sender,
};
