//! One request: what is checked, in which order, and what is answered.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, request};
use http_body_util::Full;
use hyper::body::Body;

use super::{
    Front, Reason, Settings,
    answers::{self, Refused},
    body,
    ingest::{Arrival, Taken},
};
use crate::vendor::{self, Adapter, Answer};

impl Front {
    /// Answers a request. One that comes while `draining` is refused.
    pub async fn answer<B>(&self, request: Request<B>, draining: bool) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
    {
        let adapter = vendor::adapter_at(request.uri().path());
        let render = adapter.map_or(vendor::json as _, |adapter| adapter.render);
        match self.take(adapter, request, draining).await {
            Ok(Taken { outcome, message }) => {
                let message = message.as_deref();
                answers::respond(render(&Answer::Taken { outcome, message }))
            }
            Err(refused) => {
                self.metrics().refused(refused.reason).inc();
                refused.respond(render)
            }
        }
    }

    async fn take<B>(
        &self,
        adapter: Option<&'static Adapter>,
        request: Request<B>,
        draining: bool,
    ) -> Result<Taken, Refused>
    where
        B: Body<Data = Bytes>,
    {
        if draining || !self.is_ready() {
            return Err(Reason::NotReady.because("the service is starting or stopping"));
        }
        let adapter =
            adapter.ok_or_else(|| Reason::NotFound.because("no callbacks are taken here"))?;
        if request.method() != Method::POST {
            return Err(Reason::MethodNotAllowed.because("callbacks are sent by POST"));
        }
        let _permit = (self.requests.try_acquire())
            .map_err(|_| Reason::Overloaded.because("too many requests at once"))?;

        let Settings {
            body_bytes_max,
            body_read_timeout,
            ..
        } = self.parts.settings;
        let (head, body) = request.into_parts();
        let body = body::read(body, body_bytes_max, body_read_timeout).await?;
        let arrival = Arrival {
            adapter,
            query: self.query(&head),
            body,
            received_at: (self.parts.clock)(),
        };
        self.ingest(arrival).await
    }

    fn query(&self, head: &request::Parts) -> Arc<str> {
        match head.uri.query() {
            None | Some("") => Arc::clone(&self.no_query),
            Some(query) => query.into(),
        }
    }
}
