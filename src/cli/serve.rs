//! `headcount serve`: the service itself.

mod signals;

use std::{convert::Infallible, error::Error, ffi::OsString, io, net::SocketAddr, path::PathBuf};

use tempfile::TempDir;

use self::signals::{Interrupts, Reloads, Signals};
use super::{CliError, logging};
use crate::{
    config::{Config, ConfigError, JournalConfig, JournalKind, stray_variables},
    providers::Registry,
    server::{self, Reloader, Server},
};

/// What to serve, and where. Flags come before environment variables
/// (`HEADCOUNT_WEBHOOK__LISTEN` for `listen` of `[webhook]`, and so on), and
/// those before the configuration file.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Serve an app `demo` to this machine, without a configuration file: ZEGO
    /// app id 1, callback secret `secret`.
    #[arg(long, conflicts_with = "config")]
    pub dev: bool,
    /// The folder of the journal: `data` beside the configuration file without it,
    /// and a temporary one with `--dev`.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Go on although entries of the journal are damaged or missing: say which, keep the
    /// damaged files, and begin a new epoch. For one start: otherwise later damage would be
    /// accepted too.
    #[arg(long)]
    pub accept_loss: bool,
    /// Go on without the effect of the callback that has this revision, because Headcount
    /// panics on it. The data folder remembers it: later starts need not be told. Can be
    /// given several times.
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    pub quarantine: Vec<u64>,
    /// Where to take callbacks in, such as `0.0.0.0:8080`.
    #[arg(long, value_name = "ADDRESS")]
    pub webhook_listen: Option<SocketAddr>,
    /// Where to serve gRPC.
    #[arg(long, value_name = "ADDRESS")]
    pub grpc_listen: Option<SocketAddr>,
    /// Where to serve operators: metrics and more.
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
}

impl ServeArgs {
    /// The configuration that these flags, an environment and the configuration
    /// file make together, and what in it is allowed but likely not meant.
    ///
    /// # Errors
    /// Names the file, variable or key at fault.
    pub fn configure(
        self,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(Config, Vec<String>), ConfigError> {
        let Self {
            config: file,
            dev,
            data,
            accept_loss,
            quarantine,
            webhook_listen,
            grpc_listen,
            admin_listen,
        } = self;
        let config = if dev {
            Config::dev(Registry::standard())?
        } else {
            Config::read(file.as_deref(), Registry::standard())?
        };
        let env: Vec<_> = env.into_iter().collect();
        let mut warnings = stray_variables(env.iter().map(|(name, _)| name))?;
        let mut config = config.with_env(env)?;
        let unused = [
            ("--data", data.is_some()),
            ("--accept-loss", accept_loss),
            ("--quarantine", !quarantine.is_empty()),
        ];
        for (flag, _) in unused.into_iter().filter(|(_, is_given)| *is_given) {
            if config.journal.kind == JournalKind::Memory {
                warnings.push(format!(
                    "{flag} is not used: journal.kind = \"memory\" keeps nothing"
                ));
            }
        }
        (config.journal.accept_loss, config.journal.quarantine) = (accept_loss, quarantine);
        set(&mut config.journal.path, data);
        // Logs name the folder, and do not say where the process was started.
        if let Ok(path) = std::path::absolute(&config.journal.path) {
            config.journal.path = path;
        }
        set(&mut config.webhook.listen, webhook_listen);
        set(&mut config.grpc.listen, grpc_listen);
        set(&mut config.admin.listen, admin_listen.map(Some));
        if dev {
            config.check_loopback()?;
        }
        warnings.extend(config.validate()?);
        // Everyone can send to `--dev`, which is why it listens to this machine alone.
        if !dev {
            warnings.extend(config.unsigned_warnings());
        }
        Ok((config, warnings))
    }
}

fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

/// Serves until the process is told to end.
pub(super) async fn serve(
    args: ServeArgs,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), CliError> {
    let env: Vec<_> = env.into_iter().collect();
    let is_set = env.iter().any(|(name, _)| name == PATH_VARIABLE);
    let is_scratch = args.dev && args.data.is_none() && !is_set;
    let (mut config, warnings) = args.clone().configure(env.clone())?;
    let log = logging::init_as(&config.log);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let failed = |error: Box<dyn Error + Send + Sync>| CliError::Serve(error);
    let _scratch = if is_scratch {
        scratch(&mut config.journal).map_err(|error| failed(error.into()))?
    } else {
        None
    };
    server::raise_file_limit();
    let signals = Signals::new(args.dev).map_err(|error| failed(error.into()))?;
    let bound = Server::bind(&config, Registry::standard(), server::rules(&config)).await;
    let server = bound.map_err(|error| failed(error.into()))?;
    let path = config.journal.path.clone();
    let reloader = server.reloader(config, move || {
        let (mut config, warnings) = args.clone().configure(env.clone())?;
        // A temporary folder has another name each time.
        config.journal.path.clone_from(&path);
        Ok((config, warnings))
    });
    reloader.also(move |config| log.replace_filter(&config.log));
    let served = tokio::select! {
        served = server.run(shutdown(signals.interrupts)) => served,
        never = reload_on(signals.reloads, reloader) => match never {},
    };
    served.map_err(|error| failed(error.into()))
}

/// Reads the configuration again whenever the process is told to.
async fn reload_on(mut reloads: Reloads, reloader: Reloader) -> Infallible {
    loop {
        reloads.next().await;
        let reloader = reloader.clone();
        // What went wrong is in the log.
        let _ = tokio::task::spawn_blocking(move || reloader.reload()).await;
    }
}

/// Names the folder of the journal, as `--data` does.
const PATH_VARIABLE: &str = "HEADCOUNT_JOURNAL__PATH";

/// A temporary folder for the journal, if no folder was named. It is removed when the
/// process ends in order.
fn scratch(journal: &mut JournalConfig) -> io::Result<Option<TempDir>> {
    if journal.kind == JournalKind::Memory {
        return Ok(None);
    }
    let scratch = tempfile::Builder::new().prefix("headcount-").tempdir()?;
    scratch.path().clone_into(&mut journal.path);
    tracing::info!(
        folder = %journal.path.display(),
        "the journal is in a temporary folder: --data DIR keeps it"
    );
    Ok(Some(scratch))
}

/// Completes when the process is told to end. If it is told so again, it ends at once.
async fn shutdown(mut interrupts: Interrupts) {
    interrupts.next().await;
    tokio::spawn(async move {
        interrupts.next().await;
        tracing::warn!("told to end a second time: ends without waiting for the drain");
        std::process::exit(1);
    });
}
