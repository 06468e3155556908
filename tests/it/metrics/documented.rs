//! Every metric is documented, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::{file, page::Page, site::Watched};
use crate::common::child::{Sender, now, zego};

const DOCUMENT: &str = "docs/metrics.md";

/// Words of other things: a claim, a crate, and what proxies call a server.
const NO_METRICS: [&str; 4] = [
    "headcount_apps",
    "headcount_client",
    "headcount_grpc",
    "headcount_webhook",
];

/// The type and the labels of each metric, by its name, as the document's tables say.
pub(super) fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = file(DOCUMENT);
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells[..] else {
            panic!("{row}");
        };
        assert!(!meaning.is_empty(), "{row}");
        let labels = labels
            .split(", ")
            .map(|label| label.trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (name.trim_matches('`').to_owned(), (kind.to_owned(), labels))
    })
    .collect()
}

/// Checks that a page has what the document says, with the same types and labels.
fn check(page: &Page) {
    let documented = documented();
    let types = documented
        .iter()
        .map(|(name, (kind, _))| (name.clone(), kind.clone()));
    assert_eq!(
        page.types,
        types.collect(),
        "left: exposed, right: {DOCUMENT}"
    );
    for (name, (_, labels)) in &documented {
        assert_eq!(
            page.labels(name).as_ref(),
            Some(labels),
            "the labels of {name}"
        );
    }
}

#[tokio::test]
async fn what_a_server_exposes_is_documented_and_all_of_it_is_there_from_the_start() {
    let watched = Watched::new();
    let _process = watched.start().await;
    // The names of credentials are not told to the metrics: one is there once it let somebody in.
    watched.site.users("lobby").await.unwrap();
    check(&watched.page().await);
    let sender = Sender::new(watched.site.webhook());
    let login = zego(("lobby", 1), ("ann", "1"), now(), None);
    sender.post(&login).await.unwrap();
    check(&watched.page().await);
}

#[test]
fn the_documents_name_no_metric_that_is_none() {
    let documented = documented();
    for path in [
        "README.md",
        "docs/access.md",
        "docs/http.md",
        "docs/journal.md",
        "docs/operations.md",
        "docs/proxies.md",
        "docs/security.md",
        "docs/time.md",
        "docs/watch.md",
    ] {
        let text = file(path);
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names = words.filter(|word| word.starts_with("headcount_"));
        for name in names.filter(|name| !NO_METRICS.contains(name)) {
            // `headcount_journal_*` stands for several.
            let is_known = match name.strip_suffix('_') {
                Some(_) => documented.keys().any(|known| known.starts_with(name)),
                None => documented.contains_key(name),
            };
            assert!(is_known, "{path}: {name}");
        }
    }
}
