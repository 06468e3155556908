//! A roster with its applier, and checkpoints of it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use headcount::{
    checkpoint,
    domain::{AppName, Logins, RoomId, Time, UserId},
    journal::{Entry, Epoch, Follower as _, Revision},
    reconcile::user::UserView,
    reconcile::{Rules, room::RoomView},
    roster::{Applier, Capture, FeedLimits, Image, Limits, Roster},
};

use super::wire::{self, State};
use crate::common::in_process::APP;

pub(crate) const EPOCH: Epoch = Epoch(7);

#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) roster: Arc<Roster>,
    pub(crate) applier: Applier,
}

/// Of a checkpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) revision: Revision,
    pub(crate) records: Vec<Bytes>,
    pub(crate) stats: checkpoint::Stats,
}

/// Limits of history that a few changes, or two minutes, exceed.
pub(crate) fn short() -> Limits {
    Limits {
        feed: FeedLimits {
            changes_max: 5,
            batch_bytes_max: 700,
        },
        history_age_max: Duration::from_secs(120),
        ..Limits::default()
    }
}

impl Replica {
    pub(crate) fn new(limits: &Limits, logins: Logins) -> Self {
        Self::of(&[APP], limits, logins)
    }

    pub(crate) fn of(apps: &[&str], limits: &Limits, logins: Logins) -> Self {
        let apps = apps.iter().map(|app| (AppName::from(*app), logins));
        let (roster, applier) = Roster::new(EPOCH, apps, Rules::default(), limits.clone());
        Self { roster, applier }
    }

    /// A new one that is made of a checkpoint.
    #[track_caller]
    pub(crate) fn restored(records: &[Bytes], limits: &Limits, logins: Logins) -> Self {
        let mut replica = Self::new(limits, logins);
        let image = read(records).unwrap();
        let revision = image.revision();
        replica.applier.install(image);
        assert_eq!(replica.roster.applied(), revision);
        replica
    }

    /// From now on entries are new.
    pub(crate) fn catch_up(&mut self) {
        self.applier.caught_up();
    }

    pub(crate) fn apply(&mut self, revision: Revision, entry: &Entry) {
        self.applier.apply(revision, entry);
    }

    /// A checkpoint, while nothing happens.
    #[track_caller]
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        taken(self.roster.begin_capture().unwrap(), |_| ())
    }

    pub(crate) fn state(&self) -> State {
        wire::state(&self.checkpoint().records)
    }

    pub(crate) fn room(&self, room: &str) -> RoomView {
        self.roster.room(&APP.into(), &RoomId::from(room)).view
    }

    /// The rooms that are listed as open.
    pub(crate) fn open(&self) -> Vec<RoomId> {
        let open = self.roster.open_rooms(&APP.into(), "", None);
        open.map(|(room, _)| room).collect()
    }

    pub(crate) fn user(&self, user: &str) -> UserView {
        self.roster.user(&APP.into(), &UserId::from(user)).1
    }

    /// When something is next to be forgotten, in milliseconds; 0 if nothing is.
    pub(crate) fn due_at(&self) -> u64 {
        let is_due = |at: u64| self.roster.is_tick_due(Time::from_millis(at).unwrap());
        if !is_due(u64::MAX) {
            return 0;
        }
        let (mut early, mut due) = (0, u64::MAX);
        while due - early > 1 {
            let middle = early + (due - early) / 2;
            *(if is_due(middle) { &mut due } else { &mut early }) = middle;
        }
        due
    }
}

/// Writes a capture out, and lets something happen after each record.
pub(crate) fn taken(capture: Capture, mut meanwhile: impl FnMut(usize)) -> Checkpoint {
    let revision = capture.revision();
    let mut records = Vec::new();
    let stats = checkpoint::write(capture, &mut |record| {
        records.push(record);
        meanwhile(records.len());
        Ok(())
    });
    Checkpoint {
        revision,
        records,
        stats: stats.unwrap(),
    }
}

pub(crate) fn read(records: &[Bytes]) -> Result<Image, checkpoint::ReadError> {
    let records = records.iter().cloned().map(Ok::<_, Infallible>);
    checkpoint::read(EPOCH, records)
}
