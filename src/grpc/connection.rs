//! Connections, at most so many at a time, that write in bursts.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::stream::{self, Stream};
use prometheus_client::metrics::counter::Counter;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{self, Sleep},
};
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use crate::grpc::{GrpcMetrics, burst::Bursts};

/// How long to wait after an accept that failed, as when the process has no more
/// file descriptors: at once it would fail again, and again.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// How long a new connection may take to say that it speaks HTTP/2: from then on
/// it has to answer pings, but one that never says anything would stay for ever.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// What it has to say (RFC 9113, section 3.4), in bytes.
const GREETING_BYTES: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// A connection that counts among those that are open.
#[derive(Debug)]
pub struct Connection<IO> {
    io: Bursts<IO>,
    /// What is left of the greeting, and until when it is waited for.
    greeting: Option<(usize, Pin<Box<Sleep>>)>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<IO> Connection<IO> {
    /// A connection that does not count.
    pub fn new(io: IO) -> Self {
        Self {
            io: Bursts::new(io),
            greeting: Some((GREETING_BYTES, Box::pin(time::sleep(GREETING_TIMEOUT)))),
            _permit: None,
        }
    }
}

/// Accepts connections, of which at most `connections_max` are open at a time;
/// one more is closed at once.
pub fn accept(
    listener: TcpListener,
    connections_max: usize,
    metrics: GrpcMetrics,
) -> impl Stream<Item = io::Result<Connection<TcpStream>>> {
    let permits = Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS)));
    let refused = metrics.connections_refused;
    stream::unfold(
        (listener, permits, refused),
        |(listener, permits, refused)| async move {
            let connection = accept_one(&listener, &permits, &refused).await;
            Some((Ok(connection), (listener, permits, refused)))
        },
    )
}

async fn accept_one(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    refused: &Counter,
) -> Connection<TcpStream> {
    loop {
        let io = match listener.accept().await {
            Ok((io, _)) => io,
            Err(error) => {
                warn!(%error, "cannot accept a gRPC connection");
                time::sleep(ACCEPT_BACK_OFF).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
            refused.inc();
            debug!("too many gRPC connections are open: closed one more");
            continue;
        };
        // Changes are small and wanted now. It is an optimisation: if it cannot
        // be had, the connection works all the same.
        let _ = io.set_nodelay(true);
        return Connection {
            _permit: Some(permit),
            ..Connection::new(io)
        };
    }
}

impl<IO> Connected for Connection<IO> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let Some((left, deadline)) = &mut self.greeting else {
            return polled;
        };
        *left = left.saturating_sub(buf.filled().len() - before);
        if *left == 0 {
            self.greeting = None;
        } else if polled.is_pending() && deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_not_greet_is_given_up() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Connection::new(server);
        client.write_all(b"PRI").await.unwrap();
        let mut read = Vec::new();
        let error = server.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(
            (error.kind(), &*read),
            (io::ErrorKind::TimedOut, &b"PRI"[..])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_greeted_may_be_silent() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Connection::new(server);
        client.write_all(&[b' '; GREETING_BYTES]).await.unwrap();
        let mut read = [0; GREETING_BYTES];
        server.read_exact(&mut read).await.unwrap();
        let silent = time::timeout(2 * GREETING_TIMEOUT, server.read_u8()).await;
        assert!(silent.is_err(), "{silent:?}");
    }
}
