//! The bytes of one HTTP connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use crate::net::forward::forward_writes;

/// How much is thrown away at once.
const DISCARD_BYTES: usize = 16 * 1024;

/// The bytes of a connection. It notes in the [`Activity`] what is read.
///
/// If a request's body was left unread, closing waits until the client has closed its side,
/// and throws away what the client still sends. Closing a socket with unread bytes resets it,
/// and the answer is lost with it. The caller bounds the time that this takes.
#[derive(Debug)]
pub(super) struct Transport<IO> {
    io: IO,
    activity: Activity,
    is_shut: bool,
}

impl<IO> Transport<IO> {
    pub(super) fn new(io: IO, activity: Activity) -> Self {
        Self {
            io,
            activity,
            is_shut: false,
        }
    }
}

impl<IO: AsyncRead + Unpin> Transport<IO> {
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; DISCARD_BYTES];
        loop {
            let mut buf = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Transport<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.activity.read(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<IO> {
    forward_writes!();

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        if self.activity.has_unread() {
            ready!(self.poll_discard(cx));
        }
        Poll::Ready(Ok(()))
    }
}
