//! Decides when a checkpoint is written, and when entries are dropped.

use std::{sync::Arc, time::Duration};

use tokio::{
    task,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{CheckpointPolicy, outcome, write};
use crate::{
    checkpoint::Checkpoints,
    domain::Time,
    journal::{Dropped, Journal, Revision, Room, StoreError},
    net::Throttle,
    roster::Roster,
    server::{parts::Parts, upkeep::looks},
};

/// How often old entries are dropped.
const DROP_INTERVAL: Duration = Duration::from_secs(60);

/// A start that finds so many entries after the latest checkpoint writes one at once. Without that
/// a service which ends again and again, sooner than a checkpoint is due, would have more to
/// replay each time. So many are replayed in a moment.
pub(super) const REPLAYED_MAX: u64 = 10_000;

/// How often a journal is looked after that is short of room. A disk takes in some megabytes
/// meanwhile: less than what is left then.
const SHORT_INTERVAL: Duration = Duration::from_millis(50);

/// So many checkpoints make room, if checkpoints do: entries are dropped that the older of the two
/// covers.
const MAKE_ROOM: u32 = 2;

/// After those, the next is written when so many times as long has passed as the last took. Where
/// checkpoints alone take most of the space, none of them makes room, and they must not take all of
/// the processor too.
const REST: u32 = 4;

/// Writes checkpoints and drops old ones until `drain` is cancelled.
pub(in crate::server) fn spawn(parts: &mut Parts, drain: &CancellationToken, mut keeper: Keeper) {
    let drained = drain.clone();
    parts.spawn(async move {
        drained.run_until_cancelled(keeper.keep()).await;
        ("checkpoints", Ok(()))
    });
}

/// Writes a checkpoint when the last is too old or has too many entries after it, and drops what
/// is old. When the journal has little room, it does both at once.
pub(in crate::server) struct Keeper {
    journal: Arc<dyn Journal>,
    checkpoints: Checkpoints,
    roster: Arc<Roster>,
    policy: CheckpointPolicy,
    /// The revision of the latest checkpoint, and of the last that was tried.
    written: Revision,
    tried: Revision,
    is_due: bool,
    began: Instant,
    /// How many checkpoints were written since there was enough room, and when another may be.
    made_room: u32,
    rested: Instant,
    dropped: Instant,
    is_late: bool,
    /// The last checkpoint whose entries were dropped for the lack of another.
    exhausted: Revision,
    early_log: Throttle,
}

impl Keeper {
    /// Of a service that begins now. The first checkpoint is written at once if `is_due`.
    pub(in crate::server) fn new(
        journal: Arc<dyn Journal>,
        checkpoints: Checkpoints,
        roster: Arc<Roster>,
        policy: CheckpointPolicy,
        is_due: bool,
    ) -> Self {
        let latest = checkpoints.store().list().unwrap_or_default();
        let latest = latest.first().copied().unwrap_or(0);
        let replayed = journal.last().saturating_sub(latest);
        Self {
            journal,
            checkpoints,
            roster,
            policy,
            written: latest,
            tried: latest,
            is_due: is_due || replayed >= REPLAYED_MAX,
            began: Instant::now(),
            made_room: 0,
            rested: Instant::now(),
            dropped: Instant::now(),
            is_late: false,
            exhausted: 0,
            early_log: Throttle::default(),
        }
    }

    /// It has no end.
    pub(super) async fn keep(&mut self) {
        let mut looks = looks();
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = self.journal.short_of_room() => {}
            }
            self.look().await;
            while self.is_short() {
                time::sleep(SHORT_INTERVAL).await;
                self.look().await;
            }
            self.made_room = 0;
        }
    }

    async fn look(&mut self) {
        // Also when no checkpoint can be written: it frees space on the disk.
        if self.is_short() || self.dropped.elapsed() >= DROP_INTERVAL {
            self.dropped = Instant::now();
            self.drop_by(Checkpoints::drop_old).await;
        }
        // Nothing that a checkpoint covers can be dropped as long as somebody has a lease.
        let is_short = self.is_short() && !self.checkpoints.is_leased();
        let is_failed = self.is_due(is_short) && !self.write().await;
        let is_all_covered = self.journal.last() <= self.written;
        if is_short
            && (is_failed || is_all_covered)
            && self.journal.room() == Room::None
            && self.exhausted < self.written
        {
            self.exhausted = self.written;
            warn!(
                revision = self.written,
                "no room for entries: all are dropped that the latest checkpoint covers, though it is the only one then that can be started from"
            );
            self.drop_by(Checkpoints::drop_covered).await;
        }
    }

    fn is_short(&self) -> bool {
        self.journal.room() != Room::Enough
    }

    /// Whether a checkpoint is written now, for a journal that is short of room or not.
    fn is_due(&mut self, is_short: bool) -> bool {
        let last = self.journal.last();
        let news = last.saturating_sub(self.tried);
        self.is_due |= news >= self.policy.entries || self.began.elapsed() >= self.policy.interval;
        let is_rested = self.made_room < MAKE_ROOM || Instant::now() >= self.rested;
        let makes_room = is_short && is_rested;
        (self.is_due && news > 0) || (makes_room && last > self.written)
    }

    /// Writes a checkpoint, if a capture can begin. Returns whether none failed.
    async fn write(&mut self) -> bool {
        let Some(capture) = self.roster.begin_capture() else {
            if !self.is_late && self.began.elapsed() >= 2 * self.policy.interval {
                self.is_late = true;
                warn!("no checkpoint can be written: rooms with many users close all the time");
            }
            return true;
        };
        (self.began, self.is_late, self.is_due) = (Instant::now(), false, false);
        // If this fails, the next checkpoint is written when it is due. Until then a start
        // takes longer.
        self.tried = capture.revision();
        let written = write(&self.checkpoints, capture, &self.policy).await;
        self.rested = Instant::now() + REST * self.began.elapsed();
        self.made_room += 1;
        let Some(dropped) = written else {
            return false;
        };
        self.written = self.tried;
        self.log(dropped);
        true
    }

    async fn drop_by(&self, drop: fn(&Checkpoints, Time) -> Result<Dropped, StoreError>) {
        let (checkpoints, keep_from) = (self.checkpoints.clone(), self.policy.keep_from());
        let dropped = task::spawn_blocking(move || drop(&checkpoints, keep_from)).await;
        match outcome(dropped) {
            Ok(dropped) => self.log(dropped),
            Err(reason) => warn!(reason, "cannot drop old checkpoints and entries"),
        }
    }

    fn log(&self, dropped: Dropped) {
        if dropped.early > 0
            && let Some(held_back) = self.early_log.pass(self.policy.clock.now())
        {
            warn!(
                segments = dropped.early,
                held_back,
                "little room: dropped callbacks before journal.retention was over; nothing is lost of who is where, but replay, export and backups lack them"
            );
        }
    }
}

#[cfg(test)]
mod tests;
