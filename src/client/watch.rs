//! A watch that goes on by itself.
//!
//! It follows a room or a user through lost connections and restarted servers: each time
//! it resumes from where its copy is, after a wait that grows. A stream that
//! breaks its contract is given up, and the copy made anew from a snapshot.

use std::{fmt, time::Duration};

use tokio::time::Instant;
use tonic::{Code, Status, Streaming, transport::Channel};

use super::{
    Backoff,
    copy::{CopyOf, Folded, Opening, Subject, Violation},
    room_copy::Room,
    user_copy::User,
};
use crate::pb::{WatchRoomResponse, presence_service_client::PresenceServiceClient};

/// A watch of one room.
pub type RoomWatch = WatchOf<Room>;

/// A watch of one user.
pub type UserWatch = WatchOf<User>;

/// A watch of one subject.
pub struct WatchOf<S: Subject> {
    client: PresenceServiceClient<Channel>,
    app: String,
    id: String,
    copy: CopyOf<S>,
    backoff: Backoff,
    state: State<S>,
}

/// What a watch has to tell.
#[derive(Debug)]
pub enum WatchEvent<M = WatchRoomResponse> {
    /// A message came and is folded into the copy.
    Message(Box<M>),
    /// The stream broke off. Another is asked for after a wait.
    Lost {
        /// Why.
        status: Status,
        /// The wait.
        wait: Duration,
    },
    /// The stream broke its contract. After a wait the copy is made anew.
    Violated {
        /// How.
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
    /// A watch of a room or a user of an app; an empty `app` is the only one.
    pub fn new(
        client: PresenceServiceClient<Channel>,
        app: impl Into<String>,
        id: impl Into<String>,
    ) -> Self {
        Self {
            client,
            app: app.into(),
            id: id.into(),
            copy: CopyOf::new(),
            backoff: Backoff::default(),
            state: State::Waiting(Instant::now()),
        }
    }

    /// The copy, with every message folded in that [`next`](Self::next) returned.
    pub fn copy(&self) -> &CopyOf<S> {
        &self.copy
    }

    /// What happens next. Nothing is lost when this is dropped before it is done
    /// and called again.
    ///
    /// # Errors
    /// When the server refuses in a way that asking again does not change, such
    /// as an app that it does not know.
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
                // A snapshot alone is no success: a stream that breaks off after
                // each would make the server send the whole over and over.
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

/// Whether a refusal is about the request, so that the same request would be
/// refused again. All else may pass: servers restart and drain, connections
/// break.
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
