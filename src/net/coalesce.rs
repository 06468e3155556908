//! Writes the frames of many tasks together.
//!
//! A change of a room wakes all the streams of a connection. h2 flushes after nearly every frame,
//! and a write for each frame costs more than all the rest. [`Coalesced`] stands between h2 and
//! the socket and does two things:
//!
//! - It delays: the first small write of a burst answers `Pending` once, so that the tasks which
//!   are ready run first and add their frames.
//! - It gathers: the small frames that follow are kept in a buffer, and a flush in their midst
//!   answers `Ready` with the buffer unwritten. The flush wakes the connection's task, which
//!   writes the buffer when it runs next.
//!
//! The buffer is written with whatever comes first: a flush that no write came before, a write
//! that is not gathered, a shutdown, or the next read.
//!
//! # What this relies on
//!
//! A flush that answers `Ready` too early is not what [`AsyncWrite`] promises. It is right only
//! for a caller that behaves as hyper's HTTP/2 server on h2 does:
//!
//! 1. **One task.** One task polls the transport, and it runs again after its waker was woken.
//! 2. **It tries again.** A write that answered `Pending` is repeated when the task runs again.
//!    It may then be longer.
//! 3. **It reads first.** When the task runs, it reads from the transport before it goes to sleep,
//!    or it ends in a write, a flush or a shutdown that waits for the transport.
//! 4. **It flushes.** When the task goes to sleep, its last write was followed by a flush, or the
//!    write or flush itself answered `Pending`.
//! 5. **It shuts down.** A connection that ends in order, after GOAWAY or because the client left,
//!    is shut down before it is dropped. One that broke may be dropped with bytes unwritten.
//!
//! 1 and 2 are what every caller of [`AsyncWrite`] has to do. With 3 and 4 nothing stays in the
//! buffer, and with 5 nothing is lost at the end. Two more habits make it fast, and nothing
//! breaks without them:
//!
//! 6. **A DATA frame is a write.** One of 256 bytes or more comes as a write of two slices, head
//!    and payload, and is flushed by itself. h2 gathers smaller ones, and hands over one slice.
//! 7. **The last flush comes twice.** h2 flushes once more after the last frame of a burst, which
//!    ends the burst before the wake-up does.
//!
//! Habits 3 to 7 are not documented. `conformance.rs` checks them with the real h2 and hyper, and
//! shows that everything is delivered without another wake-up, with the second flush and without.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A write of so many bytes is worth a system call of its own: to gather it would only copy it.
const LARGE_WRITE_BYTES: usize = 8 * 1024;

/// The most bytes that are gathered: a longer write costs no less for each byte.
const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// A connection that writes the frames of HTTP/2 together. The documentation of the module says
/// what its caller has to do.
#[derive(Debug)]
pub struct Coalesced<IO> {
    io: IO,
    burst: Burst,
    /// Accepted, but not yet written to `io`. Takes no memory between bursts.
    gathered: BytesMut,
}

/// How far a burst of writes has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Burst {
    /// None has begun: the next small write is delayed.
    Over,
    /// There was a write since the last flush.
    Written,
    /// All writes were flushed. There may be more.
    Flushed,
}

impl<IO> Coalesced<IO> {
    /// Writes to `io`.
    pub fn new(io: IO) -> Self {
        Self {
            io,
            burst: Burst::Over,
            gathered: BytesMut::new(),
        }
    }
}

impl<IO: AsyncWrite + Unpin> Coalesced<IO> {
    /// Writes what was gathered.
    fn poll_write_gathered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.gathered))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gathered.advance(written);
        }
        self.gathered = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    fn gather(&mut self, slices: &[IoSlice<'_>]) {
        if self.gathered.capacity() == 0 {
            self.gathered.reserve(GATHERED_BYTES_MAX);
        }
        for slice in slices {
            self.gathered.extend_from_slice(slice);
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Coalesced<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // The task runs anew, so the burst before is over.
        if self.burst == Burst::Flushed {
            self.burst = Burst::Over;
        }
        // A socket that cannot be written to may be read from all the same.
        if let Poll::Ready(Err(error)) = self.poll_write_gathered(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Coalesced<IO> {
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
        let is_delayed = self.burst == Burst::Over && count < LARGE_WRITE_BYTES;
        self.burst = Burst::Written;
        if is_delayed {
            // A task that wakes itself runs after those that were woken before.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let is_gathered = slices.len() > 1 && count < LARGE_WRITE_BYTES;
        if !is_gathered || self.gathered.len() + count > GATHERED_BYTES_MAX {
            ready!(self.poll_write_gathered(cx))?;
        }
        if !is_gathered {
            return Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        }
        self.gather(slices);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.burst == Burst::Written && !self.gathered.is_empty() {
            // More frames may follow. The task runs once more and writes what was gathered.
            self.burst = Burst::Flushed;
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_write_gathered(cx))?;
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        if self.burst == Burst::Written {
            self.burst = Burst::Flushed;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_gathered(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
