//! Who may ask.

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
    request::Parts,
};
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;
use tracing::warn;

use super::browser;
use crate::{
    access::{self, Access, Denied, Shown},
    net::{Caller, Throttle},
};

/// Who need not show a credential.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdminPolicy {
    /// Only this machine reaches the front: it may read, and where no operator is known, act.
    pub is_loopback: bool,
    /// Everybody who reaches the front may read.
    pub is_anonymous: bool,
}

/// Decides who is let in. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Doorkeeper {
    access: Access,
    policy: AdminPolicy,
    refused: Counter,
    began: Instant,
    log: Arc<Throttle>,
}

/// Who sent a request, as far as their connection tells. It is among the request's extensions.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) caller: Caller,
    /// The names of the client's certificate, if there is one.
    pub(super) names: Option<Arc<[String]>>,
}

/// Somebody who may read what operators see. A handler that takes one asks for it.
#[derive(Debug)]
pub(super) struct Reader;

/// Somebody who may act as an operator. A handler that takes one asks for it.
#[derive(Debug)]
pub(super) struct Operator;

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// They show nothing that is known.
    #[error("{0}")]
    Unknown(#[from] Denied),
    /// It is known who they are.
    #[error("the credential {0:?} is not one of operators: it has no `admin = true`")]
    NoOperator(Arc<str>),
    /// Nobody could be let in.
    #[error("no operator is known: give one of [[grpc.tokens]] or [[grpc.clients]] `admin = true`")]
    NobodyKnown,
    /// A page of another site sent it.
    #[error("a browser sent this for a page of another site")]
    AnotherSite,
}

impl Doorkeeper {
    pub(super) fn new(access: Access, policy: AdminPolicy, refused: Counter) -> Self {
        Self {
            access,
            policy,
            refused,
            began: Instant::now(),
            log: Arc::default(),
        }
    }

    fn admit_reader(&self, head: &Parts) -> Result<(), Refused> {
        let AdminPolicy {
            is_loopback,
            is_anonymous,
        } = self.policy;
        match is_loopback || is_anonymous {
            true => Ok(()),
            false => self.admit_admin(head),
        }
    }

    fn admit_operator(&self, head: &Parts) -> Result<(), Refused> {
        if browser::is_of_another_site(head) {
            return Err(Refused::AnotherSite);
        }
        // As soon as an operator is known, everybody has to be one.
        if self.access.knows_admin() || !self.policy.is_loopback {
            return self.admit_admin(head);
        }
        match browser::names_this_machine(head) {
            true => Ok(()),
            false => Err(Refused::AnotherSite),
        }
    }

    /// Lets in who shows an operator's credential.
    fn admit_admin(&self, head: &Parts) -> Result<(), Refused> {
        // Where no credential at all is known, `check` would let everybody in.
        if !self.access.knows_admin() {
            return Err(Refused::NobodyKnown);
        }
        let asker = head.extensions.get::<Asker>();
        let authorization = head.headers.get(AUTHORIZATION);
        let shown = Shown {
            bearer: access::bearer(authorization.map(HeaderValue::as_bytes))?,
            names: asker.and_then(|asker| asker.names.as_ref()),
        };
        let grant = self.access.check(shown)?;
        if !grant.is_admin {
            return Err(Refused::NoOperator(grant.name));
        }
        if let Some(asker) = asker {
            // Strangers do not take the place of an operator.
            asker.caller.trust(asker.caller.peer());
        }
        Ok(())
    }

    fn note(&self, refused: &Refused, head: &Parts) {
        self.refused.inc();
        if let Some(held_back) = self.log.pass_after(self.began.elapsed()) {
            let asker = head.extensions.get::<Asker>();
            let address = asker.and_then(|asker| asker.caller.address());
            let (address, path) = (address.map(|address| address.ip()), head.uri.path());
            warn!(?address, path, reason = %refused, held_back, "refused a request of no operator");
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader
where
    Doorkeeper: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(head: &mut Parts, front: &S) -> Result<Self, Refused> {
        let door = Doorkeeper::from_ref(front);
        let admitted = door.admit_reader(head).map(|()| Self);
        admitted.inspect_err(|refused| door.note(refused, head))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    Doorkeeper: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(head: &mut Parts, front: &S) -> Result<Self, Refused> {
        let door = Doorkeeper::from_ref(front);
        let admitted = door.admit_operator(head).map(|()| Self);
        admitted.inspect_err(|refused| door.note(refused, head))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let text = format!("{self}\n");
        // As RFC 6750 says, section 3.
        let challenge = match self {
            Self::Unknown(Denied::Missing { .. }) => "Bearer realm=\"headcount\"",
            Self::Unknown(_) => "Bearer realm=\"headcount\", error=\"invalid_token\"",
            _ => return (StatusCode::FORBIDDEN, text).into_response(),
        };
        let challenge = [(WWW_AUTHENTICATE, challenge)];
        (StatusCode::UNAUTHORIZED, challenge, text).into_response()
    }
}
