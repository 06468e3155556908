//! Figures of many rounds, and the table of them.

mod goals;
mod machine;
mod markdown;
mod numbers;

use std::{fs, path::Path};

use serde::Serialize;

use crate::{Outcome, contender::Running, process::own_usage};

use self::goals::GOALS;
pub(crate) use self::{machine::describe, markdown::print, numbers::median};

/// Every figure that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    lines: Vec<Line>,
    /// Contenders that were not measured, and why.
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
    /// Microseconds of the harness's CPU for each unit of work, on the same machine.
    own_cpu: Vec<f64>,
}

/// Microseconds of CPU for each unit of work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    pub(crate) server: f64,
    pub(crate) own: f64,
}

/// Reads what the CPU does for a number of units of work.
#[derive(Debug)]
pub(crate) struct Meter {
    server: f64,
    own: f64,
}

impl Meter {
    pub(crate) fn start(running: &Running) -> Self {
        Self {
            server: running.usage().cpu(),
            own: own_usage().cpu(),
        }
    }

    pub(crate) fn read(&self, running: &Running, units: f64) -> Cpu {
        Cpu {
            server: (running.usage().cpu() - self.server) / units * 1e6,
            own: (own_usage().cpu() - self.own) / units * 1e6,
        }
    }
}

impl Report {
    /// Notes a figure of one round.
    pub(crate) fn add(
        &mut self,
        (row, contender): (&str, &str),
        unit: &'static str,
        value: f64,
        cpu: Option<Cpu>,
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
                own_cpu: Vec::new(),
            });
        }
        if let Some(line) = self.lines.iter_mut().find(known) {
            line.values.push(value);
            line.cpu.extend(cpu.map(|cpu| cpu.server));
            line.own_cpu.extend(cpu.map(|cpu| cpu.own));
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
