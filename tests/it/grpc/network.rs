//! Watches over networks that break, and with clients that stop reading.

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc, sync::Arc, time::Duration};

use futures_util::{Stream, future::join_all, stream};
use headcount::{
    access::{Access, KnownCredentials},
    domain::Clock,
    grpc::{GrpcMetrics, GrpcSettings, Health, Presence, ReflectionPolicy, serve},
    journal::Revision,
    net::{Connection, Readiness, Refusals},
    pb::{
        SnapshotReason, WatchRoomRequest, WatchRoomResponse, room_change::Change,
        watch_room_response::Update,
    },
};
use headcount_client::{
    Credentials, Folded, RoomCopy, RoomWatch, WatchEvent, endpoint, from_channel,
};
use hyper_util::rt::TokioIo;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use turmoil::net::{TcpListener, TcpStream};

use crate::common::in_process::{APP, PROGRESS_INTERVAL, STALL_TIMEOUT, Server, World};

const PORT: u16 = 50051;

/// Users who log in, one a second.
const USERS: usize = 120;

fn accept(listener: TcpListener) -> impl Stream<Item = Connection<TcpStream>> {
    stream::unfold(listener, |listener| async move {
        let (io, _) = listener.accept().await.unwrap();
        Some((Connection::uncounted(io), listener))
    })
}

async fn serve_world(world: Arc<World>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let ready = Readiness::new(true);
    let roster = Arc::clone(&world.roster);
    let presence = Presence::new(
        roster,
        ready,
        PROGRESS_INTERVAL,
        100,
        GrpcMetrics::default(),
    );
    let (health, drain) = (Health::new().await, CancellationToken::new());
    let settings = GrpcSettings {
        streams_per_connection_max: 200,
        idle_timeout: Duration::from_secs(300),
        stall_timeout: STALL_TIMEOUT,
        unread_bytes_max: 64 << 20,
        reflection: ReflectionPolicy::Open,
    };
    let access = Access::new(KnownCredentials::default());
    serve(
        accept(listener),
        presence,
        health,
        access,
        Refusals::new(Clock::system()),
        settings,
        drain,
    )
    .await
}

fn watch_over_network() -> RoomWatch {
    let connector = tower::service_fn(|_| async {
        let io = TcpStream::connect(("server", PORT)).await?;
        Ok::<_, io::Error>(TokioIo::new(io))
    });
    let channel = endpoint("http://server").unwrap();
    let channel = channel.connect_with_connector_lazy(connector);
    RoomWatch::new(from_channel(channel, Credentials::none()), APP, "r")
}

/// What a watcher was told.
#[derive(Debug, Default)]
struct Told {
    snapshots: Vec<SnapshotReason>,
    /// How often each user joined.
    joins: BTreeMap<String, usize>,
    lost: usize,
}

async fn follow(told: Rc<RefCell<Told>>) -> turmoil::Result {
    let mut watch = watch_over_network();
    while watch.copy().users().len() < USERS {
        match watch.next().await? {
            WatchEvent::Lost { .. } => told.borrow_mut().lost += 1,
            WatchEvent::Violated { violation, .. } => panic!("{violation}"),
            WatchEvent::Message(message) => match message.update.unwrap() {
                Update::Snapshot(part) => told.borrow_mut().snapshots.push(part.reason()),
                Update::Progress(_) => {}
                Update::Changes(changes) => {
                    for change in changes.changes {
                        if let Some(Change::UserJoined(joined)) = change.change {
                            let user = joined.user.unwrap().user_id;
                            *told.borrow_mut().joins.entry(user).or_default() += 1;
                        }
                    }
                }
            },
        }
    }
    Ok(())
}

