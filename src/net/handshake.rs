//! What happens on a connection before its first byte is served.

use std::{
    future::{self, Future},
    io,
    sync::Arc,
    time::Duration,
};

use rustls::{ServerConfig, pki_types::CertificateDer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::either::Either;
use tracing::debug;

use super::{Caller, ConnectionMetrics};

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
    fn handshake(&self, io: TcpStream) -> impl Future<Output = io::Result<Ready<Self::Io>>> + Send;

    /// Whether something may be said to a client before the handshake.
    fn is_plain_text(&self) -> bool;
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Ready<IO> {
    /// The connection.
    pub io: IO,
    /// What the client showed to prove who they are. It was verified.
    pub certificate: Option<CertificateDer<'static>>,
}

impl<IO> From<IO> for Ready<IO> {
    /// Of a client that showed nothing.
    fn from(io: IO) -> Self {
        Self {
            io,
            certificate: None,
        }
    }
}

/// No handshake: a connection is ready when it is accepted.
#[derive(Clone, Copy, Debug)]
pub struct PlainText;

impl Handshake for PlainText {
    type Io = TcpStream;

    fn handshake(
        &self,
        io: TcpStream,
    ) -> impl Future<Output = io::Result<Ready<TcpStream>>> + Send {
        future::ready(Ok(io.into()))
    }

    fn is_plain_text(&self) -> bool {
        true
    }
}

/// What the configuration of a front says: plain text, or TLS.
#[derive(Clone, Debug)]
pub enum Security {
    /// No handshake.
    PlainText,
    /// TLS with the latest of these settings. Connections that are open stay as they began.
    Tls(watch::Receiver<Arc<ServerConfig>>),
}

impl Handshake for Security {
    // A connection in plain text does not take the memory of one with TLS.
    type Io = Either<TcpStream, Box<TlsStream<TcpStream>>>;

    async fn handshake(&self, io: TcpStream) -> io::Result<Ready<Self::Io>> {
        match self {
            Self::PlainText => Ok(Either::Left(io).into()),
            Self::Tls(settings) => {
                let settings = Arc::clone(&settings.borrow());
                let stream = TlsAcceptor::from(settings).accept(io).await?;
                let (_, session) = stream.get_ref();
                let chain = session.peer_certificates();
                Ok(Ready {
                    certificate: chain.and_then(<[_]>::first).cloned(),
                    io: Either::Right(Box::new(stream)),
                })
            }
        }
    }

    fn is_plain_text(&self) -> bool {
        matches!(self, Self::PlainText)
    }
}

/// The connection of a caller, if its handshake succeeds in time. If not, it is closed.
pub(super) async fn shake_hands<H: Handshake>(
    handshake: &H,
    io: TcpStream,
    caller: &Caller,
    metrics: &ConnectionMetrics,
) -> Option<Ready<H::Io>> {
    let ready = time::timeout(HANDSHAKE_TIMEOUT, handshake.handshake(io)).await;
    match ready.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(ready) => Some(ready),
        Err(error) => {
            metrics.handshakes_failed.inc();
            let address = caller.address();
            debug!(?address, %error, "a handshake failed: closed the connection");
            None
        }
    }
}
