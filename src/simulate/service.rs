//! The server that a run is against, and how it is reached.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use headcount_client::Client as GrpcClient;
use http::{Request, Response, Uri};
use http_body_util::Full;
use tokio::{net::TcpStream, time::timeout};

use super::options::{CannotRun, Options, Trouble, shown_url};
use crate::remote::{HttpClient, Proof};

/// How long the server may take to be connected to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 4096;

/// A server, and how it is reached: over the network, or within a process, which is for
/// tests.
pub trait Service: fmt::Debug + Send + Sync {
    /// The time by the clocks of the server and the vendors, in milliseconds since the Unix
    /// epoch. It passes as it does for the timers of the runtime.
    fn now(&self) -> u64;

    /// A client of the gRPC service, with a connection of its own.
    ///
    /// # Errors
    /// When there cannot be one, saying why.
    fn client(&self) -> Result<GrpcClient, String>;

    /// Finds out whether the HTTP front is there. The error says why not.
    fn reach(&self) -> BoxFuture<'_, Result<(), String>>;

    /// Sends a callback to the HTTP front, and returns the answer. The URI of the request
    /// is a path. The error says why there is no answer.
    fn send(
        &self,
        callback: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<Bytes>, String>>;
}

/// A server that is reached by the URLs of the options, at the time of the system.
#[derive(Debug)]
pub(super) struct Network {
    client: HttpClient,
    /// The prefix of the paths of all callbacks.
    base: String,
    uri: Uri,
    server: String,
    proof: Proof,
}

impl Network {
    /// # Errors
    /// When callbacks cannot be sent to the URL.
    pub(super) fn new(options: &Options) -> Result<Self, CannotRun> {
        let refused = |reason: String| CannotRun::Webhook {
            webhook: shown_url(&options.webhook),
            reason,
            trouble: Trouble::Other,
        };
        let base = options.webhook.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|error| refused(format!("{error}")))?;
        let is_secure = match (uri.scheme_str(), uri.host()) {
            (Some("http"), Some(_)) => false,
            (Some("https"), Some(_)) => true,
            _ => return Err(refused("not an http:// or https:// URL".to_owned())),
        };
        Ok(Self {
            client: client(is_secure, options)?,
            base,
            uri,
            server: options.server.clone(),
            proof: options.proof.clone(),
        })
    }

    /// Where callbacks are sent to.
    fn address(&self) -> (&str, u16) {
        let host = self.uri.host().unwrap_or_default();
        // A literal IPv6 address is in brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let default = match self.uri.scheme_str() {
            Some("https") => 443,
            _ => 80,
        };
        (host, self.uri.port_u16().unwrap_or(default))
    }

    async fn connect(&self) -> Result<(), String> {
        let (host, port) = self.address();
        match timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it cannot be connected to".to_owned()),
        }
    }

    async fn request(&self, mut callback: Request<Full<Bytes>>) -> Result<Response<Bytes>, String> {
        let uri = format!("{}{}", self.base, callback.uri());
        *callback.uri_mut() = uri.parse().map_err(|error| format!("{error}"))?;
        self.client.request(callback).await
    }
}

/// The client of the HTTP front. Vendors show no certificate.
///
/// # Errors
/// When the file of authorities cannot be used.
fn client(is_secure: bool, options: &Options) -> Result<HttpClient, CannotRun> {
    // Where only the other front is secure, the file is for that.
    let has_use = is_secure || !options.server.starts_with("https://");
    let proof = Proof {
        ca: options.proof.ca.clone().filter(|_| has_use),
        ..Proof::default()
    };
    let client = proof.http(&options.webhook, ANSWER_BYTES_MAX);
    client.map_err(|error| CannotRun::Option(error.to_string()))
}

impl Service for Network {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    fn client(&self) -> Result<GrpcClient, String> {
        self.proof
            .connect(&self.server)
            .map_err(|error| error.to_string())
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), String>> {
        self.connect().boxed()
    }

    fn send(
        &self,
        callback: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        self.request(callback).boxed()
    }
}
