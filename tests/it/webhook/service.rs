//! A front to send requests to, and what to send.

use std::{
    convert::Infallible,
    fmt::Debug,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use headcount::{
    domain::{AppName, Clock, Logins, Outcome, Time},
    journal::{
        AppendError, Cause, Entry, Epoch, FollowError, Follower, Journal, MemoryJournal, Revision,
    },
    net::{Listener, Readiness, Refusals},
    providers::{Account, Registry, Signing, Vendor, tencent, zego},
    webhook::{
        self, Capacity, NonceReuse, Protection, Reason, Visibility, WebhookFront, WebhookMetrics,
        WebhookParts, WebhookSettings,
    },
};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Body, Frame},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use prometheus_client::registry::Registry as Metrics;
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(crate) const PATH: &str = "/webhooks/zego";
pub(crate) const SECRET: &str = "s3cr3t-of-arena";
/// Tencent's id of an app whose callbacks are signed, with the same secret.
pub(crate) const SIGNED_APP: u64 = 1_400_000_001;
/// Tencent's id of an app whose callbacks are not signed.
pub(crate) const UNSIGNED_APP: u64 = 1_400_000_002;
/// In seconds.
pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const BODY_MAX: usize = 4096;
/// Longer than any test takes.
pub(crate) const NEVER: Duration = Duration::from_secs(600);

/// Fails the test if this hangs. How long it takes does not matter otherwise.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    const HANGS: Duration = Duration::from_secs(20);
    tokio::time::timeout(HANGS, what).await.expect("it hangs")
}

// === the service under test ===

/// What the journal does.
#[derive(Debug)]
pub(crate) enum Store {
    Keeps(MemoryJournal),
    Fails,
    /// Fails because there is no room.
    Full,
    /// Holds every entry back until told to go on.
    Holds {
        held: mpsc::UnboundedSender<()>,
        go: Notify,
    },
}

#[derive(Debug)]
pub(crate) struct TestJournal {
    pub(crate) store: Store,
    pub(crate) entries: parking_lot::Mutex<Vec<Entry>>,
}

pub(crate) struct NoopFollower;

impl Follower for NoopFollower {
    fn apply(&mut self, _: Revision, _: &Entry) {}
}

impl Journal for TestJournal {
    fn epoch(&self) -> Epoch {
        Epoch(1)
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        async move {
            match &self.store {
                Store::Fails => return Err(AppendError::Store(Cause::new("/secret/disk is full"))),
                Store::Full => {
                    let full = io::Error::from(io::ErrorKind::StorageFull);
                    return Err(AppendError::Store(Cause::new(full)));
                }
                Store::Holds { held, go } => {
                    held.send(()).unwrap();
                    go.notified().await;
                }
                Store::Keeps(journal) => {
                    journal.append(entry.clone()).await?;
                }
            }
            let mut entries = self.entries.lock();
            entries.push(entry);
            Ok(entries.len() as Revision)
        }
        .boxed()
    }

    fn last(&self) -> Revision {
        self.entries.lock().len() as Revision
    }

    fn follow(&self, _: Revision, _: Box<dyn Follower>) -> Result<(), FollowError> {
        Ok(())
    }
}

/// Remembers up to where it was waited for.
#[derive(Debug, Default)]
pub(crate) struct Watermark(pub(crate) AtomicU64);

impl Visibility for Watermark {
    fn applied(&self, revision: Revision) -> BoxFuture<'_, ()> {
        async move {
            self.0.fetch_max(revision, SeqCst);
        }
        .boxed()
    }
}

/// Room for entries, until there is none.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) is_full: AtomicBool,
    /// What is held, and what was held so far.
    pub(crate) held: AtomicUsize,
    pub(crate) all_held: AtomicUsize,
}

impl Capacity for Room {
    fn hold(&self, _: &Entry) -> Result<usize, webhook::Full> {
        if self.is_full.load(SeqCst) {
            return Err(webhook::Full {
                limit: "roster.users_max",
            });
        }
        self.held.fetch_add(7, SeqCst);
        self.all_held.fetch_add(7, SeqCst);
        Ok(7)
    }

    fn release(&self, held: usize) {
        self.held.fetch_sub(held, SeqCst);
    }
}

