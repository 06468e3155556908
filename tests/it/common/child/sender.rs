//! A connection that is kept open, as vendors do.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::Post;

/// Sends one callback after the other.
#[derive(Debug)]
pub(crate) struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    webhook: String,
}

impl Sender {
    pub(crate) fn new(webhook: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            // Repetitions are left to the caller, who counts them.
            .retry_canceled_requests(false)
            .build(connector);
        Self { client, webhook }
    }

    /// The whole answer, or why there is none.
    pub(crate) async fn post(&self, post: &Post) -> Result<(StatusCode, String), String> {
        let body = Full::new(Bytes::from(post.body.clone()));
        let request = Request::post(format!("{}{}", self.webhook, post.target))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.into_body().collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}
