//! A connection that is kept open, as vendors do.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::{Post, trusting};

/// Sends one callback after the other.
#[derive(Debug)]
pub(crate) struct Sender {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    webhook: String,
}

impl Sender {
    pub(crate) fn new(webhook: String) -> Self {
        Self::trusting(webhook, None)
    }

    /// One that speaks TLS with a front whose certificate this authority signed, if its URL says so.
    pub(crate) fn trusting(webhook: String, authority: Option<&str>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trusting(authority))
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
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
