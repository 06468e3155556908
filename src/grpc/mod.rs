//! The gRPC front: the presence service, the standard health service and reflection.
//!
//! `service` implements the calls, `stream` sends the messages of watches, and `messages`
//! converts domain types to protobuf messages. `body` sends them piece by piece.

mod access;
mod account;
mod asked;
mod body;
mod call_times;
mod connection;
mod deadline;
mod health;
mod messages;
mod metrics;
mod send_turns;
mod serve;
mod service;
mod stream;
mod unfinished;

pub(crate) use self::body::OutgoingCodec;

pub use self::{
    access::{ReflectionPolicy, request_from_within},
    connection::accept,
    health::{Health, JOURNAL_HEALTH},
    messages::{outgoing::Outgoing, pieces::Pieces},
    metrics::{GrpcMetrics, WatchKind},
    serve::{GrpcSettings, serve},
    service::{
        Presence,
        generated::presence_service_server::{PresenceService, PresenceServiceServer},
    },
};
