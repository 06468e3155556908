//! The gRPC front over pipes in memory: no ports, and time may be paused.

use std::{
    future::{Ready, ready},
    io,
    sync::Arc,
    time::Duration,
};

use headcount::{
    access::{Access, KnownCredentials},
    domain::{Clock, Time},
    grpc::{GrpcMetrics, GrpcSettings, Health, Presence, ReflectionPolicy, serve},
    net::{Connection, Readiness, Refusals},
    pb::{GetRoomUsersRequest, GetRoomUsersResponse},
    pb::{ListRoomsRequest, ListRoomsResponse, WatchRoomRequest, WatchRoomResponse},
};
use headcount_client::{Client, Credentials, endpoint, from_channel};
use http::Uri;
use hyper_util::rt::TokioIo;
use prost_types::Timestamp;
use tokio::{io::DuplexStream, sync::mpsc, task::JoinHandle};
use tokio_stream::{StreamExt as _, wrappers::UnboundedReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint},
};

use super::World;

/// What a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;

/// How many streams a connection has.
pub(crate) const STREAMS_MAX: u32 = 200;

/// How often a silent watch is told that nothing changed.
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// How long a client may take nothing of a stream.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(60);

type Served = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A server of a world. It lives until it is drained.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) world: Arc<World>,
    pub(crate) ready: Readiness,
    pub(crate) health: Health,
    pub(crate) drain: CancellationToken,
    pub(crate) metrics: GrpcMetrics,
    connections: mpsc::UnboundedSender<DuplexStream>,
    pub(crate) served: JoinHandle<Served>,
}

impl Server {
    /// A server that is ready.
    pub(crate) async fn new(world: World) -> Self {
        let server = Self::starting(world, 100).await;
        server.ready.set(true);
        server
    }

    /// A server that is not ready yet.
    pub(crate) async fn starting(world: World, watches_max: usize) -> Self {
        Self::with_streams(world, watches_max, STREAMS_MAX).await
    }

    /// The same, with so many streams for each connection.
    pub(crate) async fn with_streams(world: World, watches_max: usize, streams_max: u32) -> Self {
        let metrics = GrpcMetrics::default();
        let (connections, accepted) = mpsc::unbounded_channel();
        let (world, ready) = (Arc::new(world), Readiness::default());
        let presence = Presence::new(
            Arc::clone(&world.roster),
            ready.clone(),
            PROGRESS_INTERVAL,
            watches_max,
            metrics.clone(),
        );
        let (health, drain) = (Health::new().await, CancellationToken::new());
        let served = tokio::spawn(serve(
            UnboundedReceiverStream::new(accepted).map(Connection::uncounted),
            presence,
            health.clone(),
            Access::new(KnownCredentials::default()),
            Refusals::new(Clock::system()),
            GrpcSettings {
                streams_per_connection_max: streams_max,
                idle_timeout: Duration::from_secs(300),
                stall_timeout: STALL_TIMEOUT,
                unread_bytes_max: 64 << 20,
                reflection: ReflectionPolicy::Open,
            },
            drain.clone(),
        ));
        Self {
            world,
            ready,
            health,
            drain,
            metrics,
            connections,
            served,
        }
    }

    /// A connection with the settings that clients should have.
    pub(crate) async fn channel(&self) -> Channel {
        self.connect(endpoint("http://in-memory").unwrap()).await
    }

    pub(crate) async fn connect(&self, endpoint: Endpoint) -> Channel {
        let channel = endpoint.connect_with_connector(self.connector());
        channel.await.unwrap()
    }

    /// A connection for a client of the caller's. The pipe holds so many bytes each way.
    pub(crate) fn pipe(&self, bytes: usize) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(bytes);
        self.connections.send(theirs).unwrap();
        ours
    }

    /// Waits until no more connections are accepted.
    pub(crate) async fn stops_accepting(&self) {
        self.connections.closed().await;
    }

    /// A client of a connection of its own, which begins with the first call.
    pub(crate) fn lazy_client(&self) -> Client {
        let endpoint = endpoint("http://in-memory").unwrap();
        let channel = endpoint.connect_with_connector_lazy(self.connector());
        from_channel(channel, Credentials::none())
    }

    /// Makes the connections to this server.
    fn connector(
        &self,
    ) -> impl tower::Service<
        Uri,
        Response = TokioIo<DuplexStream>,
        Error = io::Error,
        Future = Ready<io::Result<TokioIo<DuplexStream>>>,
    > + Send
    + use<> {
        let connections = self.connections.clone();
        tower::service_fn(move |_| {
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            let sent = connections.send(theirs);
            ready(sent.map(|()| TokioIo::new(ours)).map_err(io::Error::other))
        })
    }

    pub(crate) async fn client(&self) -> Client {
        from_channel(self.channel().await, Credentials::none())
    }

    pub(crate) async fn users(
        &self,
        request: GetRoomUsersRequest,
    ) -> Result<GetRoomUsersResponse, Status> {
        let response = self.client().await.get_room_users(request).await;
        response.map(tonic::Response::into_inner)
    }

    pub(crate) async fn rooms(
        &self,
        request: ListRoomsRequest,
    ) -> Result<ListRoomsResponse, Status> {
        let response = self.client().await.list_rooms(request).await;
        response.map(tonic::Response::into_inner)
    }

    pub(crate) async fn watch(
        &self,
        room: &str,
        resume_token: &str,
    ) -> Result<Streaming<WatchRoomResponse>, Status> {
        let request = WatchRoomRequest {
            app: String::new(),
            room_id: room.to_owned(),
            resume_token: resume_token.to_owned(),
        };
        let response = self.client().await.watch_room(request).await;
        response.map(tonic::Response::into_inner)
    }
}

/// The next message of a watch.
pub(crate) async fn next<T>(watch: &mut Streaming<T>) -> T {
    watch.message().await.unwrap().expect("a watch has no end")
}

/// Asserts that a watch is told nothing, as long as that may last.
pub(crate) async fn silent(watch: &mut Streaming<WatchRoomResponse>) {
    let just_before = PROGRESS_INTERVAL - Duration::from_millis(1);
    let told = tokio::time::timeout(just_before, watch.message()).await;
    assert!(told.is_err(), "told {told:?}");
}

/// A time, as answers tell it.
pub(crate) fn timestamp(time: Time) -> Option<Timestamp> {
    let millis = i64::try_from(time.as_millis()).unwrap();
    Some(Timestamp {
        seconds: millis / 1000,
        nanos: i32::try_from(millis % 1000).unwrap() * 1_000_000,
    })
}
