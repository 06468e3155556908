//! Requests to the HTTP fronts of a server.

use std::error::Error as _;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;

/// A client of HTTP fronts, in plain text and by TLS, over HTTP/1.1. Clones share connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    answer_bytes_max: usize,
}

impl HttpClient {
    /// A client that reads so many bytes of an answer.
    pub(super) fn new(tls: ClientConfig, answer_bytes_max: usize) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnector::from((tcp, tls));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            client,
            answer_bytes_max,
        }
    }

    /// The answer to a request, whose URI has scheme and host.
    ///
    /// # Errors
    /// Says why there is no answer.
    pub async fn request(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String> {
        let answer = self.client.request(request).await.map_err(causes)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, self.answer_bytes_max).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

fn causes(error: Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}
