//! The report of a data folder, as text.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use bytesize::ByteSize;

use super::report::Report;
use crate::cli::{list::columns, table::table_of_rows, text::clean};

type Row<'a, const N: usize> = [Cow<'a, str>; N];

/// Writes the tables of a folder, those with rows.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Report { format, epoch, .. } = report;
    let (folder, bytes) = (clean(&report.folder), ByteSize(report.bytes));
    writeln!(
        out,
        "{folder}: format {format}, epoch {epoch}, {bytes} on disk"
    )?;
    writeln!(out, "{}", entries(report))?;
    write_callbacks(out, report)?;
    write_gaps(out, report)?;
    write_files(out, report)?;
    if !report.damage.is_empty() {
        writeln!(out)?;
    }
    for damage in &report.damage {
        writeln!(out, "damage: {}", clean(damage))?;
    }
    Ok(())
}

/// What is kept, on one line.
fn entries(report: &Report) -> String {
    let (Some(first), Some(last)) = (report.first_revision, report.last_revision) else {
        return "no entries".to_owned();
    };
    let Report { entries, ticks, .. } = report;
    let callbacks = entries - ticks;
    let mut line = format!("revisions {first} to {last}: {callbacks} callbacks, {ticks} ticks");
    if let (Some(first), Some(last)) = (&report.first_received_at, &report.last_received_at) {
        line += &format!(", received {first} to {last}");
    }
    line
}

fn write_callbacks(out: &mut impl Write, report: &Report) -> io::Result<()> {
    const HEADER: [&str; 5] = ["APP", "PRODUCT", "ACCEPTED", "IGNORED", "UNDECODABLE"];
    let rows = report.callbacks.iter().map(|row| {
        [
            clean(&row.app),
            row.product.into(),
            row.accepted.to_string().into(),
            row.ignored.to_string().into(),
            row.undecodable.to_string().into(),
        ]
    });
    write_table(out, HEADER, rows)
}

fn write_gaps(out: &mut impl Write, report: &Report) -> io::Result<()> {
    const HEADER: [&str; 4] = ["APP", "PRODUCT", "ROOMS WITH GAPS", "MISSING CALLBACKS"];
    let number = |number: Option<u64>| match number {
        Some(number) => number.to_string().into(),
        None => "not numbered".into(),
    };
    let rows = report.gaps.iter().map(|row| {
        [
            clean(&row.app),
            row.product.into(),
            number(row.rooms),
            number(row.missing_callbacks),
        ]
    });
    write_table(out, HEADER, rows)?;
    if let Some(reason) = &report.gaps_unknown {
        writeln!(out, "\nmissing callbacks are not known: {}", clean(reason))?;
    }
    if report.left_out > 0 {
        writeln!(
            out,
            "\n{} callbacks are of apps that are not configured: their gaps are not known",
            report.left_out
        )?;
    }
    Ok(())
}

fn write_files(out: &mut impl Write, report: &Report) -> io::Result<()> {
    const SEGMENTS: [&str; 3] = ["SEGMENT", "FIRST REVISION", "SIZE"];
    const CHECKPOINTS: [&str; 4] = ["CHECKPOINT", "REVISION", "SIZE", "LOADS"];
    let size = |bytes| ByteSize(bytes).to_string().into();
    let segments = report.segments.iter().map(|segment| {
        [
            segment.file.as_str().into(),
            segment.first_revision.to_string().into(),
            size(segment.bytes),
        ]
    });
    write_table(out, SEGMENTS, segments)?;
    let checkpoints = report.checkpoints.iter().map(|checkpoint| {
        [
            checkpoint.file.as_str().into(),
            checkpoint.revision.to_string().into(),
            size(checkpoint.bytes),
            if checkpoint.loads { "yes" } else { "no" }.into(),
        ]
    });
    write_table(out, CHECKPOINTS, checkpoints)
}

fn write_table<'a, const N: usize>(
    out: &mut impl Write,
    header: [&'static str; N],
    rows: impl Iterator<Item = Row<'a, N>>,
) -> io::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    writeln!(out)?;
    for line in table_of_rows(header, rows, columns()) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
