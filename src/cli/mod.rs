//! The command line: `headcount serve`, commands that ask a server, and commands that
//! read a data folder.
//!
//! Answers go to stdout, everything else to stderr. The exit code is 0 when all
//! went well (also if the command was interrupted, or stdout was closed), 1 with
//! one line on stderr when not, and 2 when the command was not understood. That of a
//! simulation is 0 for no difference, 1 for any, and 2 when it could not run.

mod address;
mod age;
mod check_config;
mod client_args;
mod journal;
mod json;
mod list;
mod logging;
mod manual;
mod paint;
mod reload;
mod send;
mod serve;
mod simulate;
mod table;
mod text;
mod user_text;
mod watch;

use std::{
    error::Error,
    io::{self, BufWriter},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{config::ConfigError, remote::RemoteError};

pub use self::{
    check_config::{CheckConfigArgs, check_config},
    client_args::ClientArgs,
    journal::{
        BackupArgs, ExportArgs, InspectArgs, JournalArgs, JournalCommand, JournalError, ReplayArgs,
        RulesArgs, journal,
    },
    json::{JsonError, JsonLines},
    list::{RoomsArgs, UserArgs, UsersArgs, rooms, user, users},
    manual::{CompletionsArgs, ManArgs, completions, man},
    reload::{ReloadArgs, reload},
    send::{SendArgs, SendEvent, send},
    serve::ServeArgs,
    simulate::{SimulateArgs, simulate},
    watch::{WatchArgs, WatchFormat, WatchUserArgs, watch, watch_user},
};

/// What to check first when the server does not answer.
const START_HINT: &str = "is `headcount serve` running?";

/// What to check when the other side does not speak HTTP/1.
const NOT_HTTP_HINT: &str = "is that the port of gRPC? callbacks have a port of their own, by default 8080; one that speaks TLS needs https://";

/// What `headcount` was called with.
#[derive(Debug, Parser)]
#[command(
    name = "headcount",
    version,
    about = "Who is in every room, right now.",
    after_help = "Exit codes: 0 when all went well, 1 when not, 2 when the command was not understood.\n\
                  Those of `simulate` are its own: see its help."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `headcount` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take vendors' callbacks in and serve who is in which room.
    Serve(Box<ServeArgs>),
    /// Check a configuration file, and everything that it names: print what it comes to.
    CheckConfig(CheckConfigArgs),
    /// Let a running server read its configuration again.
    Reload(ReloadArgs),
    /// List the open rooms.
    Rooms(RoomsArgs),
    /// List who is in a room.
    Users(UsersArgs),
    /// Say where a user is: on which devices, and in which rooms.
    User(UserArgs),
    /// Follow a room: who is in it, and who comes and goes.
    Watch(WatchArgs),
    /// Follow a user: devices that come online, and rooms.
    WatchUser(WatchUserArgs),
    /// Look at a data folder: what it holds, and what today's code makes of it.
    Journal(JournalArgs),
    /// Send one callback, signed as a configuration says, and tell what came back.
    Send(SendArgs),
    /// Try a server: send a made-up world's callbacks, check what it serves.
    #[command(
        after_help = "Exit codes: 0 without a difference, 1 with any, 2 when it could not run."
    )]
    Simulate(Box<SimulateArgs>),
    /// Print a script that lets a shell complete commands and flags.
    Completions(CompletionsArgs),
    /// Print the manual.
    Man(ManArgs),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A data folder cannot be used, or is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The server cannot be reached as is asked.
    #[error("{server}: {}", causes(.source))]
    Server {
        /// The URL.
        server: String,
        /// Why.
        source: RemoteError,
    },
    /// The server does not answer, or answers that it cannot now.
    #[error("cannot ask {server}: {reason} ({START_HINT})")]
    Unavailable {
        /// The URL.
        server: String,
        /// Why.
        reason: String,
    },
    /// What answers is no gRPC service.
    #[error(
        "{server} is no gRPC service: is it where callbacks are sent to? gRPC has a port of its own, by default 50051"
    )]
    NotGrpc {
        /// The URL.
        server: String,
    },
    /// The server needs to be told which app.
    #[error("{} (--app NAME, or HEADCOUNT_APP)", reason(.0))]
    WhichApp(Box<tonic::Status>),
    /// The server refused.
    #[error("{}", reason(.0))]
    Refused(Box<tonic::Status>),
    /// The room began another life each time that its pages were walked.
    #[error("the room is closed and opened too often to be read")]
    Restless,
    /// A callback cannot be sent, or got no answer.
    #[error("{0}")]
    Send(String),
    /// The server did not read its configuration again.
    #[error("{0}")]
    Reload(String),
    /// The pages of the manual cannot be written.
    #[error("{}: {source}", folder.display())]
    Manual {
        /// Where to.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An answer cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Stdout cannot be written to.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// The service could not start, or failed.
    #[error("{}", causes(&**.0))]
    Serve(Box<dyn Error + Send + Sync>),
}

