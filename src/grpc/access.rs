//! Lets requests in whose callers may ask, and ends streams whose callers may not any more.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{Stream, future::BoxFuture};
use http::{HeaderValue, Request, header::AUTHORIZATION};
use tokio::time::Instant;
use tonic::{Extensions, Status};
use tracing::warn;

use super::{GrpcMetrics, asked::Asked};
use crate::{
    access::{self, Access, Denied, Ended, Grant, KnownCredentials, Shown},
    domain::AppName,
    net::Throttle,
};

/// Who may see which calls there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReflectionPolicy {
    /// Everybody.
    Open,
    /// Those with credentials.
    Authenticated,
    /// Nobody.
    Off,
}

/// The paths that everybody may ask: load balancers have no credentials.
const HEALTH: &str = "/grpc.health.v1.Health/";
pub(super) const REFLECTION: &str = "/grpc.reflection.";

/// Decides who is let in.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    access: Access,
    reflection: ReflectionPolicy,
    metrics: GrpcMetrics,
    began: Instant,
    refused_log: Throttle,
}

/// What a request's caller may ask, and where that may change.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    grant: Grant,
    access: Access,
    /// `None` if it is of within the process.
    asked: Option<Asked>,
}

impl Doorkeeper {
    pub(super) fn new(access: Access, reflection: ReflectionPolicy, metrics: GrpcMetrics) -> Self {
        Self {
            access,
            reflection,
            metrics,
            began: Instant::now(),
            refused_log: Throttle::default(),
        }
    }

    /// Lets a request in: what its caller may ask is among its extensions then. `names` are those
    /// of the client's certificate.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when the caller shows nothing that is known.
    pub(super) fn admit<B>(
        &self,
        request: &mut Request<B>,
        asked: &Asked,
        names: Option<&Arc<[String]>>,
    ) -> Result<(), Status> {
        let path = &*asked.path;
        let is_open = path.starts_with(HEALTH)
            || (self.reflection == ReflectionPolicy::Open && path.starts_with(REFLECTION));
        if is_open {
            return Ok(());
        }
        let authorization = request.headers().get(AUTHORIZATION);
        let bearer = access::bearer(authorization.map(HeaderValue::as_bytes));
        let checked = bearer.and_then(|bearer| self.access.check(Shown { bearer, names }));
        let grant = checked.map_err(|denied| self.refuse(&denied, asked))?;
        self.metrics.note_credential(&grant.name);
        request.extensions_mut().insert(Admitted {
            grant,
            access: self.access.clone(),
            asked: Some(asked.clone()),
        });
        Ok(())
    }

    fn refuse(&self, denied: &Denied, asked: &Asked) -> Status {
        self.metrics.unauthenticated.inc();
        if let Some(held_back) = self.refused_log.pass_after(self.began.elapsed()) {
            let Asked {
                request_id,
                address,
                path,
                ..
            } = asked;
            warn!(
                address = address.map(tracing::field::display),
                %path,
                reason = %denied,
                request_id = request_id.as_str(),
                held_back,
                "refused a request without valid credentials"
            );
        }
        Status::unauthenticated(denied.to_string())
    }
}

/// A request from within the process, which may ask everything.
pub fn request_from_within<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.extensions_mut().insert(Admitted {
        grant: Grant::anybody(),
        access: Access::new(KnownCredentials::default()),
        asked: None,
    });
    request
}

impl Admitted {
    /// What a request's caller may ask.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when nobody looked.
    pub(super) fn of(extensions: &Extensions) -> Result<&Self, Status> {
        let nobody_looked = || Status::unauthenticated("credentials are needed");
        extensions.get().ok_or_else(nobody_looked)
    }

