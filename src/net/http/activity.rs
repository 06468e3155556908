//! What one connection is doing, and how long it may go on with it.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::meter::Meter;

/// The first bytes of an HTTP/2 connection (RFC 9113, section 3.4). No request of HTTP/1.1
/// begins with them.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// How long a connection may take to close once it was told to.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// How long a connection may be without a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// Not doing anything.
    pub(super) idle: Duration,
    /// With a request whose head has begun to arrive.
    pub(super) head: Duration,
}

/// What one connection is doing. Its requests may run on other threads.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    requests: usize,
    /// When the last request ended, or the connection began.
    quiet_since: Instant,
    /// When the first bytes of the request that is arriving came. Only for HTTP/1.1: HTTP/2
    /// has frames that belong to no request.
    head_since: Option<Instant>,
    /// When the connection was told to close.
    closing_since: Option<Instant>,
    /// Whether something of a request's body is not going to be read.
    has_unread: bool,
    protocol: Protocol,
    meter: Meter,
}

#[derive(Clone, Copy, Debug)]
enum Protocol {
    /// So many bytes of the preface of HTTP/2 have come, and nothing else.
    Preface(usize),
    Http1,
    Http2,
}

/// A request that is being worked on, until it is dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    state: Arc<Mutex<State>>,
}

// === impl Activity ===

impl Activity {
    /// The activity of a connection that begins now.
    pub(super) fn new() -> Self {
        let state = State {
            requests: 0,
            quiet_since: Instant::now(),
            head_since: None,
            closing_since: None,
            has_unread: false,
            protocol: Protocol::Preface(0),
            meter: Meter::new(Instant::now()),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Notes that bytes came.
    pub(super) fn read(&self, bytes: &[u8]) {
        let state = &mut *self.state.lock();
        state.protocol = state.protocol.after(bytes);
        let is_http2 = matches!(state.protocol, Protocol::Http2);
        if is_http2 {
            state.meter.charge(bytes.len(), Instant::now());
        }
        let is_head = state.requests == 0 && !is_http2;
        if !is_head {
            state.head_since = None;
        } else if state.head_since.is_none() && !bytes.is_empty() {
            state.head_since = Some(Instant::now());
        }
    }

    /// Notes that a request's head is complete.
    pub(super) fn begin(&self) -> InFlight {
        let mut state = self.state.lock();
        state.requests += 1;
        state.head_since = None;
        state.meter.earn_request();
        InFlight {
            state: Arc::clone(&self.state),
        }
    }

    /// Notes that so many bytes of a request's body were used.
    pub(super) fn use_body(&self, bytes: usize) {
        self.state.lock().meter.earn_body(bytes);
    }

    /// Until when nothing is to be read, if the client has sent too much beside requests.
    /// `sent` is what was sent to it since this was asked before.
    pub(super) fn paused_until(&self, sent: usize) -> Option<Instant> {
        let mut state = self.state.lock();
        state.meter.earn_sent(sent);
        state.meter.in_debt_until(Instant::now())
    }

    /// Notes that the connection is told to close.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closing_since.get_or_insert_with(Instant::now);
    }

    /// Notes that the rest of a request's body is not going to be read. The connection closes
    /// by itself when the request is answered.
    pub(super) fn leave_unread(&self) {
        self.state.lock().has_unread = true;
        self.close();
    }

    pub(super) fn has_unread(&self) -> bool {
        self.state.lock().has_unread
    }

    /// Whether a request's head has begun to arrive and is not complete.
    pub(super) fn is_in_head(&self) -> bool {
        let state = self.state.lock();
        state.head_since.is_some() && state.closing_since.is_none()
    }

    /// When the connection has to be told to close, or to be cut off if it was told to, unless
    /// its activity changes before that.
    pub(super) fn due(&self, timeouts: Timeouts) -> Instant {
        let state = self.state.lock();
        // A request in work has limits of its own. While there is one, this moves on with the
        // clock, so the caller asks again before the time is up.
        let quiet_since = match state.requests {
            0 => state.quiet_since,
            _ => Instant::now(),
        };
        if let Some(closing_since) = state.closing_since {
            return closing_since.max(quiet_since) + CLOSE_GRACE;
        }
        let idle = quiet_since + timeouts.idle;
        match state.head_since {
            Some(since) => idle.min(since + timeouts.head),
            None => idle,
        }
    }
}

// === impl Protocol ===

impl Protocol {
    fn after(self, bytes: &[u8]) -> Self {
        let Self::Preface(seen) = self else {
            return self;
        };
        let left = &HTTP2_PREFACE[seen..];
        let (come, wanted) = match bytes.get(..left.len()) {
            Some(come) => (come, left),
            None => (bytes, &left[..bytes.len()]),
        };
        if come != wanted {
            Self::Http1
        } else if wanted.len() == left.len() {
            Self::Http2
        } else {
            Self::Preface(seen + wanted.len())
        }
    }
}

// === impl InFlight ===

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        state.requests -= 1;
        state.quiet_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        idle: Duration::from_secs(60),
        head: Duration::from_secs(10),
    };

    fn left(activity: &Activity) -> u64 {
        (activity.due(TIMEOUTS) - Instant::now()).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_work_is_not_idleness() {
        let activity = Activity::new();
        advance(Duration::from_secs(50)).await;
        assert_eq!(left(&activity), 10);
        let request = activity.begin();
        advance(Duration::from_secs(100)).await;
        assert_eq!(left(&activity), 60);
        drop(request);
        advance(Duration::from_secs(1)).await;
        assert_eq!(left(&activity), 59);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_due_from_its_first_byte_and_dribbling_does_not_help() {
        let activity = Activity::new();
        for byte in *b"POST" {
            activity.read(&[byte]);
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(left(&activity), 6);
        drop(activity.begin());
        assert_eq!(left(&activity), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn frames_of_http2_are_no_head() {
        let activity = Activity::new();
        activity.read(b"PRI * HT");
        assert_eq!(left(&activity), 10);
        activity.read(b"TP/2.0\r\n\r\nSM\r\n\r\n");
        activity.read(b"frame");
        assert_eq!(left(&activity), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_has_a_grace_that_waits_for_requests() {
        let activity = Activity::new();
        let request = activity.begin();
        activity.close();
        advance(Duration::from_secs(5)).await;
        assert_eq!(left(&activity), 1);
        drop(request);
        advance(Duration::from_millis(500)).await;
        assert_eq!(left(&activity), 0);
    }
}