/// Runs the command that the process was called with.
pub fn main() -> ExitCode {
    let args = Args::parse();
    // A server's configuration says how to log.
    if !matches!(args.command, Command::Serve(_)) {
        logging::init();
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("headcount: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(args.command.run());
    // A task may be stuck in writing to a pipe that no process reads.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(CliError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            logging::tell_end(&error);
            ExitCode::FAILURE
        }
    }
}

impl Command {
    /// Runs the command until it is done or interrupted. Returns the exit code.
    ///
    /// # Errors
    /// When it failed, or stdout cannot be written to.
    pub async fn run(self) -> Result<ExitCode, CliError> {
        // Each of the client's commands gets a task of its own: writing to stdout may block
        // the task, and an interrupt must be noticed all the same.
        let out = BufWriter::new(io::stdout());
        let task = match self {
            Self::Serve(args) => {
                serve::serve(*args, std::env::vars_os()).await?;
                return Ok(ExitCode::SUCCESS);
            }
            Self::CheckConfig(args) => {
                check_config(args, std::env::vars_os(), out, io::stderr())?;
                return Ok(ExitCode::SUCCESS);
            }
            Self::Completions(args) => {
                completions(&args, out)?;
                return Ok(ExitCode::SUCCESS);
            }
            Self::Man(args) => {
                man(&args, out)?;
                return Ok(ExitCode::SUCCESS);
            }
            // It is not known what an interrupted one did.
            Self::Reload(args) => {
                return tokio::select! {
                    done = reload(args, out, io::stderr()) => done.map(|()| ExitCode::SUCCESS),
                    _ = tokio::signal::ctrl_c() => Ok(ExitCode::FAILURE),
                };
            }
            // An interrupted run has no verdict, so its exit code is that of one that could not run.
            Self::Simulate(args) => {
                return tokio::select! {
                    code = simulate(*args, out) => Ok(code),
                    _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(2)),
                };
            }
            Self::Send(args) => {
                return tokio::select! {
                    code = send(args, std::env::vars_os(), out) => code,
                    _ = tokio::signal::ctrl_c() => Ok(ExitCode::FAILURE),
                };
            }
            // An interrupted command has not printed everything, so it fails.
            Self::Journal(args) => {
                let work = move || journal(args.command, std::env::vars_os(), out);
                return tokio::select! {
                    done = tokio::task::spawn_blocking(work) => {
                        done.unwrap_or_else(|panic| Err(CliError::Serve(panic.into())))
                    }
                    _ = tokio::signal::ctrl_c() => Ok(ExitCode::FAILURE),
                };
            }
            Self::Rooms(args) => tokio::spawn(rooms(args.client.connect()?, args, out)),
            Self::Users(args) => tokio::spawn(users(args.client.connect()?, args, out)),
            Self::User(args) => tokio::spawn(user(args.client.connect()?, args, out)),
            Self::Watch(args) => {
                let format = WatchFormat::of(&args.client);
                tokio::spawn(watch(args.client.connect()?, args, format, out))
            }
            Self::WatchUser(args) => {
                let format = WatchFormat::of(&args.client);
                tokio::spawn(watch_user(args.client.connect()?, args, format, out))
            }
        };
        tokio::select! {
            done = task => {
                done.unwrap_or_else(|panic| Err(CliError::Serve(panic.into())))?;
            }
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Why the server refused, or why the connection failed, on one line.
fn reason(status: &tonic::Status) -> String {
    if let Some(code) = client_args::absent_behind_proxy(status) {
        return format!("a proxy answers {code}: the server behind it is not there");
    }
    text::clean(&headcount_client::reason(status)).into_owned()
}

/// An error and what caused it, on one line.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()) {
        let cause = cause.to_string();
        // Some errors say what their cause says already.
        if !line.ends_with(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}
