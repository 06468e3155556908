//! Tables: columns that are as wide as their widest cell, and that fit a terminal.

use std::borrow::Cow;

use console::measure_text_width;

/// The widest cell of a column that may be cut, where no terminal sets a width.
const CELL_COLUMNS_MAX: usize = 64;

/// A column that may be cut is not made narrower than this.
const CELL_COLUMNS_MIN: usize = 12;

/// Columns between two cells.
const GAP: usize = 2;

/// A column of a table.
#[derive(Debug)]
pub(super) struct Column<'a> {
    header: &'static str,
    cells: Vec<Cow<'a, str>>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Never cut: a part of an id or of a time is of no use.
    Whole,
    /// As `Whole`, and its cells end below each other.
    Number,
    /// Cut where it does not fit.
    Text,
}

// === impl Column ===

impl<'a> Column<'a> {
    /// A column of ids, times or words, which are never cut.
    pub(super) fn whole(header: &'static str, cells: Vec<Cow<'a, str>>) -> Self {
        let kind = Kind::Whole;
        Self {
            header,
            cells,
            kind,
        }
    }

    /// A column of numbers or ages.
    pub(super) fn number(header: &'static str, cells: Vec<Cow<'a, str>>) -> Self {
        let kind = Kind::Number;
        Self {
            header,
            cells,
            kind,
        }
    }

    /// A column of texts that may be cut.
    pub(super) fn text(header: &'static str, cells: Vec<Cow<'a, str>>) -> Self {
        let kind = Kind::Text;
        Self {
            header,
            cells,
            kind,
        }
    }

    /// How wide it has to be to show everything.
    fn natural_width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| measure_text_width(cell));
        let widest = cells.max().unwrap_or_default();
        widest.max(measure_text_width(self.header))
    }

    fn least_width(&self) -> usize {
        match self.kind {
            Kind::Whole | Kind::Number => self.natural_width(),
            Kind::Text => self.natural_width().min(CELL_COLUMNS_MIN),
        }
    }

    /// A cell as it is shown, filled up to the width.
    fn shown(&self, cell: &str, width: usize) -> String {
        let cell = match self.kind {
            Kind::Text => console::truncate_str(cell, width, "…"),
            Kind::Whole | Kind::Number => cut_middle(cell, width),
        };
        let fill = " ".repeat(width.saturating_sub(measure_text_width(&cell)));
        match self.kind {
            Kind::Number => fill + &cell,
            Kind::Whole | Kind::Text => cell.into_owned() + &fill,
        }
    }
}

/// The lines of a table, the headers first. In a terminal of `width`, columns that do not fit
/// are left out, the last first. The first is always shown.
pub(super) fn table(mut columns: Vec<Column<'_>>, width: Option<usize>) -> Vec<String> {
    let widths = match width {
        Some(width) => fit(&mut columns, width),
        None => columns.iter().map(unbound_width).collect(),
    };
    let rows = columns.iter().map(|column| column.cells.len()).max();
    let headers = columns.iter().map(|column| column.header.into());
    let headers: Vec<Cow<'_, str>> = headers.collect();
    let line = |cells: &[Cow<'_, str>]| {
        let cells = columns.iter().zip(&widths).zip(cells);
        let cells = cells.map(|((column, width), cell)| column.shown(cell, *width));
        let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
        line.trim_end().to_owned()
    };
    let mut lines = vec![line(&headers)];
    for row in 0..rows.unwrap_or_default() {
        let cells = columns.iter().map(|column| column.cells.get(row).cloned());
        let cells: Vec<_> = cells.map(Option::unwrap_or_default).collect();
        lines.push(line(&cells));
    }
    lines
}

/// A table of rows whose texts may all be cut, apart from the first.
pub(super) fn table_of_rows<'a, const N: usize>(
    headers: [&'static str; N],
    rows: impl Iterator<Item = [Cow<'a, str>; N]>,
    width: Option<usize>,
) -> Vec<String> {
    let mut columns = headers.map(|header| Column::text(header, Vec::new()));
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.cells.push(cell);
        }
    }
    if let Some(first) = columns.first_mut() {
        first.kind = Kind::Whole;
    }
    table(columns.into(), width)
}

