//! The messages that data folders hold, generated from `proto/headcount/storage/v1/`.
//!
//! It has no other code, so that every module that stores something can use it.

pub(crate) use self::generated::*;

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::clone_on_ref_ptr)]
mod generated {
    tonic::include_proto!("headcount.storage.v1");
}
