//! Figures of many rounds, and the table of them.

mod goals;
mod markdown;
mod numbers;

use std::{fs, path::Path};

use serde::Serialize;

use crate::Outcome;

pub(crate) use self::{goals::GOALS, markdown::print};

/// Every figure that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    lines: Vec<Line>,
    /// Who was not measured, and why.
    skipped: Vec<String>,
    /// What else a reader has to know.
    notes: Vec<String>,
}

/// One contender's figures of one kind, one for each round.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    row: String,
    contender: String,
    unit: &'static str,
    values: Vec<f64>,
    /// Microseconds of the server's CPU for each unit of work.
    cpu: Vec<f64>,
}

impl Report {
    /// Notes a figure of one round.
    pub(crate) fn add(
        &mut self,
        (row, contender): (&str, &str),
        unit: &'static str,
        value: f64,
        cpu: Option<f64>,
    ) {
        let known =
            |line: &&mut Line| line.row == row && line.contender == contender && line.unit == unit;
        if self.lines.iter_mut().find(known).is_none() {
            self.lines.push(Line {
                row: row.into(),
                contender: contender.into(),
                unit,
                values: Vec::new(),
                cpu: Vec::new(),
            });
        }
        if let Some(line) = self.lines.iter_mut().find(known) {
            line.values.push(value);
            line.cpu.extend(cpu);
        }
        eprintln!("  {row}: {contender}: {} {unit}", numbers::short(value));
    }

    pub(crate) fn skip(&mut self, contender: &str, why: &str) {
        push_new(&mut self.skipped, format!("{contender}: {why}"));
    }

    pub(crate) fn note(&mut self, note: String) {
        push_new(&mut self.notes, note);
    }

    fn line(&self, row: &str, contender: &str, unit: &str) -> Option<&Line> {
        self.lines
            .iter()
            .find(|line| line.row == row && line.contender == contender && line.unit == unit)
    }

    pub(crate) fn write_json(&self, file: &Path) -> Outcome<()> {
        Ok(fs::write(file, serde_json::to_vec_pretty(self)?)?)
    }
}

fn push_new(texts: &mut Vec<String>, text: String) {
    if !texts.contains(&text) {
        texts.push(text);
    }
}
