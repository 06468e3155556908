//! The bytes of one HTTP connection.

use std::{
    future::Future as _,
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep_until},
};

use super::{activity::Activity, unstarted::Turn};

/// How much is thrown away at once.
const DISCARD_BYTES: usize = 16 * 1024;

/// The bytes of a connection. It notes in the [`Activity`] what is read, and reads nothing while
/// a client of HTTP/2 has sent too much beside requests, or while the front has too many requests
/// that have not started.
///
/// If a request's body was left unread, closing waits until the client has closed its side,
/// and throws away what the client still sends. Closing a socket with unread bytes resets it,
/// and the answer is lost with it. The caller bounds the time that this takes.
#[derive(Debug)]
pub(super) struct Transport<IO> {
    io: IO,
    activity: Activity,
    turn: Turn,
    is_shut: bool,
    /// What was written since the last read.
    sent: usize,
    /// The end of a pause in which nothing is read.
    pause: Option<Pin<Box<Sleep>>>,
}

impl<IO> Transport<IO> {
    pub(super) fn new(io: IO, activity: Activity, turn: Turn) -> Self {
        Self {
            io,
            activity,
            turn,
            is_shut: false,
            sent: 0,
            pause: None,
        }
    }

    /// Ready when the client may go on sending.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(until) = self.activity.paused_until(mem::take(&mut self.sent)) {
            let pause = self
                .pause
                .get_or_insert_with(|| Box::pin(sleep_until(until)));
            if pause.deadline() != until {
                pause.as_mut().reset(until);
            }
            ready!(pause.as_mut().poll(cx));
        }
        Poll::Ready(())
    }

    fn note_sent(&mut self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.sent += bytes;
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
        ready!(self.poll_pause(cx));
        ready!(self.turn.poll(cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.activity.read(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.note_sent(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.note_sent(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

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
