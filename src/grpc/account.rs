//! What one gRPC connection has in use.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use http::Request;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tonic::{Extensions, Status};
use tracing::warn;

use super::{
    GrpcMetrics,
    access::Admitted,
    send_turns::{AllSendTurns, SendTurns},
    unfinished::{BoundedBody, Unfinished},
};
use crate::net::{Caller, ConnectionAccount, ConnectionAccounts, RequestId, Throttle};

/// What the connections are for, in log lines.
pub(super) const PURPOSE: &str = "gRPC";

/// How many streams of a connection are kept for calls that are answered at once. Such a call
/// has its stream for a moment, so these few carry thousands a second.
const RESERVED_STREAMS: u32 = 24;

/// The least part of a connection's streams that is kept for them: one in so many.
const RESERVED_PART: u32 = 4;

/// Opens the accounts of all connections.
#[derive(Debug)]
pub(super) struct GrpcAccounts {
    requests: Arc<ConnectionAccounts>,
    send_turns: AllSendTurns,
    unfinished: Arc<Unfinished>,
    streams_max: u32,
    metrics: GrpcMetrics,
    began: Instant,
    refused_log: Throttle,
}

/// The account of one connection. Each of its requests has a clone among its extensions.
#[derive(Clone, Debug)]
pub(super) struct GrpcAccount(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    front: Arc<GrpcAccounts>,
    requests: ConnectionAccount,
    caller: Caller,
    /// Room for watches.
    watches: Arc<Semaphore>,
    send_turns: SendTurns,
    /// Whether the caller is known to be no stranger.
    is_trusted: AtomicBool,
}

/// How many watches a connection with so many streams may have. A client does not send a call for
/// which it has no stream, and does not say so: without a reserve, a connection full of watches
/// would silently never ask anything again.
pub(super) fn watches_max(streams_max: u32) -> u32 {
    let reserved = RESERVED_STREAMS.min(streams_max.div_ceil(RESERVED_PART));
    streams_max.saturating_sub(reserved).max(1)
}

// === impl GrpcAccounts ===

impl GrpcAccounts {
    /// Of connections with at most `streams_max` streams each. What was made for all of them and is
    /// not taken yet holds about `unread_bytes_max`.
    pub(super) fn new(streams_max: u32, unread_bytes_max: usize, metrics: GrpcMetrics) -> Self {
        let in_work_max = usize::try_from(streams_max).unwrap_or(usize::MAX);
        let requests = ConnectionAccounts::new(PURPOSE, in_work_max, metrics.connections.clone());
        Self {
            requests: Arc::new(requests),
            send_turns: AllSendTurns::new(unread_bytes_max, metrics.sends_waited.clone()),
            unfinished: Arc::new(Unfinished::new(metrics.clone())),
            streams_max,
            metrics,
            began: Instant::now(),
            refused_log: Throttle::default(),
        }
    }

    /// Opens the account of a new connection of `caller`.
    pub(super) fn open(self: &Arc<Self>, caller: &Caller) -> GrpcAccount {
        let watches_max = usize::try_from(watches_max(self.streams_max)).unwrap_or(usize::MAX);
        GrpcAccount(Arc::new(Inner {
            front: Arc::clone(self),
            requests: self.requests.open(caller.address()),
            caller: caller.clone(),
            watches: Arc::new(Semaphore::new(watches_max.min(Semaphore::MAX_PERMITS))),
            send_turns: self.send_turns.of_connection(caller.peer()),
            is_trusted: AtomicBool::new(false),
        }))
    }
}

// === impl GrpcAccount ===

impl GrpcAccount {
    /// The account of the connection that a request came by. There is none if the request did not
    /// come by a connection.
    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Notes that a request was let in. A connection that has had one does not have to give way to
    /// others: it may be a watch, which is silent for as long as nothing changes. Whoever showed a
    /// credential for it is no stranger. A request that everybody may make whoever they are, such as
    /// for health, says nothing for its connection.
    pub(super) fn note_request(&self, extensions: &http::Extensions) {
        let Inner {
            front,
            caller,
            is_trusted,
            ..
        } = &*self.0;
        let Some(admitted) = Admitted::known(extensions) else {
            return;
        };
        caller.keep();
        if admitted.is_proven() && !is_trusted.swap(true, Relaxed) {
            front.unfinished.trust(caller.peer());
        }
    }

