//! The bytes of a connection that has an account.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop,
};

use super::ConnectionAccount;
use crate::net::forward::forward_writes;

/// How many cancelled requests h2 may have read and not yet handed over (its setting
/// `max_pending_accept_reset_streams`): more than can come to be. h2 hands over what it has
/// read before its task's turn ends, and [`Accounted`] ends a turn after 128 units of [`coop`]
/// of `BYTES_PER_UNIT` and one read of some 16 KiB, 48 KiB. The shortest request, with its
/// cancellation, has 25 bytes, so no turn reads more than 2,000.
pub const PENDING_RESETS_MAX: usize = 2048;

/// Every so many bytes that are read count like a read of their own. What a turn reads is in
/// memory as requests before the first of them is worked on.
const BYTES_PER_UNIT: usize = 256;

/// The bytes of a connection that has an account: `A` is the account, or has it.
///
/// - Reads fail when the connection is ended.
/// - A task gives way to others after reading as much as is due to its turn. Tokio counts reads,
///   which may be long, and h2 hands nothing over while it may read.
#[derive(Debug)]
pub struct Accounted<IO, A> {
    io: IO,
    account: A,
}

impl<IO, A> Accounted<IO, A> {
    /// Gives a connection its account.
    pub fn new(io: IO, account: A) -> Self {
        Self { io, account }
    }

    /// The account.
    pub fn account(&self) -> &A {
        &self.account
    }
}

impl<IO, A> AsyncRead for Accounted<IO, A>
where
    IO: AsyncRead + Unpin,
    A: AsRef<ConnectionAccount> + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.account.as_ref().is_ended() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if polled.is_pending() {
            let ended = self.account.as_ref().poll_ended(cx);
            return ended.map(|()| Err(io::ErrorKind::ConnectionAborted.into()));
        }
        for _ in 0..(buf.filled().len() - before) / BYTES_PER_UNIT {
            match coop::poll_proceed(cx) {
                Poll::Ready(unit) => unit.made_progress(),
                Poll::Pending => break,
            }
        }
        polled
    }
}

impl<IO: AsyncWrite + Unpin, A: Unpin> AsyncWrite for Accounted<IO, A> {
    forward_writes!();

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
