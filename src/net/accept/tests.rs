use tokio_test::{assert_pending, task};

use super::*;
use crate::net::budget::Holding;

#[test]
fn running_out_of_files_is_not_the_fault_of_one_connection() {
    const EMFILE: i32 = 24;
    assert!(!is_of_one_connection(&io::Error::from_raw_os_error(EMFILE)));
    assert!(is_of_one_connection(
        &io::ErrorKind::ConnectionAborted.into()
    ));
}

/// An acceptor with so many places, and how to reach it.
async fn acceptor(connections_max: usize) -> (Acceptor, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let admission = Admission {
        purpose: "tests",
        connections_max,
        per_peer_max: connections_max,
        trust: Trust::default(),
        refusal: b"",
        metrics: ConnectionMetrics::default(),
    };
    (Acceptor::new(socket, admission), address)
}

/// Takes all places twice: those who had them first are on their way out.
fn displace(acceptor: &Acceptor, places: usize) -> [Vec<Holding>; 2] {
    let peer = crate::net::Peer::from(std::net::IpAddr::from([10, 0, 0, 1]));
    [(); 2].map(|()| {
        let taken = (0..places).map(|_| acceptor.places.take(peer, 1).unwrap());
        taken.collect()
    })
}

#[tokio::test(start_paused = true)]
async fn connections_on_their_way_out_are_waited_for_but_not_for_long() {
    let (mut acceptor, address) = acceptor(CLOSING_MAX).await;
    let [mut leaving, _staying] = displace(&acceptor, CLOSING_MAX);
    let _clients = [(); 3].map(|()| std::net::TcpStream::connect(address).unwrap());
    for _ in 0..2 {
        let began = Instant::now();
        let _accepted = acceptor.accept().await;
        assert_eq!(began.elapsed(), CLOSING_WAIT_MAX);
    }
    leaving.truncate(CLOSING_MAX - 3);
    let began = Instant::now();
    let _accepted = acceptor.accept().await;
    assert_eq!(began.elapsed(), Duration::ZERO, "few are no burden");
}

#[tokio::test(start_paused = true)]
async fn the_next_is_accepted_as_soon_as_another_is_out() {
    let (mut acceptor, address) = acceptor(CLOSING_MAX).await;
    let [mut leaving, _staying] = displace(&acceptor, CLOSING_MAX);
    let _client = std::net::TcpStream::connect(address).unwrap();
    let began = Instant::now();
    let mut accepting = task::spawn(acceptor.accept());
    assert_pending!(accepting.poll());
    leaving.pop();
    assert!(accepting.is_woken());
    let _accepted = accepting.await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_others_has_an_end_also_if_accepting_is_interrupted() {
    let (mut acceptor, address) = acceptor(CLOSING_MAX).await;
    let _displaced = displace(&acceptor, CLOSING_MAX);
    let _client = std::net::TcpStream::connect(address).unwrap();
    let began = Instant::now();
    // Other connections end meanwhile, again and again.
    let interrupted = CLOSING_WAIT_MAX / 2;
    while tokio::time::timeout(interrupted, acceptor.accept())
        .await
        .is_err()
    {
        assert!(began.elapsed() <= 2 * CLOSING_WAIT_MAX, "it has no end");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_waited_out_longer_and_longer_also_if_accepting_is_interrupted() {
    let (mut acceptor, _) = acceptor(1).await;
    let failure = io::Error::from_raw_os_error(24);
    let mut waits = Vec::new();
    for _ in 0..9 {
        acceptor.back_off(&failure);
        let (start, wait) = (Instant::now(), acceptor.retry_at.unwrap());
        let a_little = Duration::from_millis(1);
        let interrupted = tokio::time::timeout(a_little, acceptor.accept()).await;
        assert!(interrupted.is_err());
        assert_eq!(
            acceptor.retry_at,
            Some(wait),
            "an interruption ends no wait"
        );
        waits.push((wait - start).as_millis());
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
}
