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
        // Before that, the latest checkpoint is loaded. Where the journal ends is known only when
        // all of it is read.
        let at = self.roster.applied();
        (at > 0).then(|| format!("replaying the journal, at revision {at}"))
    }

    fn failure(&self) -> Option<String> {
        self.journal.failure()
    }
}
