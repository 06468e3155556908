//! A connection with the right settings, and what its failures mean.

use std::{
    error::Error as _,
    ops::{Deref, DerefMut},
    time::Duration,
};

use tonic::{
    Status,
    service::interceptor::InterceptedService,
    transport::{Channel, ClientTlsConfig, Endpoint, Error},
};

use crate::{Credentials, channels::Channels, pb::presence_service_client::PresenceServiceClient};

/// What calls go through: a connection, and the credentials of each request.
pub type Connection = InterceptedService<Channels, Credentials>;

/// A client of a server, with the methods of the generated [`PresenceServiceClient`]. To
/// clone it is cheap: clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    calls: PresenceServiceClient<Connection>,
    channels: Channels,
    /// Whether a request that was refused for its credentials may be let in later.
    may_renew: bool,
}

/// A receiver built on h2 0.4.16 or later counts each small frame that is not read yet
/// against half of the *connection's* window: a frame counts as what it lacks of 256 bytes.
/// Above that, the receiver ends the whole connection with `ENHANCE_YOUR_CALM`. Presence is
/// many small messages: with the default window, a client that stops reading for a second
/// loses all its watches. So the stream's window bounds what is unread of each watch, and
/// the connection's window is as large as it can be: 1024 streams full of the smallest
/// messages (45 bytes) count as 600 MiB, less than half of it. No memory is reserved for
/// it. The adaptive window begins at 64 KiB and makes it worse, so it stays off.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// How many bytes of one watch may be in flight. The server's own buffer per watch comes
/// after it, so the server tells a slow watch that it lagged.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a quiet connection is probed, and how long the answer may take. After both,
/// the client notices a server that vanished without a word.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the server at `url`, such as `http://127.0.0.1:50051`, without credentials. An
/// `https://` URL is of a server whose certificate the system trusts.
/// It connects with the first call, and again whenever it has to.
///
/// # Errors
/// When `url` is not a URL.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn connect(url: &str) -> Result<Client, Error> {
    connect_with(url, Credentials::none())
}

/// As [`connect`], with credentials that are sent with each request.
///
/// # Errors
/// When `url` is not a URL.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn connect_with(url: &str, credentials: Credentials) -> Result<Client, Error> {
    let endpoint = endpoint(url)?;
    Ok(from_connector(move || endpoint.connect_lazy(), credentials))
}

/// As [`connect_with`], to a server that speaks TLS, at an `https://` URL. `tls` says whom to
/// trust, and may have a certificate to show. [`connect_with`] trusts whom the system trusts.
///
/// # Errors
/// When `url` is not a URL, or a certificate is not one.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn connect_tls(
    url: &str,
    tls: ClientTlsConfig,
    credentials: Credentials,
) -> Result<Client, Error> {
    let endpoint = settings(url)?.tls_config(tls)?;
    Ok(from_connector(move || endpoint.connect_lazy(), credentials))
}

/// How to connect to `url`: the settings of [`connect`], for those who make the connection
/// themselves. Give it to [`from_connector`].
///
/// # Errors
/// When `url` is not a URL.
pub fn endpoint(url: &str) -> Result<Endpoint, Error> {
    let endpoint = settings(url)?;
    match endpoint.uri().scheme_str() {
        Some("https") => endpoint.tls_config(ClientTlsConfig::new().with_native_roots()),
        _ => Ok(endpoint),
    }
}

fn settings(url: &str) -> Result<Endpoint, Error> {
    let endpoint = Endpoint::from_shared(url.to_owned())?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_adaptive_window(false)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    Ok(endpoint)
}

/// A client over connections that `connect` makes. It is called now, and again whenever a
/// watch gave the newest connection up because nothing came any more. So each time it has to
/// return a channel with a connection of its own, for example by
/// [`connect_lazy`](Endpoint::connect_lazy). It must not block.
pub fn from_connector(
    connect: impl Fn() -> Channel + Send + Sync + 'static,
    credentials: Credentials,
) -> Client {
    let channels = Channels::new(connect);
    let may_renew = credentials.may_change();
    Client {
        calls: PresenceServiceClient::with_interceptor(channels.clone(), credentials),
        channels,
        may_renew,
    }
}

/// A client over a connection that the caller made, for as long as the client lasts. A watch
/// that gives a stream up because it is silent has to ask again on the same connection: where
/// there may be proxies, use [`from_connector`].
pub fn from_channel(channel: Channel, credentials: Credentials) -> Client {
    from_connector(move || channel.clone(), credentials)
}

// === impl Client ===

impl Client {
    /// The number of the connection that the next call takes.
    pub(crate) fn connection(&self) -> u64 {
        self.channels.number()
    }

    /// Whether a request that was refused for its credentials may be let in later.
    pub(crate) fn may_renew(&self) -> bool {
        self.may_renew
    }

    /// Gives the connection of this number up: later calls take another.
    pub(crate) fn connect_anew(&self, connection: u64) {
        self.channels.replace(connection);
    }
}

impl Deref for Client {
    type Target = PresenceServiceClient<Connection>;

    fn deref(&self) -> &Self::Target {
        &self.calls
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.calls
    }
}

/// Whether a call failed without an answer of the server: the server was not reached, or
/// the connection broke.
pub fn is_connection_error(status: &Status) -> bool {
    // A status that the server sent has no source on this side.
    status.source().is_some()
}

/// Why a call failed: what the server said, or what broke the connection.
pub fn reason(status: &Status) -> String {
    // The errors between the status and the root cause say the same in more general words.
    let causes = std::iter::successors(status.source(), |cause| (*cause).source());
    match (causes.last(), status.message()) {
        (Some(root), _) => root.to_string(),
        (None, "") => status.code().description().to_owned(),
        (None, message) => message.to_owned(),
    }
}
