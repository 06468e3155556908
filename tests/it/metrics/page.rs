//! A page of metrics, as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};

/// What a page says.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The type of each metric, by the name by which it is asked for.
    pub(super) types: BTreeMap<String, String>,
    pub(super) samples: BTreeMap<Series, f64>,
}

/// What one value is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').unwrap();
                let suffix = match kind {
                    "counter" => "_total",
                    "info" => "_info",
                    _ => "",
                };
                let known = page
                    .types
                    .insert(format!("{name}{suffix}"), kind.to_owned());
                assert_eq!(known, None, "{name} is there twice");
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let known = page
                    .samples
                    .insert(Series::read(series), value.parse().unwrap());
                assert_eq!(known, None, "{series} is there twice");
            }
        }
        page
    }

    /// The labels that the series of a metric have; `None` if there are no series.
    pub(super) fn labels(&self, metric: &str) -> Option<BTreeSet<String>> {
        let parts = ["", "_bucket", "_count", "_sum"].map(|part| format!("{metric}{part}"));
        let mut series = self
            .samples
            .keys()
            .filter(|it| parts.contains(&it.name))
            .peekable();
        series.peek()?;
        let labels = series.flat_map(|series| series.labels.keys());
        Some(labels.filter(|label| *label != "le").cloned().collect())
    }
}

impl Series {
    /// Values of labels have no commas and no quotes here.
    fn read(text: &str) -> Self {
        let (name, labels) = text.split_once('{').unwrap_or((text, ""));
        let labels = labels.trim_end_matches('}').split(',');
        let labels = labels.filter_map(|label| label.split_once('='));
        let labels =
            labels.map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned()));
        Self {
            name: name.to_owned(),
            labels: labels.collect(),
        }
    }
}
