//! Which of a vendor's numbers were seen.

use crate::{reconcile::room::Seqs, stored};

use super::check::StoredError;

pub(super) fn to_record(seqs: &Seqs) -> stored::Seqs {
    let runs = seqs.runs();
    stored::Seqs {
        runs: runs
            .map(|(first, last)| stored::Run { first, last })
            .collect(),
        seen: seqs.seen(),
    }
}

pub(super) fn from_record(record: &stored::Seqs) -> Result<Seqs, StoredError> {
    let runs = record.runs.iter().map(|run| (run.first, run.last));
    Ok(Seqs::restore(runs, record.seen)?)
}
