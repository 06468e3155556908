//! `headcount journal inspect`: what a data folder holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io::Write,
    ops::ControlFlow,
    path::PathBuf,
    process::ExitCode,
};

use super::{
    JournalError, RulesArgs, inspect_text, open,
    report::{Callbacks, Checkpoint, Gap, Report, Segment},
    rfc3339,
    roster_replay::{self, RosterSetup},
    store, write_json,
};
use crate::{
    checkpoint::DiskCheckpoints,
    cli::CliError,
    config::Config,
    domain::{AppName, Outcome, Time},
    journal::{Archive, DataFolder, Entry, Losses, Payload, Revision, StoreError},
    providers::Registry,
    roster::Roster,
};

pub(super) const HELP: &str = "\
Callbacks are counted by the outcome of today's decoder: accepted, ignored because it has
no use for them, or undecodable.

Missing callbacks are those that the vendor's numbers show to be missing in rooms that
are still remembered where the journal ends: history is replayed to find out, from its
beginning, or from the oldest checkpoint if the beginning is gone. Tencent and ZIM do
not number their callbacks, so it is unknown how many of theirs are missing.

Exit codes: 0 when the folder is whole, 1 when it is damaged or cannot be read.";

/// Which folder to inspect.
#[derive(Clone, Debug, clap::Args)]
pub struct InspectArgs {
    /// The data folder: that of the configuration file, or `data`, without it.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The apps and rules to replay with.
    #[command(flatten)]
    pub rules: RulesArgs,
    /// Print JSON: one object, its numbers as numbers.
    #[arg(long)]
    pub json: bool,
}

/// What is found in the entries.
#[derive(Debug, Default)]
struct Census {
    entries: u64,
    ticks: u64,
    last: Option<Revision>,
    /// The revision after the last, if the journal could be read to its end.
    end: Option<Revision>,
    received: Option<(Time, Time)>,
    /// Accepted, ignored and undecodable.
    callbacks: BTreeMap<(AppName, &'static str), [u64; 3]>,
}

/// Prints what a folder holds.
pub(super) fn inspect(
    args: InspectArgs,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    mut out: impl Write,
) -> Result<ExitCode, CliError> {
    let config = args.rules.read(env)?;
    let archive = open(args.folder, config.as_ref())?;
    let report = look(&archive, config.as_ref())?;
    match args.json {
        true => write_json(&mut out, &report)?,
        false => inspect_text::write(&mut out, &report)?,
    }
    out.flush()?;
    match report.damage.len() {
        0 => Ok(ExitCode::SUCCESS),
        count => Err(JournalError::Damaged {
            folder: archive.folder().path().to_owned(),
            count,
        }
        .into()),
    }
}

fn look(archive: &Archive, config: Option<&Config>) -> Result<Report, JournalError> {
    let segments = archive.segments().map_err(store(archive))?;
    let files = DiskCheckpoints::files(archive.folder()).map_err(store(archive))?;
    let mut report = Report {
        folder: archive.folder().path().display().to_string(),
        format: DataFolder::FORMAT,
        epoch: format!("{:016x}", archive.folder().epoch().0),
        bytes: archive.folder().bytes().map_err(store(archive))?,
        segments: segments.into_iter().map(Segment::from).collect(),
        ..Report::default()
    };
    let mut apps = BTreeSet::new();
    for file in files {
        let image = roster_replay::load(archive, file.revision);
        let problem = match image {
            Ok(image) => {
                apps.extend(image.apps().cloned());
                None
            }
            Err(reason) => Some(reason),
        };
        let named = |reason: &String| format!("checkpoint {}: {reason}", file.name);
        report.damage.extend(problem.as_ref().map(named));
        report.checkpoints.push(Checkpoint::new(file, problem));
    }
    let census = Census::take(archive, &report.segments, &mut report.damage);
    apps.extend(census.callbacks.keys().map(|(app, _)| app.clone()));
    let end = census.end.unwrap_or(Revision::MAX);
    let checkpoints = report.checkpoints.iter().map(|file| file.revision);
    if let Some(after) = checkpoints.max().filter(|after| *after >= end) {
        report.damage.push(StoreError::Lost { after }.to_string());
    }
    census.report(archive.first(), &mut report);
    let setup = config.map_or_else(|| RosterSetup::of_apps(apps), RosterSetup::configured);
    match gaps(archive, &setup, &report.callbacks) {
        Ok((gaps, left_out)) => (report.gaps, report.left_out) = (gaps, left_out),
        Err(error) => {
            report.gaps_unknown = Some(error.to_string());
            // If there is damage, it is the cause of this error, and is in the list already.
            if report.damage.is_empty() {
                report.damage.push(error.to_string());
            }
        }
    }
    Ok(report)
}

// === impl Census ===

impl Census {
    /// Goes through all entries that can be read, and notes what is damaged. Where something
    /// else is wrong with a segment, it goes on with the next.
    fn take(archive: &Archive, segments: &[Segment], damage: &mut Vec<String>) -> Self {
        let mut census = Self::default();
        let mut after = archive.first() - 1;
        loop {
            let mut last = after;
            let mut losses = Losses::default();
            let read = archive.salvage(after, &mut losses, &mut |revision, entry| {
                last = revision;
                census.count(revision, &entry);
                ControlFlow::Continue(())
            });
            damage.extend(losses.lost.iter().map(ToString::to_string));
            if losses.lost.is_empty() {
                let whole =
                    |file| format!("{file} is damaged, and nothing is lost but what was accepted");
                damage.extend(losses.damaged.iter().map(whole));
            }
            match read {
                Ok(end) => {
                    census.end = Some(end);
                    return census;
                }
                Err(error) => damage.push(error.to_string()),
            }
            // The damaged segment is the one that has the next entry.
            let mut following = segments.iter().map(|segment| segment.first_revision);
            match following.find(|first| *first > last + 1) {
                Some(first) => after = first - 1,
                None => return census,
            }
        }
    }

