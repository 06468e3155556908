//! Lets what many tasks send over one connection be written together.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is worth a write of its own: to hold it would only be to copy it.
const ENOUGH_BYTES: usize = 8 * 1024;

/// How much is held at most: a write of more costs no less for each byte.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// A connection that writes in bursts.
///
/// A change wakes all the streams of a connection. Written one at a time, what they
/// send costs more than all the rest, so the first write of a burst lets the tasks
/// that are ready go first, and small writes are held until the burst is over.
///
/// The protocol flushes after each frame that is not tiny, so a flush is not the end
/// of it. It is over with a flush that nothing was written before; and, whether there
/// is one or not, when the protocol is woken next, which each other flush asks for.
/// What is tiny it gathers itself, and writes in one piece: that is not held.
#[derive(Debug)]
pub(super) struct Bursts<IO> {
    io: IO,
    stage: Stage,
    /// Written, but not yet to the connection. Takes no memory between bursts.
    held: BytesMut,
}

/// Where a connection is in writing what there is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What is written next waits for what else there is.
    Awaited,
    /// It has waited.
    Begun,
    /// All that was written was flushed, and there may be more.
    Flushed,
}

impl<IO> Bursts<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self {
            io,
            stage: Stage::Awaited,
            held: BytesMut::new(),
        }
    }
}

impl<IO: AsyncWrite + Unpin> Bursts<IO> {
    /// Writes what is held.
    fn poll_release(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.held))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.held.advance(written);
        }
        self.held = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    fn hold(&mut self, slices: &[IoSlice<'_>]) {
        if self.held.capacity() == 0 {
            self.held.reserve(HELD_BYTES_MAX);
        }
        for slice in slices {
            self.held.extend_from_slice(slice);
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Bursts<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // The protocol, when it is woken, reads before it writes, as a rule.
        if self.stage == Stage::Flushed {
            self.stage = Stage::Awaited;
        }
        // What cannot be written yet does not keep anybody from reading.
        if let Poll::Ready(Err(error)) = self.poll_release(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Bursts<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = slices.iter().map(|slice| slice.len()).sum();
        let waits = self.stage == Stage::Awaited && count < ENOUGH_BYTES;
        self.stage = Stage::Begun;
        if waits {
            // Who wakes itself comes after those who were woken before.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let is_held = slices.len() > 1 && count < ENOUGH_BYTES;
        if !is_held || self.held.len() + count > HELD_BYTES_MAX {
            ready!(self.poll_release(cx))?;
        }
        if !is_held {
            return Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        }
        self.hold(slices);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.stage == Stage::Begun && !self.held.is_empty() {
            self.stage = Stage::Flushed;
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_release(cx))?;
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        if self.stage == Stage::Begun {
            self.stage = Stage::Flushed;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_release(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
