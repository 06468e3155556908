//! A watch that goes on by itself.
//!
//! It follows a room or a user through lost connections and restarts of the server. Each
//! time it waits a little longer, and resumes from where its copy is. When a stream breaks
//! its contract, the watch gives the stream up and makes its copy anew from a snapshot.

use std::{fmt, time::Duration};

use tokio::time::Instant;
use tonic::{Code, Status, Streaming};

use crate::{
    backoff::Backoff,
    connect::Client,
    copy::{CopyOf, Folded},
    pb::WatchRoomResponse,
    room::WatchedRoom,
    subject::{Opening, Subject},
    user::WatchedUser,
    violation::Violation,
};

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
    state: State<S>,
}

/// What happened on a watch.
#[derive(Debug)]
pub enum WatchEvent<M = WatchRoomResponse> {
    /// A message came. The copy has it already.
    Message(Box<M>),
    /// The stream broke. The watch asks for another after a wait.
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
    Opening(Opening<S>),
    Open(Box<Streaming<S::Message>>),
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
            state: State::Waiting(Instant::now()),
        }
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
    /// app that it does not know.
    pub async fn next(&mut self) -> Result<WatchEvent<S::Message>, Status> {
        loop {
            match &mut self.state {
                State::Waiting(until) => {
                    tokio::time::sleep_until(*until).await;
                    self.state = State::Opening(self.open());
                }
                State::Opening(opening) => match opening.await {
                    Ok(stream) => self.state = State::Open(Box::new(stream)),
                    Err(status) if is_final(status.code()) => return Err(status),
                    Err(status) => return Ok(self.lost(status)),
                },
                State::Open(stream) => match stream.message().await {
                    Ok(Some(message)) => return Ok(self.fold(message)),
                    Ok(None) => return Ok(self.lost(Status::unavailable("the stream ended"))),
                    Err(status) if is_final(status.code()) => return Err(status),
                    Err(status) => return Ok(self.lost(status)),
                },
            }
        }
    }

    fn open(&mut self) -> Opening<S> {
        let token = self.copy.open().to_owned();
        S::watch(
            self.client.clone(),
            self.app.clone(),
            self.id.clone(),
            token,
        )
    }

    fn fold(&mut self, message: S::Message) -> WatchEvent<S::Message> {
        match self.copy.apply(&message) {
            Ok(folded) => {
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

    fn lost(&mut self, status: Status) -> WatchEvent<S::Message> {
        WatchEvent::Lost {
            status,
            wait: self.wait(),
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

/// Whether the server refused the request itself, so that it would refuse the same request
/// again. Other failures may pass: servers restart and drain, connections break.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::Unimplemented
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::FailedPrecondition
            | Code::OutOfRange
    )
}
