//! The table of CONTRIBUTING that says which module may import which.

use std::collections::{BTreeMap, BTreeSet};

/// The heading above the table.
const HEADING: &str = "### Allowed imports";

/// What each top module may import: other top modules, and the crates that not every
/// module may.
pub(crate) type Table = BTreeMap<String, BTreeSet<String>>;

/// Reads the table: a row is `| module, module | import, import | … |`, names in
/// backquotes; words without them say nothing to the test.
pub(crate) fn read(contributing: &str) -> Table {
    let (_, section) = contributing
        .split_once(HEADING)
        .expect("the heading of the table");
    let lines = section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let rows = rows.flat_map(|row| {
        let mut cells = row.trim_matches('|').split('|');
        let modules = quoted(cells.next().unwrap_or_default());
        let imports: BTreeSet<_> = quoted(cells.next().unwrap_or_default()).collect();
        modules
            .map(move |module| (module, imports.clone()))
            .collect::<Vec<_>>()
    });
    rows.collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}
