//! What the journal and the roster know of how the service is.

use std::sync::Arc;

use crate::{journal::Journal, net, roster::Roster};

/// The parts that know it.
pub(super) struct Vitals {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) roster: Arc<Roster>,
}

impl net::Vitals for Vitals {
    fn progress(&self) -> Option<String> {
        let (at, last) = (self.roster.applied(), self.journal.last());
        // Before that, the latest checkpoint is loaded.
        (last > 0).then(|| format!("replaying the journal, at revision {at} of {last}"))
    }

    fn failure(&self) -> Option<String> {
        self.journal.failure()
    }
}
