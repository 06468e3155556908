//! An HTTP/2 server on [`Coalesced`] and a client, each the real one of hyper.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, duplex},
    sync::{Notify, mpsc},
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    super::Coalesced,
    trace::{Above, Below, Event, Flushes, Trace},
};

/// How much the client lets the server send before it has to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    pub(super) stream: u32,
    pub(super) connection: u32,
}

/// Lets all tasks run until none can. With paused time a sleep ends only then.
pub(super) async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// Fails if this waits for bytes that were left behind: at once, as time is paused.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    const HANGS: Duration = Duration::from_secs(3600);
    timeout(HANGS, what).await.expect("bytes were left behind")
}

// === the server ===

/// Sends the frames of one response. Dropping it ends the response.
type Sender = mpsc::UnboundedSender<Bytes>;

/// Serves one connection. The caller gets a sender for each response.
fn serve<IO>(io: IO, shutdown: Arc<Notify>, trace: Trace) -> (JoinHandle<()>, Opened)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (opened_tx, opened) = mpsc::unbounded_channel();
    let served = async move {
        let service = service_fn(move |_: Request<Incoming>| {
            let (sender, frames) = mpsc::unbounded_channel();
            let _ = opened_tx.send(sender);
            let frames = stream::unfold(frames, |mut frames| async move {
                let frame: Bytes = frames.recv().await?;
                Some((Ok::<_, Infallible>(Frame::data(frame)), frames))
            });
            std::future::ready(Ok::<_, Infallible>(Response::new(StreamBody::new(frames))))
        });
        // As tonic does.
        let protocol = auto::Builder::new(TokioExecutor::new()).http2_only();
        let mut connection = pin!(protocol.serve_connection(TokioIo::new(io), service));
        let mut told = pin!(shutdown.notified());
        let mut is_told = false;
        poll_fn(|cx| {
            if !is_told && told.as_mut().poll(cx).is_ready() {
                is_told = true;
                connection.as_mut().graceful_shutdown();
            }
            trace.note(Event::Run);
            let polled = connection.as_mut().poll(cx);
            if polled.is_pending() {
                trace.note(Event::Sleep);
            }
            polled.map(drop)
        })
        .await;
    };
    (tokio::spawn(served), opened)
}

pub(super) type Opened = mpsc::UnboundedReceiver<Sender>;

/// The same, without a trace.
pub(super) fn serve_plain<IO>(io: IO) -> (JoinHandle<()>, Opened)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    serve(Coalesced::new(io), Arc::default(), Trace::default())
}

// === the client ===

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<IO: AsyncRead + AsyncWrite + Send + Unpin> Io for IO {}

/// The socket of a client, which outlives the client's protocol: that it ends the connection
/// does not close the socket.
struct Socket {
    io: Option<Box<dyn Io>>,
    is_frozen: bool,
    waker: Option<Waker>,
}

