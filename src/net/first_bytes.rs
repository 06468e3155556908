//! A deadline for the first bytes of a connection.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{self, Sleep},
};

use super::forward::forward_writes;

/// A connection whose first bytes have to arrive in time. If they do not, the read that
/// waits for them fails with [`io::ErrorKind::TimedOut`].
#[derive(Debug)]
pub struct FirstBytes<IO> {
    io: IO,
    /// How many bytes are still missing, and until when they are waited for.
    missing: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<IO> FirstBytes<IO> {
    /// Waits for `bytes` bytes, for the time `within` from now.
    pub fn new(io: IO, bytes: usize, within: Duration) -> Self {
        Self {
            io,
            missing: Some((bytes, Box::pin(time::sleep(within)))),
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for FirstBytes<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let Some((missing, deadline)) = &mut self.missing else {
            return polled;
        };
        *missing = missing.saturating_sub(buf.filled().len() - before);
        if *missing == 0 {
            self.missing = None;
        } else if polled.is_pending() && deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for FirstBytes<IO> {
    forward_writes!();

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_too_little_is_given_up() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = FirstBytes::new(server, 4, WITHIN);
        client.write_all(b"PRI").await.unwrap();
        let mut read = Vec::new();
        let error = server.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(
            (error.kind(), &*read),
            (io::ErrorKind::TimedOut, &b"PRI"[..])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_said_enough_may_be_silent() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = FirstBytes::new(server, 4, WITHIN);
        client.write_all(b"PRI ").await.unwrap();
        let mut read = [0; 4];
        server.read_exact(&mut read).await.unwrap();
        let silent = time::timeout(2 * WITHIN, server.read_u8()).await;
        assert!(silent.is_err(), "{silent:?}");
    }
}
