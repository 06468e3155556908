//! A connection with the right settings, and what its failures mean.

use std::{error::Error as _, time::Duration};

use tonic::{
    Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint, Error},
};

use crate::{Credentials, pb::presence_service_client::PresenceServiceClient};

/// What calls go through: a connection, and the credentials of each request.
pub type Connection = InterceptedService<Channel, Credentials>;

/// A client of a server. To clone it is cheap: clones share the connection.
pub type Client = PresenceServiceClient<Connection>;

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

/// A client of the server at `url`, such as `http://127.0.0.1:50051`, without credentials.
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
    Ok(from_channel(endpoint(url)?.connect_lazy(), credentials))
}

/// How to connect to `url`: the settings of [`connect`], for those who make the connection
/// themselves. Give it to [`from_channel`].
///
/// # Errors
/// When `url` is not a URL.
pub fn endpoint(url: &str) -> Result<Endpoint, Error> {
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

/// A client over a connection that the caller made.
pub fn from_channel(channel: Channel, credentials: Credentials) -> Client {
    PresenceServiceClient::with_interceptor(channel, credentials)
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
