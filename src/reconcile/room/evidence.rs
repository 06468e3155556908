//! What is known of one life of a room, as plain data.

use crate::{
    domain::{CloseReason, Time, UserId},
    reconcile::DatedName,
};

use super::seqs::Seqs;

/// What the callbacks about one life of a room add up to, except for its users. Every
/// time in it is a maximum or a minimum, so the order of arrival does not matter.
#[derive(Clone, Debug)]
pub(crate) struct IncarnationEvidence {
    /// When it opened: the earliest time, or of an only life the latest.
    pub(crate) opened_at: Option<Time>,
    /// Who created it.
    pub(crate) creator: Option<Creator>,
    /// How it closed, if it did.
    pub(crate) closed: Option<Close>,
    /// When an only life closed the time before: where the part of it that `closed`
    /// ended began.
    pub(crate) closed_before: Option<Time>,
    /// The latest create or login. A close of an only life closes it if it is no earlier
    /// than this.
    pub(crate) alive_at: Option<Time>,
    /// What it is called.
    pub(crate) name: Option<DatedName>,
    /// The earliest login time seen. It is kept, not derived from the users, because
    /// users are forgotten.
    pub(crate) first_login_at: Option<Time>,
    /// The latest logout seen; kept for the same reason.
    pub(crate) last_logout_at: Option<Time>,
    /// The latest event seen.
    pub(crate) last_event_at: Option<Time>,
    /// Which of the vendor's numbers were seen.
    pub(crate) seqs: Seqs,
    /// How many users the vendor claims.
    pub(crate) reported: Option<Claim>,
    /// The later of receipt and event time of the last evidence.
    pub(crate) evidence_at: Time,
}

/// Who created a life: the earliest account, the greater id if two differ.
#[derive(Clone, Debug)]
pub(crate) struct Creator {
    /// When.
    pub(crate) at: Option<Time>,
    /// Who.
    pub(crate) user: UserId,
}

/// How a life ended: the earliest account, the greater reason if two differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Close {
    /// When.
    pub(crate) at: Option<Time>,
    /// Why.
    pub(crate) reason: CloseReason,
}

/// How many users a vendor claims: the latest claim, the greater if two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// As of when.
    pub(crate) at: Option<Time>,
    /// How many.
    pub(crate) users: u32,
}

impl IncarnationEvidence {
    pub(super) fn new(evidence_at: Time) -> Self {
        Self {
            opened_at: None,
            creator: None,
            closed: None,
            closed_before: None,
            alive_at: None,
            name: None,
            first_login_at: None,
            last_logout_at: None,
            last_event_at: None,
            seqs: Seqs::default(),
            reported: None,
            evidence_at,
        }
    }
}
