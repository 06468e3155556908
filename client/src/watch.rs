//! A watch that goes on by itself.
//!
//! It follows a room or a user through lost connections and restarts of the server. Each
//! time it waits, and resumes from where its copy is. When a stream breaks its contract, the
//! watch gives the stream up and makes its copy anew from a snapshot. When a stream is
//! silent for too long, the watch gives its connection up and makes another.

use std::{fmt, time::Duration};

use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{
    backoff::Backoff,
    connect::Client,
    copy::{CopyOf, Folded},
    pb::WatchRoomResponse,
    room::WatchedRoom,
    stream::{Ended, WatchStream},
    subject::Subject,
    user::WatchedUser,
    violation::Violation,
};

/// How often a server sends something on a watch, unless it is configured otherwise
/// (`progress_interval` in `[grpc]`).
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// After how many progress intervals of silence a stream is given up. One may pass between
/// two messages; the other allows for networks and servers that are slow for a while.
const INTERVALS_OF_SILENCE_MAX: u32 = 2;

/// How often in a row a watch that has worked asks again if its credentials are refused: a
/// token may be renewed a little later than it expires.
const RENEWALS_MAX: u32 = 5;

/// A watch of one room.
pub type RoomWatch = WatchOf<WatchedRoom>;

/// A watch of one user.
pub type UserWatch = WatchOf<WatchedUser>;

/// A watch of one subject.
pub struct WatchOf<S: Subject> {
    client: Client,
    app: String,
    id: String,
    copy: CopyOf<S>,
    backoff: Backoff,
    silence_max: Duration,
    /// How often it may ask again after its credentials were refused.
    renewals_left: u32,
    state: State<S>,
}

/// What happened on a watch.
#[derive(Debug)]
pub enum WatchEvent<M = WatchRoomResponse> {
    /// A message came. The copy has it already.
    Message(Box<M>),
    /// The stream broke or was silent for too long. The watch asks for another after a wait.
    Lost {
        /// Why it broke.
        status: Status,
        /// The wait.
        wait: Duration,
    },
    /// The stream broke its contract. After a wait the watch makes the copy anew.
    Violated {
        /// How it broke its contract.
        violation: Violation,
        /// The wait.
        wait: Duration,
    },
}

enum State<S: Subject> {
    Waiting(Instant),
    Streaming {
        stream: WatchStream<S>,
        /// The number of its connection.
        connection: u64,
    },
}

// === impl WatchOf ===

impl<S: Subject> WatchOf<S> {
    /// A watch of a room or a user of an app. `app` may be empty if the server has only
    /// one. Nothing is sent before [`next`](Self::next) is called.
    pub fn new(client: Client, app: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            client,
            app: app.into(),
            id: id.into(),
            copy: CopyOf::new(),
            backoff: Backoff::default(),
            silence_max: silence_max(PROGRESS_INTERVAL),
            renewals_left: 0,
            state: State::Waiting(Instant::now()),
        }
    }

    /// The same watch, of a server with this progress interval. The default is
    /// [`PROGRESS_INTERVAL`]. The server does not tell its interval.
    ///
    /// A stream that is silent for two intervals is given up, before its first message too.
    /// So with an interval of less than half of the server's, streams are given up that are
    /// fine.
    #[must_use]
    pub fn with_progress_interval(mut self, interval: Duration) -> Self {
        self.silence_max = silence_max(interval);
        self
    }

    /// The copy, up to the message that [`next`](Self::next) returned last.
    pub fn copy(&self) -> &CopyOf<S> {
        &self.copy
    }

    /// Waits for what happens next. It is cancel safe: if the future is dropped, the next
    /// call goes on where it was.
    ///
    /// # Errors
    /// When the server refuses, and would refuse the same request again. An example is an
    /// app that it does not know. Another call asks the server again, after a wait.
    /// Credentials that may change are no such reason once the watch has worked: it asks
    /// again with new ones, five times in a row at most.
    pub async fn next(&mut self) -> Result<WatchEvent<S::Message>, Status> {
        loop {
            match &mut self.state {
                State::Waiting(until) => {
                    tokio::time::sleep_until(*until).await;
                    self.state = self.open();
                }
                State::Streaming { stream, connection } => {
                    let connection = *connection;
                    return match stream.next().await {
                        Ok(message) => Ok(self.fold(message)),
                        Err(ended) => self.end(ended, connection),
                    };
                }
            }
        }
    }

    fn open(&mut self) -> State<S> {
        let token = self.copy.open().to_owned();
        let opening = S::watch(
            self.client.clone(),
            self.app.clone(),
            self.id.clone(),
            token,
        );
        State::Streaming {
            stream: WatchStream::new(opening, self.silence_max),
            connection: self.client.connection(),
        }
    }

    fn end(&mut self, ended: Ended, connection: u64) -> Result<WatchEvent<S::Message>, Status> {
        let wait = self.wait();
        let status = match ended {
            Ended::Broken(status) if status.code() == Code::Unauthenticated && self.renew() => {
                status
            }
            Ended::Broken(status) if is_final(status.code()) => return Err(status),
            Ended::Broken(status) => status,
            Ended::Silent(silence) => {
                // The other end of the connection may be a proxy, which answers pings and
                // would pass the next watch to the same server.
                self.client.connect_anew(connection);
                Status::unavailable(format!("silent for {silence:?}"))
            }
        };
        Ok(WatchEvent::Lost { status, wait })
    }

    /// Whether to ask again after the credentials were refused.
    fn renew(&mut self) -> bool {
        let may_renew = self.renewals_left > 0;
        self.renewals_left = self.renewals_left.saturating_sub(1);
        may_renew
    }

    fn fold(&mut self, message: S::Message) -> WatchEvent<S::Message> {
        match self.copy.apply(&message) {
            Ok(folded) => {
                if self.client.may_renew() {
                    self.renewals_left = RENEWALS_MAX;
                }
                // A snapshot alone is no success: if the stream broke after each
                // snapshot, the server would send the whole room again and again.
                if matches!(folded, Folded::Changes(_) | Folded::Confirmed) {
                    self.backoff.reset();
                }
                WatchEvent::Message(Box::new(message))
            }
            Err(violation) => WatchEvent::Violated {
                violation,
                wait: self.wait(),
            },
        }
    }

    fn wait(&mut self) -> Duration {
        let wait = self.backoff.next_wait();
        self.state = State::Waiting(Instant::now() + wait);
        wait
    }
}

impl<S: Subject> fmt::Debug for WatchOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchOf")
            .field("app", &self.app)
            .field("id", &self.id)
            .field("revision", &self.copy.revision())
            .finish_non_exhaustive()
    }
}

fn silence_max(progress_interval: Duration) -> Duration {
    progress_interval.saturating_mul(INTERVALS_OF_SILENCE_MAX)
}

/// Whether the server refused the request itself, so that it would refuse the same request
/// again. Other failures may pass: servers restart and drain, connections break, and proxies
/// answer with codes of their own.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Unimplemented
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_refuse_the_request_itself_are_final() {
        let names: Vec<_> = (0..=16)
            .map(Code::from_i32)
            .filter(|code| is_final(*code))
            .map(|code| format!("{code:?}"))
            .collect();
        assert_eq!(
            names,
            [
                "InvalidArgument",
                "NotFound",
                "PermissionDenied",
                "Unimplemented",
                "Unauthenticated"
            ]
        );
    }
}
