//! What the dashboard and the alerts look at.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{file, page::Series};

/// What a query selects: a name, and what labels have to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selector {
    pub(super) name: String,
    /// The label, and the values of which it has one.
    labels: Vec<(String, Vec<String>)>,
}

/// What Prometheus adds by itself.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

/// What selects a series in the dashboard and in the rules.
pub(super) fn selectors() -> BTreeSet<Selector> {
    let mut texts = vec![file("deploy/prometheus/alerts.yml")];
    let dashboard: Value = serde_json::from_str(&file("deploy/grafana/headcount.json")).unwrap();
    collect_queries(&dashboard, &mut texts);
    texts.iter().flat_map(|text| read(text)).collect()
}

fn collect_queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(query) if ["expr", "query"].contains(&&**key) => {
                        found.push(query.to_owned())
                    }
                    _ => collect_queries(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_queries(item, found)),
        _ => {}
    }
}

/// The selectors in a text. Values are alternatives without other signs of regular expressions.
fn read(text: &str) -> Vec<Selector> {
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut selectors = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_in_name) {
        let (name, after) = {
            let word = &rest[at..];
            word.split_at(word.find(|c| !is_in_name(c)).unwrap_or(word.len()))
        };
        rest = after;
        if name.starts_with("headcount_") || name.starts_with("process_") {
            let labels = after.strip_prefix('{').and_then(|it| it.split_once('}'));
            selectors.push(Selector {
                name: name.to_owned(),
                labels: labels.map_or_else(Vec::new, |(labels, _)| matchers(labels)),
            });
        }
    }
    selectors
}

fn matchers(text: &str) -> Vec<(String, Vec<String>)> {
    let matchers = text.split(',').map(|matcher| {
        let (label, values) = matcher.split_once('=').unwrap();
        let values = values.trim_start_matches('~').trim_matches('"').split('|');
        (label.to_owned(), values.map(str::to_owned).collect())
    });
    matchers
        .filter(|(label, _)| !OF_PROMETHEUS.contains(&label.as_str()))
        .collect()
}

impl Selector {
    pub(super) fn matches(&self, series: &Series) -> bool {
        let has_one = |(label, values): &(String, Vec<String>)| {
            (series.labels.get(label)).is_some_and(|value| values.contains(value))
        };
        series.name == self.name && self.labels.iter().all(has_one)
    }
}

#[test]
fn selectors_are_found_with_their_labels() {
    let text = r#"sum by (le) (rate(headcount_a_total{instance=~"$i",reason=~"x|y"}[5m])) / process_b > 1"#;
    let selector = |name: &str, labels| Selector {
        name: name.to_owned(),
        labels,
    };
    let reasons = ("reason".to_owned(), vec!["x".to_owned(), "y".to_owned()]);
    assert_eq!(
        read(text),
        [
            selector("headcount_a_total", vec![reasons]),
            selector("process_b", vec![])
        ]
    );
}
