use std::{future::pending, io, pin::pin, time::Duration};

use futures_util::stream::StreamExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    time::{Instant, timeout},
};

use super::*;
use crate::net::{ConnectionMetrics, HANDSHAKE_TIMEOUT, Ready, budget::Trust};

/// Fails the test if this hangs. How long it takes does not matter otherwise.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    const HANGS: Duration = Duration::from_secs(20);
    timeout(HANGS, what).await.expect("it hangs")
}

/// A handshake that waits for the client to send `!`, and fails on anything else.
#[derive(Clone)]
struct Knock;

impl Handshake for Knock {
    type Io = TcpStream;

    async fn handshake(&self, mut io: TcpStream) -> io::Result<Ready<TcpStream>> {
        match io.read_u8().await? {
            b'!' => Ok(io.into()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn is_plain_text(&self) -> bool {
        true
    }
}

fn admission(connections_max: usize) -> Admission {
    Admission {
        purpose: "tests",
        connections_max,
        per_peer_max: connections_max,
        trust: Trust::default(),
        refusal: b"full",
        metrics: ConnectionMetrics::default(),
    }
}

async fn listener() -> (Listener, std::net::SocketAddr) {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Sends each client a greeting and waits for the drain.
fn greet(
    drain: &CancellationToken,
) -> impl Fn(Connection<TcpStream>) -> futures_util::future::BoxFuture<'static, ()> + use<> {
    let drain = drain.clone();
    move |mut connection| {
        let drain = drain.clone();
        Box::pin(async move {
            connection.write_all(b"hello").await.unwrap();
            drain.cancelled().await;
        })
    }
}

async fn read_greeting(io: &mut TcpStream) {
    let mut greeting = [0; 5];
    soon(io.read_exact(&mut greeting)).await.unwrap();
    assert_eq!(&greeting, b"hello");
}

#[tokio::test]
async fn a_handshake_that_does_not_end_holds_up_nobody() {
    let (listener, address) = listener().await;
    let drain = CancellationToken::new();
    let admission = admission(10);
    let open = admission.metrics.open.clone();
    let served = serve(
        listener.with_handshake(Knock),
        admission,
        drain.clone(),
        greet(&drain),
    );
    let served = tokio::spawn(served);
    let start = Instant::now();
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut wrong = TcpStream::connect(address).await.unwrap();
    wrong.write_all(b"?").await.unwrap();
    let mut right = TcpStream::connect(address).await.unwrap();
    right.write_all(b"!").await.unwrap();
    read_greeting(&mut right).await;
    // A handshake that fails closes the connection, and so does the drain.
    assert_eq!(soon(wrong.read(&mut [0])).await.unwrap(), 0);
    assert_eq!(open.get(), 2, "the silent one has time left");
    drain.cancel();
    soon(served).await.unwrap();
    assert!(start.elapsed() < HANDSHAKE_TIMEOUT);
    assert_eq!(soon(silent.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn in_a_stream_a_handshake_holds_up_nobody_either() {
    let (listener, address) = listener().await;
    let admission = admission(10);
    let open = admission.metrics.open.clone();
    let accepted = connections(listener.with_handshake(Knock), admission);
    let mut accepted = pin!(accepted);
    let _silent = TcpStream::connect(address).await.unwrap();
    let mut right = TcpStream::connect(address).await.unwrap();
    right.write_all(b"!").await.unwrap();
    let mut connection = soon(accepted.next()).await.unwrap();
    assert_eq!(open.get(), 2, "the silent one has time left");
    connection.write_all(b"hello").await.unwrap();
    read_greeting(&mut right).await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_a_limit() {
    let (listener, address) = listener().await;
    let admission = admission(1);
    let open = admission.metrics.open.clone();
    let accepted = connections(listener.with_handshake(Knock), admission);
    let mut accepted = pin!(accepted);
    let start = Instant::now();
    let _silent = TcpStream::connect(address).await.unwrap();
    while open.get() == 0 {
        let moment = Duration::from_millis(1);
        assert!(timeout(moment, accepted.next()).await.is_err());
    }
    // It counts as open until it is given up.
    while open.get() > 0 {
        let moment = Duration::from_millis(100);
        assert!(timeout(moment, accepted.next()).await.is_err());
    }
    assert!(start.elapsed() >= HANDSHAKE_TIMEOUT);
    assert!(start.elapsed() < HANDSHAKE_TIMEOUT + Duration::from_secs(1));
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_and_counted() {
    let (listener, address) = listener().await;
    let drain = CancellationToken::new();
    let admission = admission(1);
    let metrics = admission.metrics.clone();
    let greet = greet(&drain);
    let served = serve(listener, admission, drain.clone(), move |connection| {
        connection.caller().keep();
        greet(connection)
    });
    let served = tokio::spawn(served);
    let mut first = TcpStream::connect(address).await.unwrap();
    read_greeting(&mut first).await;
    assert_eq!((metrics.open.get(), metrics.refused.get()), (1, 0));

    let mut refused = String::new();
    let mut second = TcpStream::connect(address).await.unwrap();
    soon(second.read_to_string(&mut refused)).await.unwrap();
    assert_eq!(refused, "full");
    assert_eq!((metrics.open.get(), metrics.refused.get()), (1, 1));

    drain.cancel();
    soon(served).await.unwrap();
    assert_eq!(metrics.open.get(), 0);
}

#[tokio::test]
async fn a_connection_that_ends_makes_room() {
    let (listener, address) = listener().await;
    let accepted = connections(listener, admission(1));
    let mut accepted = pin!(accepted);
    for _ in 0..3 {
        let _client = TcpStream::connect(address).await.unwrap();
        drop(soon(accepted.next()).await.unwrap());
    }
}

#[tokio::test]
async fn the_drain_stops_accepting_and_waits_for_connections() {
    let (listener, address) = listener().await;
    let drain = CancellationToken::new();
    let (handled_tx, handled) = oneshot::channel();
    let (finish, finish_rx) = oneshot::channel::<()>();
    let once = parking_lot::Mutex::new(Some((handled_tx, finish_rx)));
    let served = serve(listener, admission(10), drain.clone(), move |connection| {
        let once = once.lock().take();
        async move {
            let _connection = connection;
            let Some((handled, finish)) = once else {
                pending().await
            };
            handled.send(()).unwrap();
            finish.await.unwrap();
        }
    });
    let served = tokio::spawn(served);
    let _client = TcpStream::connect(address).await.unwrap();
    soon(handled).await.unwrap();
    drain.cancel();
    soon(async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!served.is_finished());
    finish.send(()).unwrap();
    soon(served).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_panics_takes_nobody_along() {
    let (listener, address) = listener().await;
    let drain = CancellationToken::new();
    let greet = greet(&drain);
    let first = std::sync::atomic::AtomicBool::new(true);
    let served = serve(listener, admission(1), drain.clone(), move |connection| {
        let is_first = first.swap(false, std::sync::atomic::Ordering::Relaxed);
        let greeting = greet(connection);
        async move {
            assert!(!is_first, "as the test wants");
            greeting.await;
        }
    });
    let _served = tokio::spawn(served);
    let mut unlucky = TcpStream::connect(address).await.unwrap();
    assert_eq!(soon(unlucky.read(&mut [0])).await.unwrap(), 0);
    let mut lucky = TcpStream::connect(address).await.unwrap();
    read_greeting(&mut lucky).await;
}

/// Greets each client and reads what they say to its end. One who says `!` keeps their place.
async fn listen_to(mut connection: Connection<TcpStream>) {
    connection.write_all(b"hello").await.unwrap();
    while let Ok(said) = connection.read_u8().await {
        if said == b'!' {
            connection.caller().keep();
            connection.write_all(b"hello").await.unwrap();
        }
    }
}

/// A client that was greeted.
async fn greeted(address: std::net::SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    read_greeting(&mut client).await;
    client
}

#[tokio::test]
async fn the_oldest_that_proved_nothing_makes_room_for_a_new_one() {
    let (listener, address) = listener().await;
    let admission = admission(3);
    let metrics = admission.metrics.clone();
    let drain = CancellationToken::new();
    let _served = tokio::spawn(serve(listener, admission, drain.clone(), listen_to));
    let mut proved = greeted(address).await;
    proved.write_all(b"!").await.unwrap();
    read_greeting(&mut proved).await;
    let mut silent = greeted(address).await;
    let mut talks = greeted(address).await;
    talks
        .write_all(b"what it says does not matter")
        .await
        .unwrap();
    let mut newer = Vec::new();
    for oldest in [&mut silent, &mut talks] {
        newer.push(greeted(address).await);
        // Closed with or without bytes unread.
        assert!(!matches!(soon(oldest.read(&mut [0])).await, Ok(1)));
    }
    proved.write_all(b"!").await.unwrap();
    read_greeting(&mut proved).await;
    assert_eq!((metrics.displaced.get(), metrics.refused.get()), (2, 0));
}

#[tokio::test]
async fn a_handshake_makes_room_too() {
    let (listener, address) = listener().await;
    let drain = CancellationToken::new();
    let listener = listener.with_handshake(Knock);
    let served = serve(listener, admission(1), drain.clone(), greet(&drain));
    let _served = tokio::spawn(served);
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut knocks = TcpStream::connect(address).await.unwrap();
    knocks.write_all(b"!").await.unwrap();
    read_greeting(&mut knocks).await;
    assert_eq!(soon(silent.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn one_address_has_a_share_until_it_is_trusted() {
    let (listener, address) = listener().await;
    let admission = Admission {
        per_peer_max: 1,
        ..admission(3)
    };
    let (trust, metrics) = (admission.trust.clone(), admission.metrics.clone());
    let drain = CancellationToken::new();
    let _served = tokio::spawn(serve(listener, admission, drain.clone(), listen_to));
    let mut first = greeted(address).await;
    let _second = greeted(address).await;
    assert_eq!(soon(first.read(&mut [0])).await.unwrap(), 0);
    trust.add(crate::net::Peer::from(address.ip()));
    let _third = greeted(address).await;
    let _fourth = greeted(address).await;
    assert_eq!((metrics.open.get(), metrics.displaced.get()), (3, 1));
}