    /// Who the caller of a request is; `None` where everybody may ask, such as for health.
    pub(super) fn known(extensions: &http::Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Whether the caller showed a credential.
    pub(super) fn is_proven(&self) -> bool {
        self.grant.is_proven()
    }

    /// Whether an app may be asked about.
    pub(super) fn may_ask(&self, app: &str) -> bool {
        self.grant.apps.contains(app)
    }

    /// The app that is meant where none is named, if only one may be asked about.
    pub(super) fn only_app(&self) -> Option<&AppName> {
        self.grant.apps.only()
    }

    /// `messages` for as long as the app may be asked about.
    pub(super) fn while_granted<S>(&self, app: &AppName, messages: S) -> WhileGranted<S> {
        let (grant, access, app) = (self.grant.clone(), self.access.clone(), app.clone());
        let allows = move |grant: &Grant| grant.apps.contains(app.as_str());
        let ended = async move { access.ended(grant, allows).await };
        WhileGranted {
            messages,
            ended: Some(Box::pin(ended)),
            asked: self.asked.clone(),
        }
    }
}

/// A stream that ends with an error when its caller may not ask any more.
pub(super) struct WhileGranted<S> {
    messages: S,
    /// `None` once it has ended.
    ended: Option<BoxFuture<'static, Ended>>,
    asked: Option<Asked>,
}

impl<T, S: Stream<Item = Result<T, Status>> + Unpin> Stream for WhileGranted<S> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(ended) = &mut self.ended else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(ended) = ended.as_mut().poll(cx) {
            self.ended = None;
            let status = status(ended);
            if let Some(asked) = &self.asked {
                asked.note(&status);
            }
            return Poll::Ready(Some(Err(status)));
        }
        Pin::new(&mut self.messages).poll_next(cx)
    }
}

fn status(ended: Ended) -> Status {
    match ended {
        Ended::Expired => {
            Status::unauthenticated("the JWT has expired: ask again with a new one, and resume")
        }
        Ended::Removed => Status::unauthenticated("the credential is not known any more"),
        Ended::Narrowed => {
            Status::permission_denied("the credential does not grant this app any more")
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;
    use crate::{
        access::{Apps, TokenDigest, TokenGrant},
        domain::Clock,
        net::{Caller, Refusals},
    };

    fn known(apps: &[&str]) -> KnownCredentials {
        let token = |app: &&str| TokenGrant {
            name: "game servers".into(),
            digest: TokenDigest::of("token"),
            apps: Apps::named([*app]),
            is_admin: false,
        };
        KnownCredentials {
            tokens: apps.iter().map(token).collect(),
            ..KnownCredentials::default()
        }
    }

    #[test]
    fn a_stream_that_ends_for_want_of_credentials_is_among_the_refusals() {
        const PATH: &str = "/headcount.v1.PresenceService/WatchRoom";
        let request = Request::builder().uri(PATH).body(()).unwrap();
        let rows = [
            (known(&["lobby"]), "permission_denied"),
            (known(&[]), "unauthenticated"),
        ];
        for (after, reason) in rows {
            let refusals = Refusals::new(Clock::system());
            let access = Access::new(known(&["arena"]));
            let shown = Shown {
                bearer: Some("token"),
                names: None,
            };
            let admitted = Admitted {
                grant: access.check(shown).unwrap(),
                access: access.clone(),
                asked: Some(Asked::new(&request, &Caller::unknown(), refusals.clone())),
            };
            let silent = stream::pending::<Result<(), Status>>();
            let mut messages = task::spawn(admitted.while_granted(&"arena".into(), silent));
            assert_pending!(messages.poll_next());
            assert_eq!(refusals.recent(), []);
            access.replace(after);
            let end = assert_ready!(messages.poll_next()).unwrap();
            let recent = refusals.recent();
            assert_eq!((recent.len(), recent[0].reason), (1, reason));
            assert_eq!(recent[0].message, end.unwrap_err().message());
            assert_eq!(recent[0].path, PATH);
            assert!(assert_ready!(messages.poll_next()).is_none());
        }
    }
}