    /// Bounds what a request holds of which more is to come.
    pub(super) fn bound<B>(&self, request: Request<B>) -> Request<BoundedBody<B>> {
        let (head, body) = request.into_parts();
        let unfinished = Arc::clone(&self.0.front.unfinished);
        let body = BoundedBody::new(body, &head, self.0.caller.peer(), unfinished);
        Request::from_parts(head, body)
    }

    /// The turns in which the streams of a request's connection make what they send.
    pub(super) fn send_turns(extensions: &Extensions) -> Option<SendTurns> {
        Self::of(extensions).map(|account| account.0.send_turns.clone())
    }

    /// Takes room for one more watch, which a request with these extensions asks for.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` when the connection has as many watches as it may.
    pub(super) fn watch(&self, extensions: &Extensions) -> Result<OwnedSemaphorePermit, Status> {
        let watches = Arc::clone(&self.0.watches);
        let request_id = extensions.get().map(RequestId::as_str);
        let permit = watches.try_acquire_owned();
        permit.map_err(|_| self.refuse_watch(request_id))
    }

    fn refuse_watch(&self, request_id: Option<&str>) -> Status {
        let GrpcAccounts {
            streams_max,
            metrics,
            began,
            refused_log,
            ..
        } = &*self.0.front;
        metrics.connection_watches_refused.inc();
        let watches_max = watches_max(*streams_max);
        if let Some(held_back) = refused_log.pass_after(began.elapsed()) {
            let peer = self.0.requests.peer();
            warn!(
                peer = peer.map(tracing::field::display),
                watches_max,
                request_id,
                held_back,
                "a connection has as many watches as it may: refused one more"
            );
        }
        Status::resource_exhausted(format!(
            "this connection has {watches_max} watches, the most that one may have: open another connection for more"
        ))
    }
}

impl AsRef<ConnectionAccount> for GrpcAccount {
    fn as_ref(&self) -> &ConnectionAccount {
        &self.0.requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::{Access, Apps, KnownCredentials, TokenDigest, TokenGrant},
        domain::Clock,
        grpc::{
            access::{Doorkeeper, ReflectionPolicy},
            asked::Asked,
        },
        net::Refusals,
    };

    /// Lets a request in. Returns whether the caller is no stranger then, and whether their
    /// connection keeps its place.
    fn standing(known: KnownCredentials, path: &str) -> (bool, bool) {
        let metrics = GrpcMetrics::default();
        let caller = Caller::unknown();
        let accounts = Arc::new(GrpcAccounts::new(100, 1, metrics.clone()));
        let mut request = Request::post(path)
            .header("authorization", "Bearer correct horse battery staple")
            .body(())
            .unwrap();
        let asked = Asked::new(&request, &caller, Refusals::new(Clock::system()));
        Doorkeeper::new(Access::new(known), ReflectionPolicy::Off, metrics)
            .admit(&mut request, &asked, None)
            .unwrap();
        accounts.open(&caller).note_request(request.extensions());
        let is_trusted = accounts.unfinished.is_trusted(caller.peer());
        (is_trusted, caller.is_kept())
    }

    fn known() -> KnownCredentials {
        let token = TokenGrant {
            name: "game".into(),
            digest: TokenDigest::of("correct horse battery staple"),
            apps: Apps::All,
            is_admin: false,
        };
        KnownCredentials {
            tokens: vec![token],
            ..KnownCredentials::default()
        }
    }

    #[test]
    fn whoever_shows_a_credential_is_no_stranger() {
        const METHOD: &str = "/service/Method";
        assert_eq!(standing(known(), METHOD), (true, true));
        // Where nobody is asked for one, nobody proves anything.
        assert_eq!(standing(KnownCredentials::default(), METHOD), (false, true));
    }

    #[test]
    fn a_connection_that_only_asked_for_health_gives_way() {
        for known in [known(), KnownCredentials::default()] {
            let health = standing(known, "/grpc.health.v1.Health/Check");
            assert_eq!(health, (false, false));
        }
    }

    #[test]
    fn a_connection_keeps_streams_for_calls_and_has_some_for_watches() {
        let watches = [1, 2, 3, 4, 10, 96, 100, 1024, u32::MAX].map(watches_max);
        assert_eq!(watches, [1, 1, 2, 3, 7, 72, 76, 1000, u32::MAX - 24]);
    }
}
