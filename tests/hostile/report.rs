//! What came of an attack, as a row of a table, and what is wrong with it.

use std::{fmt, time::Duration};

use crate::{
    attack::Attack,
    prober::{Probes, Tally},
    target::Usage,
};

/// The most probes that may be refused: one of so many.
const REFUSED_PART: usize = 100;

/// The head of the table.
pub(crate) const HEAD: &str = "\
| attack | callbacks refused | p50 / p99, ms | calls refused | p50 / p99, ms | looks refused | memory, MiB | folder, MiB | CPU, s |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |";

/// What came of an attack.
pub(crate) struct Outcome {
    pub(crate) attack: &'static Attack,
    pub(crate) probes: Probes,
    /// Whether the attack came as far as its aim.
    pub(crate) has_effect: bool,
    pub(crate) usage: Usage,
    pub(crate) restart: Option<Restart>,
}

/// What came of a restart after an attack.
pub(crate) struct Restart {
    /// Until it served.
    pub(crate) took: Duration,
    /// The same of a journal with as much in it that is not out of the ordinary.
    pub(crate) usual: Duration,
    pub(crate) probes: Probes,
    pub(crate) usage: Usage,
}

impl Outcome {
    /// What must not be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let Attack {
            name,
            memory_max,
            folder_max,
            ..
        } = self.attack;
        let mut faults = faults(name, *memory_max, &self.probes, self.usage);
        let folder = self.usage.folder;
        if let Some(folder_max) = folder_max.filter(|folder_max| folder > *folder_max) {
            faults.push(format!(
                "{name}: the data folder takes {folder} bytes, more than {folder_max}"
            ));
        }
        if !self.has_effect {
            faults.push(format!("{name}: did not come as far as its aim"));
        }
        if let Some(Restart { probes, usage, .. }) = &self.restart {
            let name = format!("{name}, after a restart");
            faults.extend(self::faults(&name, *memory_max, probes, *usage));
        }
        faults
    }
}

fn faults(name: &str, memory_max: u64, probes: &Probes, usage: Usage) -> Vec<String> {
    let tallies = [
        ("callbacks", &probes.callbacks),
        ("calls", &probes.calls),
        ("looks", &probes.looks),
    ];
    let refused = tallies.into_iter().filter_map(|(what, tally)| {
        let (refused, all) = (tally.refused.len(), tally.all());
        let last = tally.refused.last()?;
        (refused * REFUSED_PART > all)
            .then(|| format!("{name}: {refused} of {all} {what} were refused, such as: {last}"))
    });
    let memory = usage.memory;
    let too_much =
        (memory > memory_max).then(|| format!("{name}: took {memory} MiB, more than {memory_max}"));
    refused.chain(too_much).collect()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Probes {
            callbacks,
            calls,
            looks,
        } = &self.probes;
        let mut folder = (self.usage.folder >> 20).to_string();
        if let Some(folder_max) = self.attack.folder_max {
            folder = format!("{folder} of {}", folder_max >> 20);
        }
        write!(
            f,
            "| {} | {callbacks} | {} | {calls} | {} | {looks} | {} of {} | {folder} | {:.1} |",
            self.attack.name,
            callbacks.percentiles(),
            calls.percentiles(),
            self.usage.memory,
            self.attack.memory_max,
            self.usage.cpu,
        )
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            took, usual, usage, ..
        } = self;
        write!(
            f,
            "serves again after {:.1} s, with {} MiB; with a usual journal after {:.1} s",
            took.as_secs_f64(),
            usage.memory,
            usual.as_secs_f64()
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.refused.len(), self.all())
    }
}

impl Tally {
    fn all(&self) -> usize {
        self.refused.len() + self.answered.len()
    }

    fn percentiles(&self) -> String {
        let mut sorted = self.answered.clone();
        sorted.sort_unstable();
        let at = |part: usize| {
            let place = (sorted.len() * part / 100).min(sorted.len().saturating_sub(1));
            sorted.get(place).copied().unwrap_or(Duration::ZERO)
        };
        let millis = |part| at(part).as_secs_f64() * 1000.0;
        format!("{:.0} / {:.0}", millis(50), millis(99))
    }
}
