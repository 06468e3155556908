//! Ends a connection that has had no request for too long.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::ConnectionAccount;
use crate::net::forward::forward_writes;

/// A connection that ends when none of its requests was in work for some time, whatever else the
/// client sends. Reads find its end then, as if the client had gone, so that whatever serves it
/// closes it in order.
#[derive(Debug)]
pub struct IdleLimit<IO, A> {
    io: IO,
    account: A,
    within: Duration,
    limit: Pin<Box<Sleep>>,
}

impl<IO, A> IdleLimit<IO, A> {
    /// Ends a connection that has been without a request for the time `within`.
    pub fn new(io: IO, account: A, within: Duration) -> Self {
        Self {
            io,
            account,
            within,
            limit: Box::pin(sleep(within)),
        }
    }
}

impl<IO, A: AsRef<ConnectionAccount>> IdleLimit<IO, A> {
    /// Ready when the connection has been idle for too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // A limit that moved to a later time is looked at when it wakes, so that a request
            // does not have to reset the timer.
            ready!(self.limit.as_mut().poll(cx));
            let due = self.account.as_ref().idle_since() + self.within;
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.limit.as_mut().reset(due);
        }
    }
}

impl<IO, A> AsyncRead for IdleLimit<IO, A>
where
    IO: AsyncRead + Unpin,
    A: AsRef<ConnectionAccount> + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_pending() {
            return self.poll_idle(cx).map(Ok);
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin, A: Unpin> AsyncWrite for IdleLimit<IO, A> {
    forward_writes!();

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::net::{ConnectionAccounts, ConnectionMetrics};

    const WITHIN: Duration = Duration::from_secs(300);

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_after_so_long_without_a_request() {
        let accounts = ConnectionAccounts::new("tests", 10, ConnectionMetrics::default());
        let account = Arc::new(accounts).open(None);
        let (_client, server) = tokio::io::duplex(64);
        let mut server = IdleLimit::new(server, account.clone(), WITHIN);
        let began = Instant::now();
        let mut request = account.begin();
        request.answered();
        let used = async {
            sleep(10 * WITHIN).await;
            drop(request);
        };
        let mut byte = [0];
        let (read, ()) = tokio::join!(server.read(&mut byte), used);
        assert_eq!(read.unwrap(), 0);
        // The limit is looked at when it wakes, and may wake once more after that.
        let idle = began.elapsed() - 10 * WITHIN;
        assert!(WITHIN <= idle && idle <= 2 * WITHIN, "{idle:?}");
    }
}
