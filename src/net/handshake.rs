//! What happens on a connection before its first byte is served.

use std::{
    future::{self, Future},
    io,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time,
};
use tracing::debug;

use super::{Caller, Connection};

/// How long a handshake may take. A client that says nothing must not keep one of the
/// front's connections.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes an accepted connection ready to be served.
///
/// It runs in a task of its own, so that a slow client does not hold up others.
pub trait Handshake: Clone + Send + Sync + 'static {
    /// The connection when it is ready.
    type Io: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Makes a connection ready.
    ///
    /// # Errors
    /// When the client breaks off or does not keep to the protocol.
    fn handshake(&self, io: TcpStream) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// No handshake: a connection is ready when it is accepted.
#[derive(Clone, Copy, Debug)]
pub struct PlainText;

impl Handshake for PlainText {
    type Io = TcpStream;

    fn handshake(&self, io: TcpStream) -> impl Future<Output = io::Result<TcpStream>> + Send {
        future::ready(Ok(io))
    }
}

/// The connection, if its handshake succeeds in time. If not, it is closed.
pub(super) async fn shake_hands<H: Handshake>(
    handshake: &H,
    io: TcpStream,
    caller: Caller,
) -> Option<Connection<H::Io>> {
    let ready = time::timeout(HANDSHAKE_TIMEOUT, handshake.handshake(io)).await;
    match ready.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(io) => Some(Connection::new(io, caller)),
        Err(error) => {
            debug!(%error, "a handshake failed: closed the connection");
            None
        }
    }
}
