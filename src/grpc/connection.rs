//! Accepts the connections of the gRPC front, and wraps them.

use std::time::Duration;

use futures_util::stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{GrpcMetrics, account::PURPOSE};
use crate::net::{
    self, Admission, Coalesced, Connection, FirstBytes, Handshake, Listener, budget::Trust,
};

/// How long a new connection may take to send its HTTP/2 preface. After the preface the server
/// sends pings, which the client has to answer. Without this limit, a connection that never
/// sends anything would stay open for ever.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(10);

/// The length of the preface (RFC 9113, section 3.4), in bytes.
const PREFACE_BYTES: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// A connection as it is handed to the HTTP server.
pub(super) type Transport<IO> = Coalesced<FirstBytes<IO>>;

/// Accepts connections. At most `connections_max` are open at a time, and `per_address_max` of one
/// address. For one more, the oldest is closed that has not asked anything; if there is none, the
/// new one.
pub fn accept<H: Handshake>(
    listener: Listener<H>,
    connections_max: usize,
    per_address_max: usize,
    metrics: &GrpcMetrics,
) -> impl Stream<Item = Connection<H::Io>> + use<H> {
    let admission = Admission {
        purpose: PURPOSE,
        connections_max,
        per_peer_max: per_address_max,
        // Nobody proves who they are here.
        trust: Trust::default(),
        refusal: b"",
        metrics: metrics.connections.clone(),
    };
    net::connections(listener, admission)
}

/// Wraps a connection, so that it writes the messages of many streams together and closes if
/// no preface comes in time.
pub(super) fn transport<IO: AsyncRead + AsyncWrite + Unpin>(io: IO) -> Transport<IO> {
    Coalesced::new(FirstBytes::new(io, PREFACE_BYTES, PREFACE_TIMEOUT))
}