impl Socket {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A client's connection. It reads and writes through a [`Socket`] that can be frozen.
struct Freezable(Arc<Mutex<Socket>>);

impl AsyncRead for Freezable {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut socket = self.0.lock();
        // h2 reads whenever it runs, so this stops the whole client.
        socket.waker = Some(cx.waker().clone());
        if socket.is_frozen {
            return Poll::Pending;
        }
        match &mut socket.io {
            Some(io) => Pin::new(io).poll_read(cx, buf),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Freezable {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0.lock().io {
            Some(io) => Pin::new(io).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0.lock().io {
            Some(io) => Pin::new(io).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

pub(super) struct Client {
    requests: http2::SendRequest<Empty<Bytes>>,
    socket: Arc<Mutex<Socket>>,
    receiving: JoinSet<()>,
}

impl Client {
    pub(super) async fn connect<IO>(io: IO, windows: Windows) -> Self
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let socket = Arc::new(Mutex::new(Socket {
            io: Some(Box::new(io)),
            is_frozen: false,
            waker: None,
        }));
        let io = Freezable(Arc::clone(&socket));
        let handshake = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(windows.stream)
            .initial_connection_window_size(windows.connection)
            .handshake(TokioIo::new(io));
        let (requests, connection) = handshake.await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        Self {
            requests,
            socket,
            receiving: JoinSet::new(),
        }
    }

    pub(super) fn freeze(&self) {
        self.socket.lock().is_frozen = true;
    }

    pub(super) fn thaw(&self) {
        let mut socket = self.socket.lock();
        socket.is_frozen = false;
        socket.wake();
    }

    /// Closes the socket.
    pub(super) fn leave(&self) {
        let mut socket = self.socket.lock();
        socket.io = None;
        socket.wake();
    }

    /// Opens a stream. Returns its response.
    pub(super) async fn open(&mut self) -> Incoming {
        let request = Request::get("http://test/").body(Empty::new()).unwrap();
        self.requests.ready().await.unwrap();
        let response = self.requests.send_request(request);
        response.await.unwrap().into_body()
    }

    /// Receives a response until as many bytes came as `expected` says.
    pub(super) fn expect(
        &mut self,
        mut response: Incoming,
        expected: impl Future<Output = usize> + Send + 'static,
    ) {
        self.receiving.spawn(async move {
            let mut received = 0;
            let expected = expected.await;
            while received < expected {
                received += next_bytes(&mut response).await.expect("it ended early");
            }
            assert_eq!(received, expected);
        });
    }

    pub(super) async fn all_received(&mut self) {
        while let Some(received) = self.receiving.join_next().await {
            received.unwrap();
        }
    }
}

/// How many bytes the next frame has; `None` at the end.
async fn next_bytes(response: &mut Incoming) -> Option<usize> {
    let frame = response.frame().await?.unwrap();
    Some(frame.data_ref().map_or(0, Bytes::len))
}

// === both ===

struct Stream {
    sender: Option<Sender>,
    response: Incoming,
    /// Sent and not received yet.
    due: usize,
}

/// A server and a client on a pipe in memory.
pub(super) struct Pair {
    pub(super) client: Client,
    trace: Trace,
    shutdown: Arc<Notify>,
    server: JoinHandle<()>,
    opened: Opened,
    streams: Vec<Stream>,
}

impl Pair {
    /// The pipe holds `pipe_bytes` either way.
    pub(super) async fn new(pipe_bytes: usize, windows: Windows, flushes: Flushes) -> Self {
        let (ours, theirs) = duplex(pipe_bytes);
        let trace = Trace::default();
        let below = Below {
            io: theirs,
            trace: trace.clone(),
        };
        let above = Above::new(Coalesced::new(below), trace.clone(), flushes);
        let shutdown = Arc::<Notify>::default();
        let (server, opened) = serve(above, Arc::clone(&shutdown), trace.clone());
        let client = in_time(Client::connect(ours, windows)).await;
        Self {
            client,
            trace,
            shutdown,
            server,
            opened,
            streams: Vec::new(),
        }
    }

    pub(super) fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(super) async fn open_streams(&mut self, count: usize) {
        for _ in 0..count {
            let response = in_time(self.client.open()).await;
            let sender = self.opened.recv().await;
            self.streams.push(Stream {
                sender,
                response,
                due: 0,
            });
        }
        settle().await;
    }

    pub(super) fn send(&mut self, stream: usize, size: usize) {
        let stream = &mut self.streams[stream];
        let sender = stream.sender.as_ref().unwrap();
        sender.send(Bytes::from(vec![b'.'; size])).unwrap();
        stream.due += size;
    }

    pub(super) fn send_to_all(&mut self, size: usize) {
        for stream in 0..self.streams.len() {
            self.send(stream, size);
        }
    }

    pub(super) fn end_all_streams(&mut self) {
        for stream in &mut self.streams {
            stream.sender = None;
        }
    }

    /// Tells the server to end the connection gracefully.
    pub(super) fn shut_down(&self) {
        self.shutdown.notify_one();
    }

    /// That the client receives all that was sent.
    pub(super) async fn assert_received(&mut self) {
        let received = async {
            for stream in &mut self.streams {
                while stream.due > 0 {
                    let bytes = next_bytes(&mut stream.response).await;
                    stream.due -= bytes.expect("it ended early");
                }
            }
        };
        in_time(received).await;
        settle().await;
    }

    /// The same, and that all streams end then.
    pub(super) async fn assert_received_and_ended(&mut self) {
        self.assert_received().await;
        for mut stream in self.streams.drain(..) {
            while let Some(bytes) = in_time(next_bytes(&mut stream.response)).await {
                assert_eq!(bytes, 0);
            }
        }
    }

    /// The client closes its connection without GOAWAY.
    pub(super) fn leave(&self) {
        self.client.leave();
    }

    pub(super) async fn assert_server_ended(&mut self) {
        in_time(&mut self.server).await.unwrap();
    }
}
