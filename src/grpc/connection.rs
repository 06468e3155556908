//! Connections, at most so many at a time.

use std::{
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
    time,
};
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use crate::grpc::GrpcMetrics;

/// How long to wait after an accept that failed, as when the process has no more
/// file descriptors: at once it would fail again, and again.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// A connection that counts among those that are open.
#[derive(Debug)]
pub struct Connection<IO> {
    io: IO,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<IO> Connection<IO> {
    /// A connection that does not count.
    pub fn new(io: IO) -> Self {
        Self { io, _permit: None }
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
            io,
            _permit: Some(permit),
        };
    }
}

impl<IO> Connected for Connection<IO> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
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
