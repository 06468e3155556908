//! A connection that counts as open.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Caller;

/// An accepted connection. It counts against the limit of its front until it is dropped.
///
/// If it has to give way to another one, it ends: reads find its end, and writes fail. Whatever
/// serves it then closes it in its own way, as if the client had gone.
#[derive(Debug)]
pub struct Connection<IO> {
    // Fields are dropped in this order: the socket is closed before another may take its place.
    io: IO,
    caller: Caller,
}

impl<IO> Connection<IO> {
    /// A connection that no front has accepted, such as one in memory. It counts against no limit.
    pub fn uncounted(io: IO) -> Self {
        Self::new(io, Caller::unknown())
    }

    pub(super) fn new(io: IO, caller: Caller) -> Self {
        Self { io, caller }
    }

    /// Who opened it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where the client is, if a front has accepted the connection.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.caller.address()
    }

    /// What `written` is unless the connection has to give way.
    fn unless_recalled<T>(
        &self,
        cx: &Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_pending() && self.caller.poll_recalled(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        written
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Asked first, because one that always has something to read has to end, too.
        if self.caller.poll_recalled(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.unless_recalled(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.unless_recalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.unless_recalled(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(cx);
        self.unless_recalled(cx, shut)
    }
}
