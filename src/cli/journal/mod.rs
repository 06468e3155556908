//! `headcount journal`: what a data folder holds, and how today's code understands it.

mod backup;
mod compare;
mod export;
mod inspect;
mod inspect_text;
mod replay;
mod replay_text;
mod replayed;
mod report;
mod roster_replay;

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use prost_types::Timestamp;
use serde::Serialize;

use super::{CliError, ServeArgs};
use crate::{
    config::{Config, ConfigError, JournalConfig},
    control::AskError,
    domain::Time,
    journal::{
        Archive, CopyError, DataFolder, Decoder, LockError, Losses, OpenError, Revision, StoreError,
    },
    providers::Registry,
};

pub use self::{backup::BackupArgs, export::ExportArgs, inspect::InspectArgs, replay::ReplayArgs};

/// What to do with a data folder.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "The folder must not be in use, except by `backup`: stop the server first.\n\
                  A segment that was not closed in order is put in order when it is read, so\n\
                  the folder has to be one that can be written to; nothing is added to it."
)]
pub struct JournalArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: JournalCommand,
}

/// What can be done with a data folder.
#[derive(Clone, Debug, Subcommand)]
pub enum JournalCommand {
    /// Print what a data folder holds, whether it is whole, and which callbacks are missing.
    #[command(after_help = inspect::HELP)]
    Inspect(InspectArgs),
    /// Decode history again, and print who is present in the result or in the newest
    /// checkpoint, but not in both.
    #[command(after_help = replay::HELP)]
    Replay(ReplayArgs),
    /// Print the entries of a journal as JSON, one on each line.
    #[command(after_help = export::HELP)]
    Export(ExportArgs),
    /// Copy a data folder, also while a server runs on it.
    #[command(after_help = backup::HELP)]
    Backup(BackupArgs),
}

/// The apps and rules that history is replayed with.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RulesArgs {
    /// The configuration file of the server: its apps, and the rules that it sets.
    /// Without one, the default rules, and all apps that the folder has.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The configuration of `serve --dev`.
    #[arg(long, conflicts_with = "config")]
    pub dev: bool,
}

/// Why a command on a data folder failed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something in the folder cannot be read or written.
    #[error("the data folder {}: {source}", folder.display())]
    Store {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// It cannot be copied.
    #[error("cannot copy the data folder: {0}")]
    Copy(#[from] CopyError),
    /// The server that uses it did not do what it was asked.
    #[error("the server of the data folder {}: {source}", folder.display())]
    Server {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: AskError,
    },
    /// Another process uses it, and cannot be asked.
    #[error(
        "{source}, which does not listen at {}: it may be starting, be no server, or have logged why it cannot",
        socket.display()
    )]
    Unheard {
        /// Where it should listen.
        socket: PathBuf,
        /// Who.
        source: LockError,
    },
    /// It was read as far as it can be, and something is wrong.
    #[error("the data folder {} is damaged: what is wrong is listed ({count})", folder.display())]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// How much is.
        count: usize,
    },
    /// All entries were read that can be, and others are missing.
    #[error("the data folder {}: {}", folder.display(), summary(losses))]
    Lost {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        losses: Losses,
    },
    /// Entries are missing between others, and their loss was accepted.
    #[error(
        "the data folder {}: entries from revision {first} on were lost, so those after them cannot be written under their revisions",
        folder.display()
    )]
    Gap {
        /// The folder.
        folder: PathBuf,
        /// The first that is missing.
        first: Revision,
    },
    /// The first entries are gone, and no checkpoint that covers them loads.
    #[error(
        "the data folder {}: entries before revision {first} are gone, and no checkpoint to go on from loads",
        folder.display()
    )]
    NoStart {
        /// The folder.
        folder: PathBuf,
        /// The first entry kept.
        first: Revision,
    },
}

/// Losses that one line tells of.
const SUMMARY_MAX: usize = 20;

/// Runs the command. Blocks. Returns the exit code.
///
/// # Errors
/// When the folder cannot be used, or `out` cannot be written to.
pub fn journal(
    command: JournalCommand,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    out: impl Write,
) -> Result<ExitCode, CliError> {
    match command {
        JournalCommand::Inspect(args) => inspect::inspect(args, env, out),
        JournalCommand::Replay(args) => replay::replay(args, env, out),
        JournalCommand::Export(args) => export::export(&args, out),
        JournalCommand::Backup(args) => backup::backup(args, env, out),
    }
}

impl RulesArgs {
    /// The configuration, if one was named.
    fn read(
        &self,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Option<Config>, ConfigError> {
        if self.config.is_none() && !self.dev {
            return Ok(None);
        }
        let args = ServeArgs {
            config: self.config.clone(),
            dev: self.dev,
            ..ServeArgs::default()
        };
        let (config, warnings) = args.configure(env)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        Ok(Some(config))
    }
}

/// The folder that was named, else that of the configuration, else `data`.
fn folder_of(folder: Option<PathBuf>, config: Option<&Config>) -> PathBuf {
    let configured = || config.map_or_else(JournalConfig::default, |config| config.journal.clone());
    let folder = folder.unwrap_or_else(|| configured().path);
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The entries of that folder.
fn open(folder: Option<PathBuf>, config: Option<&Config>) -> Result<Archive, JournalError> {
    let folder = DataFolder::open_existing(&folder_of(folder, config))?;
    Ok(Archive::open(&folder, decoder())?)
}

fn decoder() -> Decoder {
    Decoder::new(|product, query, body| Registry::standard().decode(product, query, body))
}

/// Says which folder an error is of.
fn store(archive: &Archive) -> impl Fn(StoreError) -> JournalError {
    let folder = archive.folder().path().to_owned();
    move |source| JournalError::Store {
        folder: folder.clone(),
        source,
    }
}

/// What is lost, on one line.
fn summary(losses: &Losses) -> String {
    let lost: Vec<_> = losses.lost.iter().map(ToString::to_string).collect();
    match (&lost[..], &losses.damaged[..]) {
        ([], damaged) => format!(
            "nothing is lost but what was accepted, and damaged is: {}",
            damaged.join(", ")
        ),
        (lost, _) => {
            let (told, more) = lost.split_at(lost.len().min(SUMMARY_MAX));
            let more = match more.len() {
                0 => String::new(),
                more => format!("; and {more} more losses, which `inspect` lists"),
            };
            format!("entries are lost: {}{more}", told.join("; "))
        }
    }
}

/// A time as RFC 3339, always with milliseconds.
fn rfc3339(time: Time) -> String {
    let millis = time.as_millis();
    let seconds = Timestamp {
        seconds: (millis / 1000) as i64,
        nanos: 0,
    };
    let seconds = seconds.to_string();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), millis % 1000)
}

/// An object on a line.
fn write_json(out: &mut impl Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_however_many() {
        let time = |millis| rfc3339(Time::from_millis(millis).unwrap());
        assert_eq!(time(1_700_000_000_007), "2023-11-14T22:13:20.007Z");
        assert_eq!(time(60_000), "1970-01-01T00:01:00.000Z");
        assert!(time(u64::MAX).ends_with(".615Z"));
    }
}
