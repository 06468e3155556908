//! The state of the connection of a watch, and what is said of it.

use std::time::Duration;

use tonic::Status;

use super::shown::Fact;
use crate::cli::{START_HINT, age::Moment, paint::Colour, reason};

/// Of the attempts to connect again, the first is logged, and every tenth.
const ATTEMPTS_A_LINE: u32 = 10;

/// The state of a watch's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// The first attempt is under way.
    Connecting,
    /// No attempt has succeeded yet.
    Never(Failure),
    /// It is there, and the copy is at this revision.
    Live(u64),
    /// It was there, and broke.
    Lost {
        /// When.
        since: Moment,
        /// The last attempt.
        last: Failure,
    },
    /// The copy is wrong, and is made anew.
    Wrong(Failure),
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether the server was not reached. Otherwise it refused.
    pub(super) is_unreached: bool,
    /// When the next attempt is.
    pub(super) next: Moment,
}

// === impl Connection ===

impl Connection {
    /// Takes in that the stream broke, or that an attempt failed.
    pub(super) fn lose(&mut self, status: &Status, wait: Duration, now: Moment) {
        let last = Failure::new(status, wait, now);
        *self = match self {
            Self::Connecting | Self::Never(_) => Self::Never(last),
            Self::Live(_) | Self::Wrong(_) => Self::Lost { since: now, last },
            Self::Lost { since, .. } => Self::Lost {
                since: *since,
                last,
            },
        };
    }

    /// What the header says of it.
    pub(super) fn facts(&self, server: &str, now: Moment) -> Vec<Fact> {
        let server = Fact::plain(server);
        let next = |failure: &Failure| Fact::plain(format!("next try {}", failure.when(now)));
        match self {
            Self::Connecting => vec![Fact::plain("connecting"), server],
            Self::Never(failure) if failure.is_unreached => vec![
                Fact::coloured(Colour::Red, "never connected"),
                next(failure),
                server,
                Fact::cut(format!("{} ({START_HINT})", failure.reason)),
            ],
            Self::Never(failure) => vec![
                Fact::coloured(Colour::Yellow, "not served yet"),
                next(failure),
                server,
                Fact::cut(&failure.reason),
            ],
            Self::Live(revision) => vec![
                Fact::coloured(Colour::Green, "live"),
                Fact::plain(format!("revision {revision}")),
                server,
            ],
            Self::Lost { since, last } => vec![
                Fact::coloured(Colour::Red, format!("LOST {} ago", since.age(now))),
                next(last),
                Fact::cut(&last.reason),
                server,
            ],
            Self::Wrong(failure) => vec![
                Fact::coloured(Colour::Red, "WRONG"),
                Fact::plain(format!("a new snapshot {}", failure.when(now))),
                Fact::cut(&failure.reason),
            ],
        }
    }
}

// === impl Failure ===

impl Failure {
    fn new(status: &Status, wait: Duration, now: Moment) -> Self {
        Self {
            reason: reason(status),
            is_unreached: headcount_client::is_connection_error(status),
            next: after(now, wait),
        }
    }

    fn when(&self, now: Moment) -> String {
        match self.next.0.saturating_sub(now.0) {
            ..=0 => "now".into(),
            // Rounded up: what is not over yet is no 0 s.
            millis => format!("in {}s", (millis + 999) / 1000),
        }
    }
}

/// The time after a wait.
pub(super) fn after(now: Moment, wait: Duration) -> Moment {
    let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    Moment(now.0.saturating_add(wait))
}

/// What is logged of a server that is not there, where no screen shows it.
#[derive(Debug)]
pub(super) struct Outage {
    server: String,
    /// How often the watch tried to connect since the server last answered.
    attempts: u32,
    was_connected: bool,
}

// === impl Outage ===

impl Outage {
    pub(super) fn new(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            attempts: 0,
            was_connected: false,
        }
    }

    /// The server answered.
    pub(super) fn end(&mut self) {
        self.attempts = 0;
        self.was_connected = true;
    }

    /// Counts an attempt that failed, and returns what to log of it, if anything.
    pub(super) fn attempt(&mut self, status: &Status) -> Option<String> {
        self.attempts += 1;
        if self.attempts % ATTEMPTS_A_LINE != 1 {
            return None;
        }
        let (server, reason) = (&self.server, reason(status));
        let is_unreached = headcount_client::is_connection_error(status);
        Some(match (self.was_connected, is_unreached) {
            (true, _) => format!("LOST {server}, retrying: {reason}"),
            (false, true) => {
                format!("never connected to {server}, retrying: {reason} ({START_HINT})")
            }
            (false, false) => format!("{server} does not serve yet, retrying: {reason}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_was_never_there_is_not_lost() {
        let mut outage = Outage::new("http://s");
        // It has no source, as if the server had sent it.
        let refused = Status::unavailable("starting");
        let unreached = Status::from_error(Box::new(std::io::Error::from(
            std::io::ErrorKind::ConnectionRefused,
        )));
        assert_eq!(
            outage.attempt(&unreached).unwrap(),
            "never connected to http://s, retrying: connection refused (is `headcount serve` running?)"
        );
        outage.attempts = 0;
        assert_eq!(
            outage.attempt(&refused).unwrap(),
            "http://s does not serve yet, retrying: starting"
        );
        outage.end();
        assert_eq!(
            outage.attempt(&unreached).unwrap(),
            "LOST http://s, retrying: connection refused"
        );
    }

    #[test]
    fn the_first_attempt_of_an_outage_is_logged_and_then_every_tenth() {
        let mut outage = Outage::new("");
        let status = Status::unavailable("");
        let logged: Vec<u32> = (1..=25)
            .filter(|_| outage.attempt(&status).is_some())
            .collect();
        assert_eq!(logged, [1, 11, 21]);
    }
}
