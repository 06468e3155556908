//! One request: what is checked, in which order, and what is answered.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{ALLOW, CONNECTION, CONTENT_TYPE, EXPECT},
    request,
};
use http_body_util::Full;
use hyper::body::Body;
use tokio::time::Instant;

use super::{
    answers::{self, Reason, Refused, not_ready},
    asked::{self, Asked},
    body::{self, Terms},
    front::{WebhookFront, WebhookSettings},
    guard::Protection,
    ingest::Arrival,
    media,
    path::canonical,
    routes::Route,
};
use crate::{
    net::{self, Caller, RequestId, Unready},
    providers::{self, Answer},
};

/// Where load balancers ask how the front is.
const HEALTH_PATH: &str = "/healthz";

/// How long the body of a request that is refused anyhow may take to arrive.
const DISCARD_TIME: Duration = Duration::from_secs(1);

impl WebhookFront {
    /// Answers a request of `caller`. One that comes while `draining` is refused. If some of
    /// the body is left unread, the answer says that the connection closes. It names the request
    /// by its id, as all lines in the log do.
    pub async fn answer<B>(
        &self,
        request: Request<B>,
        caller: &Caller,
        draining: bool,
    ) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
    {
        let request_id = RequestId::of(request.headers());
        let answered = self.answer_as(&request_id, request, caller, draining);
        let mut response = answered.await;
        request_id.mark(&mut response);
        response
    }

    async fn answer_as<B>(
        &self,
        request_id: &RequestId,
        request: Request<B>,
        caller: &Caller,
        draining: bool,
    ) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
    {
        let began = Instant::now();
        let WebhookSettings {
            body_bytes_max,
            body_read_timeout,
            body_rate_min,
            ..
        } = self.parts.settings;
        let (head, body) = request.into_parts();
        let path = canonical(head.uri.path());
        if path == HEALTH_PATH {
            return self.health(&head.method, draining);
        }
        let (rules, routes) = (self.guard.rules(), self.routes());
        let (route, path) = asked::route(&path, &routes, rules.path_secrets.as_ref());
        let asked = Asked {
            sender: self.guard.sender(caller.address(), &head.headers),
            route,
            path,
            request_id,
        };
        let terms = |within| Terms {
            budget: &self.unread,
            peer: asked.sender.peer,
            headers: &head.headers,
            within,
            rate_min: body_rate_min,
        };
        let route = match self.admit(&asked, &rules, &head, draining) {
            Ok(route) => route,
            Err(refused) => {
                // What is left unread ends the connection. A client with an `Expect` header waits
                // for the answer before it sends the body, and nothing more is read of strangers
                // who may not send at all.
                let is_left =
                    head.headers.contains_key(EXPECT) || refused.reason == Reason::NotAllowed;
                let response = self.refuse(&asked, &refused);
                let within = DISCARD_TIME.min(body_read_timeout);
                let is_all = !is_left && body::discard(body, body_bytes_max, terms(within)).await;
                return if is_all {
                    response
                } else {
                    closing(response, head.version)
                };
            }
        };
        let body = match body::read(body, body_bytes_max, terms(body_read_timeout)).await {
            Ok(body) => body,
            Err(refused) => return closing(self.refuse(&asked, &refused), head.version),
        };
        let arrival = Arrival {
            route,
            caller,
            sender: asked.sender,
            request_id,
            headers: &head.headers,
            query: self.query(&head),
            body,
        };
        let ingested = self.ingest(arrival).await;
        route.metrics.answer_time.observe(began.elapsed());
        match ingested {
            Ok(taken) => answers::respond((route.product.render)(&Answer::Taken {
                outcome: taken.outcome,
                message: taken.message.as_deref(),
            })),
            Err(refused) => self.refuse(&asked, &refused),
        }
    }

    /// Checks what can be checked before the body is read.
    fn admit<'a>(
        &self,
        asked: &Asked<'a>,
        rules: &Protection,
        head: &request::Parts,
        draining: bool,
    ) -> Result<&'a Route, Refused> {
        self.guard
            .check(&asked.sender, rules, self.parts.clock.now())?;
        if draining {
            return Err(not_ready());
        }
        let is_callback = asked.route.is_some() && head.method == Method::POST;
        if !is_callback && !self.parts.ready.is_ready() {
            return Err(not_ready());
        }
        let no_product = || Reason::NotFound.because("no callbacks are taken here");
        let route = asked.route.ok_or_else(no_product)?;
        if head.method != Method::POST {
            return Err(Reason::MethodNotAllowed.because("callbacks are sent by POST"));
        }
        media::check_encoding(&head.headers)?;
        Ok(route)
    }

    /// Counts, logs and notes a refusal, and answers in the words of the product.
    fn refuse(&self, asked: &Asked<'_>, refused: &Refused) -> Response<Full<Bytes>> {
        self.metrics().refused(refused.reason).inc();
        let noted = net::Refused {
            front: "webhook",
            reason: refused.reason.code(),
            message: &refused.message,
            product: asked.product(),
            app_id: refused.sent.as_deref(),
            address: asked.sender.address,
            path: asked.path,
            request_id: asked.request_id,
        };
        let log = asked.route.map_or(&self.refusal_log, |it| &it.refusal_log);
        log.write(refused.reason, &noted, self.parts.clock.now());
        self.parts.refusals.note(&noted);
        let render = asked
            .route
            .map_or(providers::json as _, |it| it.product.render);
        refused.respond(render)
    }

    /// Says whether callbacks are taken, for load balancers.
    fn health(&self, method: &Method, draining: bool) -> Response<Full<Bytes>> {
        let ready = match draining {
            true => Err(Unready::Draining),
            false => self.parts.ready.check(),
        };
        let (status, body) = match (method, ready) {
            (&Method::GET | &Method::HEAD, Ok(())) => (StatusCode::OK, "ok".to_owned()),
            (&Method::GET | &Method::HEAD, Err(unready)) => {
                // Anybody may ask here.
                let reason = unready.brief().to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, reason)
            }
            _ => (StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD".to_owned()),
        };
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
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
