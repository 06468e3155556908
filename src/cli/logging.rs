//! The log of every command: on stderr, filtered by `RUST_LOG`.

use std::{
    env,
    io::{self, IsTerminal as _},
};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::paint::Paint;

/// What may be written for a level, `0` to `5` apart.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The crates that log something. Another one in `RUST_LOG` is likely a mistake.
const CRATES: [&str; 7] = [
    "headcount",
    "headcount_client",
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
];

/// Begins to log as `RUST_LOG` says; `info` and above without it.
pub(super) fn init() {
    let text = env::var_os(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let (directives, warnings) = read(&text.to_string_lossy());
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(directives);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(Paint::of(io::stderr().is_terminal()).is_on())
        .with_writer(io::stderr)
        // It would be told on stderr, which panics where stderr is what cannot be written to: a
        // terminal that was closed.
        .log_internal_errors(false)
        .init();
    for warning in warnings {
        tracing::warn!("{}: {warning}", EnvFilter::DEFAULT_ENV);
    }
}

/// The directives of a filter that can be used, and what is likely wrong with the others.
///
/// A mistake must not silence the log: a word that is no level would be taken for a module, and
/// nothing else would be logged. So with a mistake, `info` stays the level of all other modules.
fn read(text: &str) -> (String, Vec<String>) {
    // Commas within the fields of spans are not read here.
    if text.contains('[') {
        return (text.to_owned(), Vec::new());
    }
    let mut kept = Vec::new();
    let mut warnings = Vec::new();
    for directive in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let checked = check(directive);
        if checked.is_usable {
            kept.push(directive);
        }
        warnings.extend(checked.warning);
    }
    if !warnings.is_empty() && !kept.iter().any(|directive| is_level(directive)) {
        kept.push("info");
    }
    (kept.join(","), warnings)
}

struct Checked {
    is_usable: bool,
    warning: Option<String>,
}

fn check(directive: &str) -> Checked {
    let (target, level) = match directive.split_once('=') {
        Some((target, level)) => (target, Some(level)),
        None => (directive, None),
    };
    let krate = target.split("::").next().unwrap_or(target);
    let is_known = CRATES.contains(&krate);
    let warning = match level {
        Some(level) if !is_level(level) => {
            let meant = closest(level, LEVELS.into_iter());
            Some(format!(
                "there is no level `{level}`; did you mean `{meant}`?"
            ))
        }
        None if is_level(directive) || is_known => None,
        None => {
            let meant = closest(directive, LEVELS.into_iter().chain(CRATES));
            Some(format!(
                "`{directive}` is neither a level nor a module that logs; did you mean `{meant}`?"
            ))
        }
        Some(_) if is_known => None,
        Some(_) => {
            let meant = closest(krate, CRATES.into_iter());
            Some(format!(
                "no module that logs begins with `{krate}`; did you mean `{meant}`?"
            ))
        }
    };
    Checked {
        is_usable: level.is_none_or(is_level),
        warning,
    }
}

fn is_level(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    LEVELS.contains(&&*text) || matches!(text.parse(), Ok(0..=5))
}

fn closest(text: &str, words: impl Iterator<Item = &'static str>) -> &'static str {
    let text = text.to_ascii_lowercase();
    words
        .min_by_key(|word| strsim::damerau_levenshtein(word, &text))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_makes_sense_is_left_as_it_is() {
        for text in [
            "",
            "debug",
            "WARN",
            "3",
            "headcount::grpc=debug,h2=off",
            "info,headcount_client",
            "headcount[span{a=1,b=2}]=debgu",
        ] {
            assert_eq!(read(text), (text.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn a_typo_is_told_and_does_not_silence_the_log() {
        for (text, kept, told) in [
            ("debgu", "debgu,info", "did you mean `debug`?"),
            (
                "headcuont=debug",
                "headcuont=debug,info",
                "did you mean `headcount`?",
            ),
            ("headcount=debgu", "info", "there is no level `debgu`"),
            ("warn,tonci", "warn,tonci", "did you mean `tonic`?"),
        ] {
            let (directives, warnings) = read(text);
            assert_eq!(directives, kept);
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].contains(told), "{warnings:?}");
        }
    }
}
