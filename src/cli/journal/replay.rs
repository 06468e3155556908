//! `headcount journal replay`: decodes and applies all entries again, with today's code.

use std::{ffi::OsString, io::Write, ops::ControlFlow, path::PathBuf, process::ExitCode};

use super::{
    JournalError, RulesArgs,
    compare::Differences,
    open, replay_text,
    replayed::{Replayed, WrittenFolder},
    roster_replay::{self, RosterReplay, RosterSetup},
    store, write_json,
};
use crate::{
    checkpoint::{CheckpointStore as _, DiskCheckpoints, RecordSink},
    cli::CliError,
    config::Config,
    journal::{Archive, Draft, Revision, StoreError},
    roster::Image,
};

pub(super) const HELP: &str = "\
Every callback is decoded again as it was received, and applied by today's rules: from
the beginning, or from the oldest checkpoint that loads if the beginning is gone. Who is
present then is compared with the newest checkpoint that loads. A difference comes from
another decoder, rule or configuration. A checkpoint keeps evidence, not who was present: it is read by today's rules as well, as by a server that
starts now. So what a start changes by itself, such as `multi_login`, is no difference.

With --into, all entries that are kept are written to a new folder under their
revisions, with a checkpoint of what they add up to now:

    headcount serve --config FILE --data NEW_DIR

goes on from there. The new folder has an epoch of its own, because its
rooms and users may differ at the same revisions from what watchers have seen: clients that resume get a
fresh snapshot with the reason EPOCH_CHANGED. The old folder stays as it is.

Exit codes: 0 when nothing differs, 1 when anything does or it failed. With --into: 0
when the new folder is written, whatever differs.";

/// Which history to replay.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// The data folder: that of the configuration file, or `data`, without it.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Write the entries and the resulting checkpoint to this folder, which must not exist or be empty.
    #[arg(long, value_name = "NEW_DIR")]
    pub into: Option<PathBuf>,
    /// The apps and rules to replay with.
    #[command(flatten)]
    pub rules: RulesArgs,
    /// Print JSON: one object, its numbers as numbers.
    #[arg(long)]
    pub json: bool,
}

/// Replays, and prints the differences.
pub(super) fn replay(
    args: ReplayArgs,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    mut out: impl Write,
) -> Result<ExitCode, CliError> {
    let config = args.rules.read(env)?;
    let archive = open(args.folder, config.as_ref())?;
    let draft = match &args.into {
        Some(path) => Some(Draft::create(path, archive.first() - 1).map_err(JournalError::from)?),
        None => None,
    };
    let is_written = draft.is_some();
    let replayed = run(&archive, config.as_ref(), draft)?;
    match args.json {
        true => write_json(&mut out, &replayed)?,
        false => replay_text::write(&mut out, &replayed)?,
    }
    out.flush()?;
    Ok(match replayed.differences.is_empty() || is_written {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn run(
    archive: &Archive,
    config: Option<&Config>,
    draft: Option<Draft>,
) -> Result<Replayed, JournalError> {
    let setup = match config {
        Some(config) => RosterSetup::configured(config),
        None => RosterSetup::of_apps(roster_replay::apps_of(archive)?),
    };
    let epoch = draft
        .as_ref()
        .map_or(archive.folder().epoch(), |draft| draft.folder().epoch());
    let mut run = setup.begin(epoch, roster_replay::base(archive)?);
    let mut replayed = Replayed {
        after: run.at,
        ..Replayed::default()
    };
    if let Some(draft) = draft.as_ref().filter(|_| run.at > 0) {
        // The checkpoint that the new folder begins at, so that it can be replayed too.
        save(draft, &run)?;
    }
    if let Some(newest) = newest(archive, run.at)? {
        let revision = newest.revision();
        run.go(archive, Some(revision))?;
        if run.at < revision {
            return Err(store(archive)(StoreError::Lost { after: revision }));
        }
        let recorded = setup.begin(archive.folder().epoch(), Some(newest));
        replayed.compared_with = Some(revision);
        replayed.differences = Differences::between(&recorded.roster, &run.roster);
    }
    if draft.is_some() || replayed.compared_with.is_none() {
        run.go(archive, None)?;
    }
    replayed.note(&run);
    if let Some(draft) = draft {
        replayed.written = Some(write(archive, draft, &run)?);
    }
    Ok(replayed)
}

/// The newest checkpoint that loads, of those after a revision.
fn newest(archive: &Archive, after: Revision) -> Result<Option<Image>, JournalError> {
    let checkpoints = DiskCheckpoints::files(archive.folder()).map_err(store(archive))?;
    let newest_first = checkpoints.iter().rev().map(|file| file.revision);
    for revision in newest_first.take_while(|revision| *revision > after) {
        match roster_replay::load(archive, revision) {
            Ok(image) => return Ok(Some(image)),
            Err(reason) => tracing::warn!(revision, reason, "the checkpoint does not load"),
        }
    }
    Ok(None)
}

/// Writes all entries of a folder to another, and a checkpoint of what they add up to.
fn write(
    archive: &Archive,
    mut draft: Draft,
    run: &RosterReplay,
) -> Result<WrittenFolder, JournalError> {
    let (mut pushed, mut next) = (Ok(()), archive.first());
    let read = archive.read(archive.first() - 1, &mut |revision, entry| {
        if revision != next {
            return ControlFlow::Break(());
        }
        next += 1;
        pushed = draft.push(entry);
        match pushed {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    let end = read.map_err(store(archive))?;
    if pushed.is_ok() && next < end {
        return Err(JournalError::Gap {
            folder: archive.folder().path().to_owned(),
            first: next,
        });
    }
    let failed = failed(&draft);
    pushed.map_err(&failed)?;
    save(&draft, run)?;
    let (folder, epoch) = (draft.folder().path(), draft.folder().epoch());
    let folder = folder.display().to_string();
    Ok(WrittenFolder {
        folder,
        epoch: format!("{:016x}", epoch.0),
        first_revision: archive.first(),
        last_revision: draft.finish().map_err(failed)?,
    })
}

fn save(draft: &Draft, run: &RosterReplay) -> Result<(), JournalError> {
    let records = Box::new(|sink: RecordSink<'_>| run.capture(sink));
    let saved = DiskCheckpoints::new(draft.folder()).write(run.at, records);
    saved.map_err(failed(draft))
}

/// Says that an error is of the new folder.
fn failed(draft: &Draft) -> impl Fn(StoreError) -> JournalError + use<> {
    let folder = draft.folder().path().to_owned();
    move |source| JournalError::Store {
        folder: folder.clone(),
        source,
    }
}

impl Replayed {
    /// Notes what it gives.
    fn note(&mut self, run: &RosterReplay) {
        let roster = &run.roster;
        (self.through, self.left_out) = (run.at, run.left_out);
        for app in roster.apps() {
            for (_, summary) in roster.open_rooms(app, "", None) {
                self.open_rooms += 1;
                self.users_in_rooms += summary.user_count as u64;
            }
            let users = roster.known_users(app).into_iter();
            let online = users.filter(|user| !roster.user(app, user).1.devices.is_empty());
            self.users_online += online.count() as u64;
        }
    }
}
