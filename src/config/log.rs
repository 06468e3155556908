//! What is logged, and how.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::de::DeTable;

/// What may be written for a level, `0` to `5` apart.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The crates that log something. Another one in a filter is likely a mistake.
const CRATES: [&str; 7] = [
    "headcount",
    "headcount_client",
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
];

/// How the names of our own crates begin, and so the targets of their lines.
pub const OWN_CRATES: &str = "headcount";

/// The path of the filter's key.
pub(super) const FILTER_PATH: [&str; 2] = ["log", "filter"];

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// How a line is written.
    pub format: LogFormat,
    /// What is logged: directives as in `RUST_LOG`, which comes before it.
    pub filter: String,
    /// Where the filter is from: a line of a file, or a variable.
    #[serde(skip)]
    pub(super) filter_from: Option<String>,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// The directives of a filter that can be used, and what is likely wrong with the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// What can be used, with commas.
    pub directives: String,
    /// What is likely not meant.
    pub warnings: Vec<String>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
            filter_from: None,
        }
    }
}

impl LogConfig {
    /// What is likely wrong with the filter, and where it is.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let place = match &self.filter_from {
            Some(place) => format!("{place}: log.filter"),
            None => "log.filter".to_owned(),
        };
        let warnings = LogFilter::read(&self.filter).warnings.into_iter();
        warnings.map(move |warning| format!("{place}: {warning}"))
    }
}

/// Where the filter is in a file, if it is there.
pub(super) fn filter_span(keys: &DeTable<'_>) -> Option<Range<usize>> {
    let [section, key] = FILTER_PATH;
    let section = keys.get(section)?.get_ref().as_table()?;
    section.get(key).map(|filter| filter.span())
}

impl LogFilter {
    /// Reads directives.
    ///
    /// A mistake must not silence the log: a word that is no level would be taken for a module,
    /// and nothing else would be logged. So with a mistake, `info` stays the level of all other
    /// modules.
    pub fn read(text: &str) -> Self {
        // Commas within the fields of spans are not read here.
        if text.contains('[') {
            return Self {
                directives: text.to_owned(),
                warnings: Vec::new(),
            };
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
        Self {
            directives: kept.join(","),
            warnings,
        }
    }
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
        Some(level) if is_known && !krate.starts_with(OWN_CRATES) && is_below_info(level) => {
            Some(format!(
                "`{directive}`: of other crates only lines from `info` up are written: those below may hold headers, and with them secrets"
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

fn is_below_info(level: &str) -> bool {
    ["debug", "trace", "4", "5"].contains(&&*level.to_ascii_lowercase())
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
            let read = LogFilter::read(text);
            assert_eq!((&*read.directives, read.warnings.len()), (text, 0));
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
            (
                "warn,h2=TRACE",
                "warn,h2=TRACE",
                "only lines from `info` up",
            ),
        ] {
            let LogFilter {
                directives,
                warnings,
            } = LogFilter::read(text);
            assert_eq!(directives, kept);
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].contains(told), "{warnings:?}");
        }
    }
}
