//! One request: what is checked, in which order, and what is answered.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, Version,
    header::{CONNECTION, EXPECT},
    request,
};
use http_body_util::Full;
use hyper::body::Body;
use tokio::sync::SemaphorePermit;

use super::{
    answers::{self, Reason, Refused},
    body,
    front::{WebhookFront, WebhookSettings},
    ingest::Arrival,
    routes::Route,
};
use crate::providers::{self, Answer};

/// How long the body of a request that is refused anyhow may take to arrive.
const DISCARD_TIME: Duration = Duration::from_secs(1);

impl WebhookFront {
    /// Answers a request. One that comes while `draining` is refused. If some of
    /// the body is left unread, the answer says that the connection closes.
    pub async fn answer<B>(&self, request: Request<B>, draining: bool) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
    {
        let WebhookSettings {
            body_bytes_max,
            body_read_timeout,
            ..
        } = self.parts.settings;
        let (head, body) = request.into_parts();
        let route = self.routes.at(head.uri.path());
        let render = route.map_or(providers::json as _, |route| route.product.render);
        let refuse = |refused: Refused| {
            self.metrics().refused(refused.reason).inc();
            refused.respond(render)
        };

        let (route, _permit) = match self.admit(route, &head.method, draining) {
            Ok(admitted) => admitted,
            Err(refused) => {
                let response = refuse(refused);
                let within = DISCARD_TIME.min(body_read_timeout);
                // A client with an `Expect` header waits for the answer before it sends the body.
                let is_all = !head.headers.contains_key(EXPECT)
                    && body::discard(body, body_bytes_max, within).await;
                return if is_all {
                    response
                } else {
                    closing(response, head.version)
                };
            }
        };
        let body = match body::read(body, body_bytes_max, body_read_timeout).await {
            Ok(body) => body,
            Err(refused) => return closing(refuse(refused), head.version),
        };
        let arrival = Arrival {
            route,
            headers: &head.headers,
            query: self.query(&head),
            body,
            received_at: self.parts.clock.now(),
        };
        match self.ingest(arrival).await {
            Ok(taken) => answers::respond(render(&Answer::Taken {
                outcome: taken.outcome,
                message: taken.message.as_deref(),
            })),
            Err(refused) => refuse(refused),
        }
    }

    /// Checks what can be checked before the body is read.
    fn admit<'a>(
        &'a self,
        route: Option<&'a Route>,
        method: &Method,
        draining: bool,
    ) -> Result<(&'a Route, SemaphorePermit<'a>), Refused> {
        if draining || !self.is_ready() {
            return Err(Reason::NotReady.because("the service is starting or stopping"));
        }
        let route = route.ok_or_else(|| Reason::NotFound.because("no callbacks are taken here"))?;
        if method != Method::POST {
            return Err(Reason::MethodNotAllowed.because("callbacks are sent by POST"));
        }
        let permit = (self.requests.try_acquire())
            .map_err(|_| Reason::Overloaded.because("too many requests at once"))?;
        Ok((route, permit))
    }

    fn query(&self, head: &request::Parts) -> Arc<str> {
        match head.uri.query() {
            None | Some("") => Arc::clone(&self.no_query),
            Some(query) => query.into(),
        }
    }
}

/// Says that the connection closes. HTTP/2 has no such header, and need not close.
fn closing(mut response: Response<Full<Bytes>>, version: Version) -> Response<Full<Bytes>> {
    if version < Version::HTTP_2 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
