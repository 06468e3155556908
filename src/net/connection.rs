//! A connection that counts as open.

use std::{
    io,
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
    _slot: Slot,
}

/// The place of one open connection among those that a front may have.
#[derive(Debug)]
pub(super) struct Slot {
    open: Gauge,
    _permit: OwnedSemaphorePermit,
}

// === impl Slot ===

impl Slot {
    /// Counts one more in `open`.
    pub(super) fn new(permit: OwnedSemaphorePermit, open: &Gauge) -> Self {
        open.inc();
        Self {
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
    pub(super) fn counted(io: IO, slot: Slot) -> Self {
        Self { io, _slot: slot }
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
