//! Turns of callbacks with long bodies.
//!
//! A body can list tens of thousands of users. Decoded they take thirty times its bytes, and to
//! apply them takes the one writer tens of milliseconds. So only a few bytes of such bodies are
//! decoded, journalled and applied at once: what others send passes between them. What
//! vendors send of one user is short, and takes no turn.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answers::{Reason, Refused};

/// The most bytes of a body that takes no turn. A few hundred users fit.
const SHORT_BYTES: usize = 2 * 1024;

/// The most bytes of long bodies that are in work at once, or one longer body.
const AT_ONCE_BYTES: usize = 64 * 1024;

/// The most bytes of long bodies that wait for their turn: a second of work or two. A vendor sends
/// again later what is more.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Who of the long bodies is in work, and who waits.
#[derive(Debug)]
pub(super) struct Turns {
    at_once: Arc<Semaphore>,
    waiting: Semaphore,
}

/// A body's turn. It ends when this is dropped.
pub(super) type Turn = Option<OwnedSemaphorePermit>;

impl Default for Turns {
    fn default() -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(AT_ONCE_BYTES)),
            waiting: Semaphore::new(WAITING_BYTES_MAX),
        }
    }
}

impl Turns {
    /// Waits until a body of so many bytes may be worked on.
    ///
    /// # Errors
    /// When too much waits already.
    pub(super) async fn take(&self, bytes: usize) -> Result<Turn, Refused> {
        if bytes <= SHORT_BYTES {
            return Ok(None);
        }
        let overloaded = || Reason::Overloaded.because("too many long callbacks at once");
        let share = |most: usize| u32::try_from(bytes.min(most)).unwrap_or(u32::MAX);
        let _waiting = self
            .waiting
            .try_acquire_many(share(WAITING_BYTES_MAX))
            .map_err(|_| overloaded())?;
        let turn = Arc::clone(&self.at_once)
            .acquire_many_owned(share(AT_ONCE_BYTES))
            .await;
        // They are never closed.
        turn.map(Some).map_err(|_| overloaded())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn short_bodies_pass_long_ones_which_take_turns() {
        let turns = Turns::default();
        let first = turns.take(10 * AT_ONCE_BYTES).now_or_never().unwrap();
        let mut second = pin!(turns.take(SHORT_BYTES + 1));
        assert!(second.as_mut().now_or_never().is_none());
        let short = turns.take(SHORT_BYTES).now_or_never().unwrap();
        assert!(short.unwrap().is_none());
        drop(first);
        assert!(second.now_or_never().unwrap().unwrap().is_some());
    }

    #[test]
    fn what_waits_is_bounded() {
        let turns = Turns::default();
        let _first = turns.take(AT_ONCE_BYTES).now_or_never().unwrap();
        let mut waits: Vec<_> = (0..WAITING_BYTES_MAX / AT_ONCE_BYTES)
            .map(|_| Box::pin(turns.take(AT_ONCE_BYTES)))
            .collect();
        for wait in &mut waits {
            assert!(wait.now_or_never().is_none());
        }
        let refused = turns.take(AT_ONCE_BYTES).now_or_never().unwrap();
        assert_eq!(refused.unwrap_err().reason, Reason::Overloaded);
        waits.pop();
        assert!(turns.take(AT_ONCE_BYTES).now_or_never().is_none());
    }
}
