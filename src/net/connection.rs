//! A connection that counts as open.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
};

use super::forward::forward_writes;

/// An accepted connection. It counts against the limit of its front until it is dropped.
#[derive(Debug)]
pub struct Connection<IO> {
    // Fields are dropped in this order: the socket is closed before another may take its place.
    io: IO,
    slot: Option<Slot>,
}

/// The place of one open connection among those that a front may have.
#[derive(Debug)]
pub(super) struct Slot {
    /// Where the client is.
    peer: SocketAddr,
    open: Gauge,
    _permit: OwnedSemaphorePermit,
}

// === impl Slot ===

impl Slot {
    /// Counts one more in `open`.
    pub(super) fn new(permit: OwnedSemaphorePermit, peer: SocketAddr, open: &Gauge) -> Self {
        open.inc();
        Self {
            peer,
            open: open.clone(),
            _permit: permit,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.dec();
    }
}

// === impl Connection ===

impl<IO> Connection<IO> {
    /// A connection that no front has accepted, such as one in memory. It counts against no limit.
    pub fn uncounted(io: IO) -> Self {
        Self { io, slot: None }
    }

    pub(super) fn counted(io: IO, slot: Slot) -> Self {
        Self {
            io,
            slot: Some(slot),
        }
    }

    /// Where the client is, if a front has accepted the connection.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.slot.as_ref().map(|slot| slot.peer)
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
