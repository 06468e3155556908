//! Where a watch begins.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::{sync::Semaphore, time};
use tonic::Status;

use crate::{
    grpc::messages::token::ResumeToken,
    journal::{ChainHash, Revision},
    roster::{ChainLink, Roster, SnapshotReason, Start},
};

use super::Presence;

/// How long a call waits if its resume token is ahead of this server. A replica that follows
/// the same journal is usually behind by milliseconds.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// How far a resume token may be ahead of this server if the call is to wait: as many entries
/// as no server applies within [`CATCH_UP_TIMEOUT`]. A call whose token is further ahead is
/// answered at once.
const REVISIONS_AHEAD_MAX: Revision = 2_000_000;

/// How many calls wait for revisions at once. The writer wakes those that wait for the same
/// revision together, which takes about a millisecond for so many.
const CATCH_UPS_MAX: usize = 4096;

/// The calls that wait for a revision to be applied.
#[derive(Debug)]
pub(super) struct CatchUps {
    places: Semaphore,
    refused: Counter,
}

impl CatchUps {
    /// Counts in `refused` the calls that were refused because too many waited.
    pub(super) fn new(refused: Counter) -> Self {
        Self {
            places: Semaphore::new(CATCH_UPS_MAX),
            refused,
        }
    }

    /// Waits until a roster has applied a revision.
    ///
    /// # Errors
    /// `UNAVAILABLE` if it does not happen in time, or too many calls wait.
    async fn reach(&self, roster: &Roster, revision: Revision) -> Result<(), Status> {
        let ahead = revision.saturating_sub(roster.applied());
        if ahead == 0 {
            return Ok(());
        }
        let behind = || Status::unavailable("resume_token is ahead of this server: try again");
        if ahead > REVISIONS_AHEAD_MAX {
            return Err(behind());
        }
        let _place = self.places.try_acquire().map_err(|_| {
            self.refused.inc();
            Status::unavailable("too many calls wait for a revision: try again")
        })?;
        let reached = time::timeout(CATCH_UP_TIMEOUT, roster.reached(revision)).await;
        reached.map_err(|_| behind())
    }
}

impl Presence {
    /// Where a watch begins: after its resume token. Waits until this server has applied the
    /// revision of the token.
    pub(super) async fn start(&self, token: Option<ResumeToken>) -> Result<Start, Status> {
        let Some(token) = token else {
            return Ok(Start::Snapshot(SnapshotReason::Initial));
        };
        if let Some(reason) = self.outdated(token) {
            return Ok(Start::Snapshot(reason));
        }
        self.catch_ups.reach(&self.roster, token.revision).await?;
        Ok(Start::After(token.revision))
    }

    /// Why a watch cannot go on where a token says, if that is known now.
    fn outdated(&self, token: ResumeToken) -> Option<SnapshotReason> {
        if token.epoch != self.roster.epoch() {
            return Some(SnapshotReason::EpochChanged);
        }
        match self.roster.chain(token.revision) {
            ChainLink::Known(chain) if chain == token.chain => None,
            // The journal went back: what the client saw was lost, and after that the journal
            // held other entries, or holds none yet.
            ChainLink::Known(_) | ChainLink::Ahead => Some(SnapshotReason::EpochChanged),
            ChainLink::Forgotten => Some(SnapshotReason::ResumeExpired),
            ChainLink::Unchained if token.chain == ChainHash::NONE => None,
            ChainLink::Unchained => Some(SnapshotReason::EpochChanged),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio_test::{assert_pending, task};
    use tonic::Code;

    use super::*;
    use crate::{domain::Logins, journal::Epoch, reconcile::Rules, roster::Limits};

    fn roster() -> std::sync::Arc<Roster> {
        let apps = [("arena".into(), Logins::Exclusive)];
        Roster::new(Epoch(1), apps, Rules::default(), Limits::default()).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_revision_that_does_not_come_is_waited_for_and_one_far_ahead_is_not() {
        let (roster, catch_ups) = (roster(), CatchUps::new(Counter::default()));
        assert!(catch_ups.reach(&roster, 0).now_or_never().unwrap().is_ok());
        let began = time::Instant::now();
        let status = catch_ups
            .reach(&roster, REVISIONS_AHEAD_MAX)
            .await
            .unwrap_err();
        assert_eq!(
            (status.code(), began.elapsed()),
            (Code::Unavailable, CATCH_UP_TIMEOUT)
        );
        for far in [REVISIONS_AHEAD_MAX + 1, Revision::MAX] {
            let status = catch_ups
                .reach(&roster, far)
                .now_or_never()
                .unwrap()
                .unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
        }
        assert_eq!(catch_ups.refused.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_calls_wait() {
        let (roster, catch_ups) = (roster(), CatchUps::new(Counter::default()));
        let waiters = (0..CATCH_UPS_MAX).map(|_| {
            let mut waiter = task::spawn(catch_ups.reach(&roster, 1));
            assert_pending!(waiter.poll());
            waiter
        });
        let mut waiters: Vec<_> = waiters.collect();
        let status = catch_ups
            .reach(&roster, 1)
            .now_or_never()
            .unwrap()
            .unwrap_err();
        assert_eq!(
            (status.code(), catch_ups.refused.get()),
            (Code::Unavailable, 1)
        );
        waiters.pop();
        assert_pending!(task::spawn(catch_ups.reach(&roster, 1)).poll());
        assert_eq!(catch_ups.refused.get(), 1);
    }
}
