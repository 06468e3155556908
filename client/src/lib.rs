#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backoff;
mod channels;
mod connect;
mod copy;
mod credentials;
mod digest;
mod room;
mod stream;
mod subject;
mod user;
mod violation;
mod watch;

pub use self::{
    backoff::Backoff,
    channels::Channels,
    connect::{
        Client, Connection, connect, connect_tls, connect_with, endpoint, from_channel,
        from_connector, is_connection_error, reason,
    },
    copy::{CopyOf, Folded},
    credentials::Credentials,
    digest::digest,
    room::{RoomCopy, WatchedRoom},
    subject::{Opening, Parsed, ParsedUpdate, Subject},
    user::{UserCopy, WatchedUser},
    violation::{MissingPart, Violation},
    watch::{PROGRESS_INTERVAL, RoomWatch, UserWatch, WatchEvent, WatchOf},
};

/// What a TLS connection is made with, and why one cannot be: types of `tonic`.
pub use tonic::transport::{Certificate, ClientTlsConfig, Error as ConnectError, Identity};

/// The gRPC contract: its messages, and the generated client. They are generated from the
/// files in `proto/`, and say there what they mean.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::clone_on_ref_ptr)]
pub mod pb {
    tonic::include_proto!("headcount.v1");

    /// The compiled proto files, as a `google.protobuf.FileDescriptorSet`.
    pub const FILE_DESCRIPTOR_SET: &[u8] =
        include_bytes!(concat!(env!("OUT_DIR"), "/headcount.v1.fds.bin"));
}
