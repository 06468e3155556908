//! A connection that counts as open.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Caller, forward::forward_writes, handshake::Ready};

/// An accepted connection. It counts against the limit of its front until it is dropped.
///
/// Whoever serves it has to drop it when it has to give way to another one
/// ([`Caller::unless_recalled`]).
#[derive(Debug)]
pub struct Connection<IO> {
    // Fields are dropped in this order: the socket is closed before another may take its place.
    io: IO,
    caller: Caller,
    certificate: Option<CertificateDer<'static>>,
}

impl<IO> Connection<IO> {
    /// A connection that no front has accepted, such as one in memory. It counts against no limit.
    pub fn uncounted(io: IO) -> Self {
        Self::new(io.into(), Caller::unknown())
    }

    pub(super) fn new(ready: Ready<IO>, caller: Caller) -> Self {
        let Ready { io, certificate } = ready;
        Self {
            io,
            caller,
            certificate,
        }
    }

    /// What the client showed in the handshake to prove who they are.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }

    /// Who opened it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where the client is, if a front has accepted the connection.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.caller.address()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    forward_writes!();

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