pub(crate) struct Service {
    pub(crate) addr: SocketAddr,
    pub(crate) front: Arc<WebhookFront>,
    pub(crate) metrics: Arc<WebhookMetrics>,
    pub(crate) journal: Arc<TestJournal>,
    pub(crate) visible: Arc<Watermark>,
    pub(crate) room: Arc<Room>,
    pub(crate) ready: Readiness,
    pub(crate) refusals: Refusals,
    pub(crate) drain: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

/// A ZEGO app, and Tencent apps with a token and without.
fn accounts() -> Vec<(AppName, Account)> {
    let account = |vendor: &Vendor, id: u64, app: &str, signing| {
        let account = Account {
            vendor: vendor.name,
            id: id.to_string().into(),
            id_key: "",
            signing,
            logins: Logins::Concurrent,
        };
        (app.into(), account)
    };
    let signed = Signing::Secrets(SECRET.into());
    vec![
        account(&zego::VENDOR, 1, "arena", signed.clone()),
        account(&tencent::VENDOR, SIGNED_APP, "meet", signed),
        account(&tencent::VENDOR, UNSIGNED_APP, "open", Signing::Unsigned),
    ]
}

pub(crate) fn settings() -> WebhookSettings {
    WebhookSettings {
        body_bytes_max: BODY_MAX,
        freshness_window: Duration::from_secs(600),
        nonce_reuse: NonceReuse::Count,
        nonce_pairs_max: 1000,
        connections_max: 100,
        connections_per_address_max: 100,
        requests_max: 100,
        header_read_timeout: NEVER,
        body_read_timeout: NEVER,
        body_rate_min: 1,
        unread_bytes_max: 16 * BODY_MAX,
        idle_timeout: NEVER,
        undecodable_bytes_max: u64::MAX,
        start_wait: Duration::ZERO,
        reorder_horizon: Duration::from_secs(600),
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(settings()).await
    }

    pub(crate) async fn start_with(settings: WebhookSettings) -> Self {
        Self::start_with_protection(settings, Protection::default()).await
    }

    /// A service that not everybody may send to.
    pub(crate) async fn start_protected(protection: Protection) -> Self {
        Self::start_with_protection(settings(), protection).await
    }

    pub(crate) async fn start_with_protection(
        settings: WebhookSettings,
        protection: Protection,
    ) -> Self {
        let journal = MemoryJournal::new();
        journal.follow(0, Box::new(NoopFollower)).unwrap();
        Self::start_as(settings, protection, Store::Keeps(journal)).await
    }

    pub(crate) async fn start_on(settings: WebhookSettings, store: Store) -> Self {
        Self::start_as(settings, Protection::default(), store).await
    }

    async fn start_as(settings: WebhookSettings, protection: Protection, store: Store) -> Self {
        let journal = Arc::new(TestJournal {
            store,
            entries: parking_lot::Mutex::default(),
        });
        let visible = Arc::new(Watermark::default());
        let room = Arc::new(Room::default());
        let metrics = Arc::new(WebhookMetrics::register(&mut Metrics::default()));
        let ready = Readiness::new(true);
        let now = Time::from_millis(NOW * 1000).unwrap();
        let clock = Clock::from_fn(move || now);
        clock.hear(now);
        let refusals = Refusals::new(clock.clone());
        let front = WebhookFront::new(WebhookParts {
            settings,
            protection,
            registry: Registry::standard(),
            accounts: accounts(),
            journal: Arc::<TestJournal>::clone(&journal),
            visibility: Arc::<Watermark>::clone(&visible),
            capacity: Arc::<Room>::clone(&room),
            metrics: Arc::clone(&metrics),
            ready: ready.clone(),
            refusals: refusals.clone(),
            clock,
        });
        let front = Arc::new(front);
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let served = webhook::serve(listener, Arc::clone(&front), drain.clone());
        let task = tokio::spawn(served);
        Self {
            addr,
            front,
            metrics,
            journal,
            visible,
            room,
            ready,
            refusals,
            drain,
            task,
        }
    }

    /// A service whose journal holds every entry back, and what tells of each that it holds.
    pub(crate) async fn start_holding(
        settings: WebhookSettings,
    ) -> (Self, mpsc::UnboundedReceiver<()>) {
        let (held, held_rx) = mpsc::unbounded_channel();
        let go = Notify::new();
        let service = Self::start_on(settings, Store::Holds { held, go }).await;
        (service, held_rx)
    }

    /// Lets one entry go that the journal holds back, or will.
    pub(crate) fn let_go(&self) {
        if let Store::Holds { go, .. } = &self.journal.store {
            go.notify_one();
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { requests }
    }

    pub(crate) async fn send(&self, request: Request<AnyBody>) -> Answer {
        self.connect().await.send(request).await
    }

    pub(crate) async fn post(&self, body: impl Into<Bytes>) -> Answer {
        self.send(post(body)).await
    }

    pub(crate) fn taken(&self, outcome: Outcome) -> u64 {
        self.taken_of("zego_room", outcome)
    }

    pub(crate) fn taken_of(&self, product: &str, outcome: Outcome) -> u64 {
        let product = Registry::standard().product(product).unwrap();
        self.metrics.product(product.name).taken(outcome).get()
    }

    /// Undecodable callbacks of a product that were not kept.
    pub(crate) fn dropped(&self, product: &str) -> u64 {
        let product = Registry::standard().product(product).unwrap();
        let metrics = self.metrics.product(product.name);
        metrics.undecodables_dropped.get()
    }

    pub(crate) fn refused(&self, reason: Reason) -> u64 {
        self.metrics.refused(reason).get()
    }

    pub(crate) fn journalled(&self) -> usize {
        self.journal.entries.lock().len()
    }
}

// === clients ===

pub(crate) type AnyBody = BoxBody<Bytes, Infallible>;

pub(crate) struct Client {
    pub(crate) requests: http1::SendRequest<AnyBody>,
}

impl Client {
    pub(crate) async fn send(&mut self, request: Request<AnyBody>) -> Answer {
        soon(async {
            self.requests.ready().await.unwrap();
            let response = self.requests.send_request(request).await.unwrap();
            Answer::of(response).await
        })
        .await
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of<B: Body<Error: Debug>>(response: http::Response<B>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.into()).unwrap(),
        }
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn assert_outcome(&self, outcome: &str) {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        assert_eq!(self.header(header::CONTENT_TYPE), Some("application/json"));
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["outcome"], outcome, "{self:?}");
        assert_eq!(
            body.get("message").is_some(),
            outcome == "undecodable",
            "{self:?}"
        );
    }

    /// That it refuses for this reason, in a sentence with `word` in it.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, reason: Reason, word: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header(header::CONTENT_TYPE), Some("application/json"));
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["error"], reason.code(), "{self:?}");
        assert!(body["message"].as_str().unwrap().contains(word), "{self:?}");
        assert!(!self.body.contains(SECRET), "{self:?}");
        let retry_after = matches!(status, 429 | 503).then_some("1");
        assert_eq!(self.header(header::RETRY_AFTER), retry_after, "{self:?}");
    }
}

