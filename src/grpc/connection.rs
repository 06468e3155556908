//! The connections of gRPC: what is wrapped around them.

use std::time::Duration;

use futures_util::stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::server::Connected;

use super::GrpcMetrics;
use crate::net::{
    self, Admission, Coalesced, Connection, ConnectionMetrics, FirstBytes, Handshake, Listener,
};

/// How long a new connection may take to say that it speaks HTTP/2. From then on it has to
/// answer pings, but one that never says anything would stay for ever.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(10);

/// What it has to say (RFC 9113, section 3.4), in bytes.
const PREFACE_BYTES: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// A connection as tonic gets it.
pub(super) type Transport<IO> = Coalesced<FirstBytes<IO>>;

/// Accepts connections, of which at most `connections_max` are open at a time; one more is
/// closed at once.
pub fn accept<H: Handshake>(
    listener: Listener<H>,
    connections_max: usize,
    metrics: &GrpcMetrics,
) -> impl Stream<Item = Connection<H::Io>> + use<H> {
    let admission = Admission {
        purpose: "gRPC",
        connections_max,
        refusal: b"",
        metrics: ConnectionMetrics {
            refused: metrics.connections_refused.clone(),
            ..ConnectionMetrics::default()
        },
    };
    net::connections(listener, admission)
}

/// Writes the messages of many streams together, and gives up a client that does not begin.
pub(super) fn transport<IO: AsyncRead + AsyncWrite + Unpin>(io: IO) -> Transport<IO> {
    Coalesced::new(FirstBytes::new(io, PREFACE_BYTES, PREFACE_TIMEOUT))
}

impl<IO> Connected for Coalesced<IO> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}
