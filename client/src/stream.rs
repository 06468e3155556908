//! One stream of a watch, from its request to its end.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::{Status, Streaming};

use crate::subject::{Opening, Subject};

/// A stream that was asked for.
pub(crate) struct WatchStream<S: Subject> {
    phase: Phase<S>,
    silence_max: Duration,
    /// When the last message came, or the stream was asked for.
    heard: Instant,
}

/// Why a stream is over.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It broke, or the server ended it.
    Broken(Status),
    /// Nothing came for this long.
    Silent(Duration),
}

enum Phase<S: Subject> {
    Opening(Opening<S>),
    Open(Box<Streaming<S::Message>>),
}

impl<S: Subject> WatchStream<S> {
    /// A stream that may be silent for `silence_max`, beginning now.
    pub(crate) fn new(opening: Opening<S>, silence_max: Duration) -> Self {
        Self {
            phase: Phase::Opening(opening),
            silence_max,
            heard: Instant::now(),
        }
    }

    /// The next message. It is cancel safe: the silence goes on where it was. After an error
    /// it must not be called again.
    pub(crate) async fn next(&mut self) -> Result<S::Message, Ended> {
        let left = self.silence_max.saturating_sub(self.heard.elapsed());
        // A message that is here already is taken, however long nobody asked for it.
        let Ok(message) = timeout(left, self.phase.message()).await else {
            return Err(Ended::Silent(self.silence_max));
        };
        self.heard = Instant::now();
        message.map_err(Ended::Broken)
    }
}

impl<S: Subject> Phase<S> {
    async fn message(&mut self) -> Result<S::Message, Status> {
        loop {
            match self {
                Self::Opening(opening) => *self = Self::Open(Box::new(opening.await?)),
                Self::Open(stream) => {
                    let message = stream.message().await?;
                    return message.ok_or_else(|| Status::unavailable("the stream ended"));
                }
            }
        }
    }
}