pub(crate) fn request(method: Method, path: &str, body: AnyBody) -> Request<AnyBody> {
    let request = Request::builder().method(method).uri(path);
    request.header(header::HOST, "test").body(body).unwrap()
}

pub(crate) fn full(body: impl Into<Bytes>) -> AnyBody {
    Full::new(body.into()).boxed()
}

/// The URL that Tencent sends to for the signed app, signed at `request_time`.
pub(crate) fn tencent_url_at(request_time: u64) -> String {
    let request_time = request_time.to_string();
    let sign = tencent::sign(SECRET, &request_time);
    format!(
        "/webhooks/tencent?SdkAppid={SIGNED_APP}&CallbackCommand=x&contenttype=json\
         &ClientIP=127.0.0.1&OptPlatform=iOS&Sign={sign}&RequestTime={request_time}"
    )
}

pub(crate) fn tencent_url() -> String {
    tencent_url_at(NOW)
}

pub(crate) fn post(body: impl Into<Bytes>) -> Request<AnyBody> {
    request(Method::POST, PATH, full(body))
}

/// A POST whose body is sent piece by piece, without a length.
pub(crate) fn chunked() -> (mpsc::UnboundedSender<Bytes>, Request<AnyBody>) {
    let (chunks_tx, mut chunks_rx) = mpsc::unbounded_channel();
    let chunks = futures_util::stream::poll_fn(move |cx| {
        chunks_rx
            .poll_recv(cx)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    });
    (
        chunks_tx,
        request(Method::POST, PATH, StreamBody::new(chunks).boxed()),
    )
}

// === callbacks ===

/// A JSON callback with these fields, signed at `timestamp` with `nonce`.
pub(crate) fn signed_at(timestamp: u64, nonce: &str, fields: &str) -> String {
    let timestamp = timestamp.to_string();
    let signature = zego::sign(SECRET, &timestamp, nonce);
    format!(
        r#"{{"appid":1,"timestamp":{timestamp},"nonce":"{nonce}","signature":"{signature}",{fields}}}"#
    )
}

pub(crate) fn signed(nonce: &str, fields: &str) -> String {
    signed_at(NOW, nonce, fields)
}
