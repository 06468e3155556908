use std::net::SocketAddr;

use prometheus_client::metrics::counter::Counter;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};

use super::{super::routes::OPEN_METRICS, *};
use crate::{
    access::{Access, KnownCredentials},
    admin::{AdminMetrics, AdminParts, AdminPolicy, MetricsRegistry, ReloadError},
    domain::Clock,
    net::{Readiness, Refusals},
};

/// A front for this machine that knows nobody.
struct Served {
    address: SocketAddr,
    front: Arc<AdminFront>,
    ready: Readiness,
    drain: CancellationToken,
    task: JoinHandle<()>,
}

async fn served() -> Served {
    let mut registry = MetricsRegistry::new();
    let count = Counter::<u64>::default();
    registry
        .registry_mut()
        .register("things", "Things", count.clone());
    let ready = Readiness::new(true);
    let front = Arc::new(AdminFront::new(AdminParts {
        metrics: AdminMetrics::register(registry.registry_mut()),
        registry,
        access: Access::new(KnownCredentials::default()),
        policy: AdminPolicy {
            is_loopback: true,
            is_anonymous: false,
        },
        ready: ready.clone(),
        refusals: Refusals::new(Clock::system()),
    }));
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = CancellationToken::new();
    let task = tokio::spawn(serve(listener, Arc::clone(&front), drain.clone()));
    Served {
        address,
        front,
        ready,
        drain,
        task,
    }
}

