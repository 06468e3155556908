//! The log of every command, on stderr. `RUST_LOG` says what is logged; without it, what the
//! configuration says of a server that has one, else `info` and above.
//!
//! A server's log begins when its configuration is read, because that says how it is written.
//! Nothing is logged before. What is wrong with the configuration itself is told in plain text.

use std::{
    env,
    io::{self, IsTerminal as _},
    sync::OnceLock,
};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry,
    filter::{LevelFilter, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    reload,
    util::SubscriberInitExt as _,
};

use super::paint::Paint;
use crate::config::{LogConfig, LogFilter, LogFormat, OWN_CRATES};

/// How the lines of this process are written.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// A log whose filter can be changed.
pub(super) struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Begins to log for people.
pub(super) fn init() {
    init_as(&LogConfig::default());
}

/// Begins to log as a configuration says.
pub(super) fn init_as(config: &LogConfig) -> Log {
    let by_env = by_env();
    let by_env = by_env.as_deref().map(LogFilter::read);
    let directives = match &by_env {
        Some(by_env) => by_env.directives.clone(),
        // What is wrong with it is told with the other warnings of the configuration.
        None => LogFilter::read(&config.filter).directives,
    };
    let (filter, handle) = reload::Layer::new(filter(directives));
    // What it cannot write it would tell on stderr, which panics where stderr is what cannot be
    // written to: a terminal that was closed.
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .log_internal_errors(false);
    let lines = match config.format {
        LogFormat::Text => lines
            .with_ansi(Paint::of(io::stderr().is_terminal()).is_on())
            .boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
    };
    let log = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(is_harmless))
        .with(lines);
    // Only a test runs two commands in one process. The first log stays.
    if log.try_init().is_ok() {
        let _ = FORMAT.set(config.format);
    }
    for warning in by_env.into_iter().flat_map(|it| it.warnings) {
        tracing::warn!("{}: {warning}", EnvFilter::DEFAULT_ENV);
    }
    Log { filter: handle }
}

impl Log {
    /// Filters as this configuration says from now on. Returns what is likely not meant.
    pub(super) fn replace_filter(&self, config: &LogConfig) -> Vec<String> {
        if by_env().is_some() {
            let is_other = config.filter != LogConfig::default().filter;
            let name = EnvFilter::DEFAULT_ENV;
            let warning = format!("log.filter has no effect: {name} is set, and comes before it");
            return is_other.then_some(warning).into_iter().collect();
        }
        let directives = LogFilter::read(&config.filter).directives;
        match self.filter.reload(filter(directives)) {
            Ok(()) => Vec::new(),
            Err(error) => vec![format!("log.filter stays as it was: {error}")],
        }
    }
}

/// Tells why the process ends: in the log if only JSON is expected there, else plainly.
pub(super) fn tell_end(error: &dyn std::error::Error) {
    let is_json = FORMAT.get() == Some(&LogFormat::Json);
    match is_json && tracing::enabled!(Level::ERROR) {
        true => tracing::error!("{error}"),
        false => eprintln!("headcount: {error}"),
    }
}

fn by_env() -> Option<String> {
    let text = env::var_os(EnvFilter::DEFAULT_ENV)?;
    let text = text.to_string_lossy().into_owned();
    (!text.is_empty()).then_some(text)
}

fn filter(directives: String) -> EnvFilter {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(directives)
}

/// Whether a line or span has nothing of headers or bodies in it. Other crates write them, and with
/// them tokens, below `info`: h2 whole header blocks, and paths that it cannot read.
fn is_harmless(of: &Metadata<'_>) -> bool {
    *of.level() <= Level::INFO || of.target().starts_with(OWN_CRATES)
}
