//! One listener for every front: webhook, gRPC and admin.
//!
//! The way of a connection:
//!
//! 1. `accept` takes it from the [`Listener`], and a place for it from the [`budget`] of its
//!    front. For one too many, the oldest that proved nothing is closed. Failures of the
//!    operating system are waited out.
//! 2. [`Handshake`] makes it ready, in a task of its own, within [`HANDSHAKE_TIMEOUT`]. Plain
//!    text is ready at once.
//! 3. [`serve()`] hands it to the front, or [`connections`] does for a server that runs
//!    connections itself. Both end with the drain. Whoever runs a connection drops it when it has
//!    to give way to another one ([`Caller::unless_recalled`]).
//! 4. The front tells the [`Caller`] what they proved, so that their connection does not have to
//!    give way. [`Proxies`] say on whose behalf a caller speaks.
//!
//! What a front may wrap around a connection: [`FirstBytes`] gives up one that stays silent,
//! [`Coalesced`] writes the frames of HTTP/2 together, [`Accounted`] ends one whose client
//! cancels too much, and [`HttpServer`] closes one that is idle or sends a request's head too
//! slowly, and ends the streams of clients that do not read.
//!
//! This module knows nothing of callbacks, rooms or gRPC.

mod accept;
mod account;
pub mod budget;
mod caller;
mod coalesce;
mod connection;
mod first_bytes;
mod forward;
mod handshake;
mod head;
mod http;
mod listener;
mod metrics;
mod peer;
mod proxies;
mod readiness;
mod refusals;
mod request_id;
mod serve;
mod throttle;

pub(crate) use self::serve::report;

pub use self::{
    accept::Admission,
    account::{
        Accounted, Answering, ConnectionAccount, ConnectionAccounts, Counted, CountedBody,
        PENDING_RESETS_MAX,
    },
    caller::{Caller, UnlessRecalled},
    coalesce::Coalesced,
    connection::Connection,
    first_bytes::FirstBytes,
    handshake::{HANDSHAKE_TIMEOUT, Handshake, PlainText, Ready, Security},
    head::head_bytes,
    http::{HttpServer, RequestBody, StreamTasks},
    listener::Listener,
    metrics::ConnectionMetrics,
    peer::Peer,
    proxies::{Proxies, Sender},
    readiness::{Readiness, Unready, Vitals},
    refusals::{REFUSALS_MAX, Refusal, Refusals, Refused},
    request_id::RequestId,
    serve::{connections, serve},
    throttle::Throttle,
};
