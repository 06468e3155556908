//! Replays the entries of a data folder to a roster.

use std::{collections::BTreeSet, io, ops::ControlFlow, sync::Arc, thread, time::Duration};

use super::{JournalError, store};
use crate::{
    checkpoint::{self, CheckpointStore as _, DiskCheckpoints, RecordSink},
    config::Config,
    domain::{AppName, Logins},
    journal::{Archive, Epoch, Follower as _, Payload, Revision},
    reconcile::Rules,
    roster::{Applier, Image, Limits, Roster},
    server,
};

/// How long to wait for users to be told of a close, before looking again.
const SETTLE_INTERVAL: Duration = Duration::from_millis(1);

/// The apps, rules and limits that a roster is made with.
#[derive(Clone, Debug)]
pub(super) struct RosterSetup {
    apps: Vec<(AppName, Logins)>,
    rules: Rules,
    limits: Limits,
}

/// A roster that entries are replayed to, and the last of them.
#[derive(Debug)]
pub(super) struct RosterReplay {
    pub(super) roster: Arc<Roster>,
    applier: Applier,
    /// The last revision applied.
    pub(super) at: Revision,
    /// Callbacks of apps that the roster does not have.
    pub(super) left_out: u64,
}

impl RosterSetup {
    /// As a configuration says.
    pub(super) fn configured(config: &Config) -> Self {
        Self {
            apps: server::apps(config).collect(),
            rules: server::rules(config),
            limits: server::limits(config),
        }
    }

    /// The default rules, and these apps.
    pub(super) fn of_apps(apps: impl IntoIterator<Item = AppName>) -> Self {
        let apps = apps.into_iter().map(|app| (app, Logins::Concurrent));
        Self {
            apps: apps.collect(),
            rules: Rules::default(),
            limits: Limits::default(),
        }
    }

    /// An empty roster, or that of a checkpoint.
    pub(super) fn begin(&self, epoch: Epoch, image: Option<Image>) -> RosterReplay {
        let (apps, rules, limits) = (&self.apps, &self.rules, &self.limits);
        let (roster, mut applier) =
            Roster::new(epoch, apps.iter().cloned(), rules.clone(), limits.clone());
        let at = image.as_ref().map_or(0, Image::revision);
        if let Some(mut image) = image {
            image.forget_chain();
            applier.install(image);
        }
        RosterReplay {
            roster,
            applier,
            at,
            left_out: 0,
        }
    }
}

impl RosterReplay {
    /// Applies the entries from where it is through `until`, or to the last.
    pub(super) fn go(
        &mut self,
        archive: &Archive,
        until: Option<Revision>,
    ) -> Result<(), JournalError> {
        let until = until.unwrap_or(Revision::MAX);
        if self.at >= until {
            return Ok(());
        }
        let apps: BTreeSet<AppName> = self.roster.apps().cloned().collect();
        let read = archive.read(self.at, &mut |revision, entry| {
            if let Payload::Callback(callback) = &entry.payload
                && !apps.contains(&callback.app)
            {
                self.left_out += 1;
            }
            self.applier.apply(revision, &entry);
            self.at = revision;
            match revision < until {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        read.map_err(store(archive))?;
        Ok(())
    }

    /// Hands the records of a checkpoint of the roster to `sink`.
    pub(super) fn capture(&self, sink: RecordSink<'_>) -> io::Result<()> {
        loop {
            if let Some(capture) = self.roster.begin_capture() {
                return checkpoint::write(capture, sink).map(|_| ());
            }
            thread::sleep(SETTLE_INTERVAL);
        }
    }
}

/// Reads a checkpoint; why it does not load, if it does not.
pub(super) fn load(archive: &Archive, revision: Revision) -> Result<Image, String> {
    let records = DiskCheckpoints::new(archive.folder()).read(revision);
    let records = records.map_err(|error| error.to_string())?;
    let is_known = |epoch| archive.folder().has_had(epoch);
    checkpoint::read_of(is_known, records).map_err(|error| error.to_string())
}

/// The checkpoint to begin a replay from: `None` if all entries are kept, else the oldest
/// checkpoint that loads and that the entries go on from.
pub(super) fn base(archive: &Archive) -> Result<Option<Image>, JournalError> {
    let first = archive.first();
    if first == 1 {
        return Ok(None);
    }
    let checkpoints = DiskCheckpoints::files(archive.folder()).map_err(store(archive))?;
    let fitting = checkpoints.iter().map(|file| file.revision);
    let mut fitting = fitting.filter(|revision| revision + 1 >= first);
    let image = fitting.find_map(|revision| load(archive, revision).ok());
    let no_start = || JournalError::NoStart {
        folder: archive.folder().path().to_owned(),
        first,
    };
    image.map(Some).ok_or_else(no_start)
}

/// The apps that occur in a folder, for a replay without a configuration.
pub(super) fn apps_of(archive: &Archive) -> Result<BTreeSet<AppName>, JournalError> {
    let mut apps = BTreeSet::new();
    let read = archive.read(archive.first() - 1, &mut |_, entry| {
        if let Payload::Callback(callback) = &entry.payload
            && !apps.contains(&callback.app)
        {
            apps.insert(callback.app.clone());
        }
        ControlFlow::Continue(())
    });
    read.map_err(store(archive))?;
    for file in DiskCheckpoints::files(archive.folder()).map_err(store(archive))? {
        if let Ok(image) = load(archive, file.revision) {
            apps.extend(image.apps().cloned());
        }
    }
    Ok(apps)
}