fn unbound_width(column: &Column<'_>) -> usize {
    let natural = column.natural_width();
    match column.kind {
        Kind::Whole | Kind::Number => natural,
        Kind::Text => natural.min(CELL_COLUMNS_MAX),
    }
}

/// Leaves out the columns that do not fit, and returns the widths of the others. What is left
/// over goes to the columns that are cut, the first of them first.
fn fit(columns: &mut Vec<Column<'_>>, width: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    let mut taken = 0;
    for column in &*columns {
        let gap = if widths.is_empty() { 0 } else { GAP };
        let least = column.least_width();
        if taken + gap + least > width {
            break;
        }
        taken += gap + least;
        widths.push(least);
    }
    if widths.is_empty() {
        widths.push(width);
        taken = width;
    }
    columns.truncate(widths.len());
    let mut left = width.saturating_sub(taken);
    for (column, width) in columns.iter().zip(&mut widths) {
        let more = column.natural_width().saturating_sub(*width).min(left);
        *width += more;
        left -= more;
    }
    widths
}

/// Cuts the middle out of a text that does not fit: ids that begin alike often end differently.
pub(super) fn cut_middle(text: &str, width: usize) -> Cow<'_, str> {
    if measure_text_width(text) <= width {
        return text.into();
    }
    let tail_width = width.saturating_sub(1) / 2;
    let head_width = width.saturating_sub(1 + tail_width);
    let head = console::truncate_str(text, head_width, "");
    let starts = text.char_indices().map(|(start, _)| start);
    let mut tails = starts.map(|start| &text[start..]);
    let tail = tails.find(|tail| measure_text_width(tail) <= tail_width);
    format!("{head}…{}", tail.unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells<'a>(cells: &[&'a str]) -> Vec<Cow<'a, str>> {
        cells.iter().map(|cell| Cow::Borrowed(*cell)).collect()
    }

    fn columns() -> Vec<Column<'static>> {
        vec![
            Column::whole("ID", cells(&["sim-tour-user-1", "b"])),
            Column::number("FOR", cells(&["3m", "12s"])),
            Column::text("NAME", cells(&["a name that is long", "漢字"])),
            Column::whole("SESSION", cells(&["7429384729384729", ""])),
        ]
    }

    #[test]
    fn a_table_for_a_pipe_has_everything() {
        assert_eq!(
            table(columns(), None),
            [
                "ID               FOR  NAME                 SESSION",
                "sim-tour-user-1   3m  a name that is long  7429384729384729",
                "b                12s  漢字",
            ]
        );
        let long = "x".repeat(100);
        let lines = table(
            vec![
                Column::whole("ID", cells(&[&long])),
                Column::text("NAME", cells(&[&long])),
            ],
            None,
        );
        assert_eq!(lines[1], format!("{long}  {}…", "x".repeat(63)));
    }

    #[test]
    fn columns_that_do_not_fit_are_left_out_and_ids_stay_whole() {
        for (width, first) in [
            (
                60,
                "sim-tour-user-1   3m  a name that is long  7429384729384729",
            ),
            (
                55,
                "sim-tour-user-1   3m  a name that is…  7429384729384729",
            ),
            (50, "sim-tour-user-1   3m  a name that is long"),
            (36, "sim-tour-user-1   3m  a name that i…"),
            (30, "sim-tour-user-1   3m"),
            (15, "sim-tour-user-1"),
            (9, "sim-…er-1"),
            (1, "…"),
        ] {
            let lines = table(columns(), Some(width));
            assert_eq!(lines[1], first, "{width}");
            for line in lines {
                assert!(measure_text_width(&line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn an_id_that_is_wider_than_the_terminal_keeps_its_end() {
        assert_eq!(cut_middle("sim-tour-user-1", 15), "sim-tour-user-1");
        assert_eq!(cut_middle("sim-tour-user-1", 10), "sim-t…er-1");
        assert_eq!(cut_middle("漢漢漢漢", 5), "漢…漢");
    }
}