impl Served {
    /// The whole answer to a request of HTTP/1.1.
    async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// The status and the body of the answer.
    async fn answer(&self, request: &str) -> (u16, String) {
        let answer = self.ask(request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        (status.parse().unwrap(), body.to_owned())
    }
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let served = served().await;
    let mut silent = Vec::new();
    for _ in 0..2 * CONNECTIONS_MAX {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    let page = served.ask("GET /metrics").await;
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    served.task.abort();
}

#[tokio::test]
async fn metrics_are_served_once_a_connection_until_the_drain() {
    let served = served().await;
    let page = served.ask("GET /metrics").await;
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.contains(OPEN_METRICS), "{page}");
    assert!(page.contains("headcount_things_total 0\n"), "{page}");
    let own = "headcount_admin_connections_open 1\n";
    assert!(page.contains(own), "{page}");

    let mut idle = TcpStream::connect(served.address).await.unwrap();
    served.ask("GET /metrics").await;
    served.drain.cancel();
    served.task.await.unwrap();
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0, "closed by the drain");
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let served = served().await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    served.ask("GET /healthz").await;
    time::pause();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let served = served().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let head = served.ask(&format!("HEAD {path}")).await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "it has no body: {head}");
        let refused = served.ask(&format!("DELETE {path}")).await;
        assert!(refused.starts_with("HTTP/1.1 405"), "{refused}");
        assert!(refused.contains("allow: GET,HEAD\r\n"), "{refused}");
    }
    let refused = served.ask("GET /reload").await;
    assert!(refused.starts_with("HTTP/1.1 405"), "{refused}");
    assert!(refused.contains("allow: POST\r\n"), "{refused}");
    for path in ["/", "/metric", "/metrics/"] {
        assert_eq!(served.answer(&format!("GET {path}")).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn the_process_lives_also_while_it_does_not_serve() {
    let served = served().await;
    let ready = &served.ready;
    assert_eq!(served.answer("GET /readyz").await, (200, "ready".into()));
    ready.set(false);
    let starting = (503, "starting".to_owned());
    assert_eq!(served.answer("GET /readyz").await, starting);
    assert_eq!(served.answer("GET /healthz").await, (200, "ok".into()));
    ready.set(true);
    ready.drain();
    let draining = (503, "draining".to_owned());
    assert_eq!(served.answer("GET /readyz").await, draining);
    assert_eq!(served.answer("GET /healthz").await, (200, "ok".into()));
    ready.stop("cannot apply the entry of revision 7".to_owned());
    let (status, reason) = served.answer("GET /readyz").await;
    assert!(status == 503 && reason.contains("revision 7"), "{reason}");
    assert_eq!(served.answer("GET /healthz").await, (200, "ok".into()));
}

#[tokio::test]
async fn a_reload_is_answered_by_what_came_of_it() {
    let served = served().await;
    let (status, body) = served.answer("POST /reload").await;
    assert_eq!(status, 500, "nobody said how: {body}");
    let results = [
        Ok(vec!["apps changed: restart to use it".to_owned()]),
        Err(ReloadError::Configuration("grpc.tokens: \"no\"".to_owned())),
        Err(ReloadError::Failed("it cannot".to_owned())),
    ];
    let results = parking_lot::Mutex::new(results.into_iter());
    served.front.reload_by(move || {
        let next = results.lock().next();
        next.expect("a planted panic")
    });
    let expected = [
        (200, r#"{"warnings":["apps changed: restart to use it"]}"#),
        (422, r#"{"error":"grpc.tokens: \"no\""}"#),
        (500, r#"{"error":"it cannot"}"#),
    ];
    for (status, body) in expected {
        let answer = served.answer("POST /reload").await;
        assert_eq!(answer, (status, format!("{body}\n")));
    }
    let (status, body) = served.answer("POST /reload").await;
    assert!(status == 500 && body.contains("panic"), "{body}");
    assert_eq!(served.answer("GET /healthz").await.0, 200);
}

#[tokio::test]
async fn one_reload_runs_at_a_time() {
    let served = served().await;
    let running = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (begun_tx, begun) = std::sync::mpsc::channel();
    let (go_tx, go) = std::sync::mpsc::channel::<()>();
    let go = parking_lot::Mutex::new(go);
    let counted = Arc::clone(&running);
    served.front.reload_by(move || {
        use std::sync::atomic::Ordering::SeqCst;
        assert_eq!(counted.fetch_add(1, SeqCst), 0, "two at once");
        begun_tx.send(()).unwrap();
        go.lock().recv().unwrap();
        counted.fetch_sub(1, SeqCst);
        Ok(Vec::new())
    });
    let reloads = (0..3).map(|_| served.answer("POST /reload"));
    let reloads = futures_util::future::join_all(reloads);
    let release = tokio::task::spawn_blocking(move || {
        for _ in 0..3 {
            begun.recv().unwrap();
            go_tx.send(()).unwrap();
        }
    });
    for (status, body) in reloads.await {
        assert_eq!(status, 200, "{body}");
    }
    release.await.unwrap();
}

#[tokio::test]
async fn a_browser_reloads_nothing_for_another_site() {
    let served = served().await;
    served.front.reload_by(|| Ok(Vec::new()));
    let post = async |headers: &str| {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let head = format!("POST /reload HTTP/1.1\r\n{headers}content-length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer[9..12].to_owned()
    };
    assert_eq!(post("host: localhost:9\r\n").await, "200");
    let own = "host: localhost:9\r\norigin: http://localhost:9\r\n";
    assert_eq!(post(own).await, "200");
    for headers in [
        "host: localhost:9\r\norigin: http://evil.example\r\n",
        "host: localhost:9\r\nsec-fetch-site: cross-site\r\n",
        // Its name leads to this machine.
        "host: evil.example:9\r\norigin: http://evil.example:9\r\n",
    ] {
        assert_eq!(post(headers).await, "403", "{headers}");
    }
}

#[tokio::test]
async fn an_answer_comes_also_when_a_body_is_not_read() {
    let served = served().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let (mut reads, mut writes) = stream.split();
    let body = vec![b'x'; 1 << 20];
    let head = format!(
        "POST /reload HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let send = async {
        writes.write_all(head.as_bytes()).await.unwrap();
        let _ = writes.write_all(&body).await;
        let _ = writes.shutdown().await;
    };
    let mut answer = String::new();
    let (_, read) = tokio::join!(send, reads.read_to_string(&mut answer));
    read.unwrap();
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
}
