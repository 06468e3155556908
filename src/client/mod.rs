//! The client's side of the gRPC contract: a connection that is set up right,
//! copies of rooms and users that check what they are told, and watches that go
//! on by themselves.

mod backoff;
mod copy;
mod room_copy;
mod user_copy;
mod watch;

use std::{error::Error as _, time::Duration};

use tonic::{
    Status,
    transport::{Channel, Endpoint, Error},
};

use crate::pb::presence_service_client::PresenceServiceClient;

pub use self::{
    backoff::Backoff,
    copy::{CopyOf, Folded, Missing, Opening, Read, Subject, Update, Violation},
    room_copy::{Room, RoomCopy, digest},
    user_copy::{User, UserCopy},
    watch::{RoomWatch, UserWatch, WatchEvent, WatchOf},
};

/// A receiver built on h2 0.4.16 or later counts every small frame that is not
/// read yet, as what it lacks of 256 bytes, against half of the *connection's*
/// window, and ends the whole connection with `ENHANCE_YOUR_CALM` when they
/// exceed it. Presence is many small messages: with the default window a client
/// that stops reading for a second loses all its watches. So what is unread is
/// bounded for each watch, by its stream's window, and the connection's window is
/// as large as there is: 1024 streams full of the smallest messages (45 bytes)
/// count as 600 MiB, less than half of it. No memory is set aside for it. The
/// adaptive window begins at 64 KiB and makes it worse, so it stays off.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// What one watch may have in flight. The server's own buffer per watch comes
/// after it, so that a slow watch is told that it lagged.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a quiet connection is probed, and how long the answer may take:
/// a server that vanished without a word is noticed after both.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the server at `url`, such as `http://127.0.0.1:50051`. It
/// connects with the first call, and again whenever it has to.
///
/// # Errors
/// When `url` is none.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn connect(url: &str) -> Result<PresenceServiceClient<Channel>, Error> {
    let endpoint = endpoint(url)?;
    Ok(PresenceServiceClient::new(endpoint.connect_lazy()))
}

/// How to connect to `url`: the settings of [`connect`], for a connection of
/// another kind.
///
/// # Errors
/// When `url` is none.
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

/// Whether a call failed for want of a server's word: nobody answered, or the
/// connection broke.
pub fn is_connection_error(status: &Status) -> bool {
    // The words of a server have no source on this side.
    status.source().is_some()
}

/// Why a call failed: what the server said, or what broke the connection.
pub fn reason(status: &Status) -> String {
    // What is in between says the same in more general words.
    let causes = std::iter::successors(status.source(), |cause| (*cause).source());
    match (causes.last(), status.message()) {
        (Some(root), _) => root.to_string(),
        (None, "") => status.code().description().to_owned(),
        (None, message) => message.to_owned(),
    }
}