    fn count(&mut self, revision: Revision, entry: &Entry) {
        let at = entry.received_at;
        self.entries += 1;
        self.last = Some(revision);
        self.received = Some(match self.received {
            Some((earliest, latest)) => (earliest.min(at), latest.max(at)),
            None => (at, at),
        });
        let Payload::Callback(callback) = &entry.payload else {
            self.ticks += 1;
            return;
        };
        let key = (callback.app.clone(), callback.product.as_str());
        let outcomes = self.callbacks.entry(key).or_default();
        outcomes[match callback.decoded.outcome() {
            Outcome::Ignored => 1,
            Outcome::Undecodable => 2,
            _ => 0,
        }] += 1;
    }

    fn report(self, first: Revision, report: &mut Report) {
        report.first_revision = self.last.map(|_| first);
        report.last_revision = self.last;
        report.entries = self.entries;
        report.ticks = self.ticks;
        report.first_received_at = self.received.map(|(earliest, _)| rfc3339(earliest));
        report.last_received_at = self.received.map(|(_, latest)| rfc3339(latest));
        let callbacks = self.callbacks.into_iter();
        let callbacks =
            callbacks.map(
                |((app, product), [accepted, ignored, undecodable])| Callbacks {
                    app: app.as_str().to_owned(),
                    product,
                    accepted,
                    ignored,
                    undecodable,
                },
            );
        report.callbacks = callbacks.collect();
    }
}

/// What is missing where the journal ends, and how many callbacks are of apps that
/// are not configured.
fn gaps(
    archive: &Archive,
    setup: &RosterSetup,
    callbacks: &[Callbacks],
) -> Result<(Vec<Gap>, u64), JournalError> {
    let mut run = setup.begin(archive.folder().epoch(), roster_replay::base(archive)?);
    run.go(archive, None)?;
    let apps: BTreeSet<&AppName> = run.roster.apps().collect();
    let mut gaps = Vec::new();
    let vendors = Registry::standard();
    let is_numbered =
        |product: &str| (vendors.product(product)).is_some_and(|product| product.is_numbered);
    for app in apps {
        let (rooms, missing_callbacks) = missing(&run.roster, app);
        let of_app = callbacks.iter().filter(|row| row.app == app.as_str());
        let mut products: BTreeSet<_> = of_app.map(|row| row.product).collect();
        if rooms > 0 && !products.iter().any(|product| is_numbered(product)) {
            // The entries of its callbacks may be dropped, but the checkpoint has the room.
            let numbered = vendors
                .products()
                .filter(|(_, product)| product.is_numbered);
            products.extend(numbered.map(|(_, product)| product.name.as_str()).next());
        }
        gaps.extend(products.into_iter().map(|product| {
            let is_numbered = is_numbered(product);
            Gap {
                app: app.as_str().to_owned(),
                product,
                numbered: is_numbered,
                rooms: is_numbered.then_some(rooms),
                missing_callbacks: is_numbered.then_some(missing_callbacks),
            }
        }));
    }
    Ok((gaps, run.left_out))
}

/// The rooms of an app that miss callbacks, and how many they miss together.
fn missing(roster: &Roster, app: &AppName) -> (u64, u64) {
    let rooms = roster.known_rooms(app);
    let missing = rooms
        .iter()
        .map(|room| roster.room(app, room).view.summary.missing_callbacks);
    missing
        .filter(|missing| *missing > 0)
        .fold((0, 0), |(rooms, sum): (u64, u64), missing| {
            (rooms + 1, sum.saturating_add(missing))
        })
}