#[track_caller]
fn assert_no_gap_across_a_partition(seed: u64) {
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(600))
        .tick_duration(Duration::from_millis(10))
        .build();
    let world = Arc::new(World::new());
    let served = Arc::clone(&world);
    sim.host("server", move || {
        let world = Arc::clone(&served);
        async {
            serve_world(world).await.unwrap();
            Ok(())
        }
    });
    let told = Rc::new(RefCell::new(Told::default()));
    sim.client("watcher", follow(Rc::clone(&told)));
    let written = Arc::clone(&world);
    sim.client("vendor", async move {
        for n in 0..USERS {
            sleep(Duration::from_secs(1)).await;
            written.login("r", &n.to_string());
        }
        Ok(())
    });
    sim.client("weather", async {
        sleep(Duration::from_millis(10_500)).await;
        turmoil::partition("watcher", "server");
        sleep(Duration::from_secs(60)).await;
        turmoil::repair("watcher", "server");
        Ok(())
    });
    sim.run().unwrap();
    let told = told.borrow();
    assert!(told.lost > 0, "the partition was not noticed");
    assert_eq!(told.snapshots, [SnapshotReason::Initial], "{told:?}");
    assert_eq!(told.joins.len(), USERS, "missed: {told:?}");
    assert!(told.joins.values().all(|&n| n == 1), "twice: {told:?}");
}

#[test]
fn a_watch_resumes_after_a_partition_without_a_gap_and_nothing_twice() {
    assert_no_gap_across_a_partition(1);
    assert_no_gap_across_a_partition(2);
}

/// Lets the server and its connections do all they can.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// What one watch was told.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    messages: usize,
    changes: usize,
    snapshots: usize,
}

/// Opens watches of one room over several connections, publishes changes of it
/// while they are not read, each `pause` after the one before, and then reads all.
async fn stall(watches: usize, connections: usize, changes: usize, pause: Duration) -> Vec<Tally> {
    let server = Server::new(World::new()).await;
    server.world.login("r", "ann");
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(server.client().await);
    }
    let mut streams: Vec<Streaming<WatchRoomResponse>> = Vec::new();
    for n in 0..watches {
        let client = &mut clients[n % connections];
        let request = WatchRoomRequest {
            room_id: "r".to_owned(),
            ..WatchRoomRequest::default()
        };
        streams.push(client.watch_room(request).await.unwrap().into_inner());
    }
    settle().await;
    for _ in 0..changes {
        server.world.login("r", "ann");
        settle().await;
        tokio::time::advance(pause).await;
    }
    let last = server.world.roster.applied();
    join_all(streams.iter_mut().map(|stream| read(stream, last))).await
}

/// Reads a watch up to a revision.
async fn read(watch: &mut Streaming<WatchRoomResponse>, last: Revision) -> Tally {
    let (mut copy, mut tally) = (RoomCopy::new(), Tally::default());
    while copy.revision() < last {
        let message = watch.message().await.unwrap().unwrap();
        tally.messages += 1;
        match copy.apply(&message).unwrap() {
            Folded::Changes(changes) => tally.changes += changes.len(),
            Folded::Part | Folded::Snapshot(_) => tally.snapshots += 1,
            Folded::Confirmed => {}
        }
    }
    tally
}

// A receiver built on h2 gives up a connection on which too many small frames
// lie unread: with 16 MiB of window and nothing to hold back the streams, one
// with these watches does after about 3,800 changes.
#[tokio::test(start_paused = true)]
async fn a_client_that_stops_reading_keeps_its_connections() {
    const CHANGES: usize = 4_500;
    // So slowly that each change has a message of its own.
    let tallies = stall(50, 4, CHANGES, Duration::from_millis(11)).await;
    assert_eq!(tallies.len(), 50);
    for tally in tallies {
        // Held back by the window of the stream, then told of what it missed.
        assert!(tally.messages < CHANGES, "{tally:?}");
        assert!(tally.snapshots > 1 || tally.changes == CHANGES, "{tally:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn changes_of_a_busy_room_are_sent_together() {
    const CHANGES: usize = 500;
    for tally in stall(3, 1, CHANGES, Duration::from_millis(1)).await {
        assert_eq!(tally.changes, CHANGES, "{tally:?}");
        // At once while the burst lasts, then a quarter of the messages.
        assert!(tally.messages < CHANGES / 2, "{tally:?}");
    }
}
