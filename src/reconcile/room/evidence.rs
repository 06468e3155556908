//! The evidence about one life of a room, as plain data.

use crate::{
    domain::{CloseReason, IncarnationId, Time, UserId},
    reconcile::{
        DatedName, Footprint,
        footprint::{LIFE, RUN, text},
    },
};

use super::seqs::Seqs;

/// The evidence about one life of a room, except for that about its users. Every time in it
/// is a maximum or a minimum, so the order in which callbacks arrive does not matter.
///
/// A vendor that names no lives has one *unnamed* life in each room. It opens and closes
/// many times.
#[derive(Clone, Debug)]
pub(crate) struct IncarnationEvidence {
    /// When the life opened: the earliest reported time, or the latest one if it is unnamed.
    pub(crate) opened_at: Option<Time>,
    /// The user who created the life.
    pub(crate) creator: Option<Creator>,
    /// How the life closed, if it did.
    pub(crate) closed: Option<Close>,
    /// When an unnamed life closed before `closed`. The part of the life that `closed`
    /// ended began there.
    pub(crate) closed_before: Option<Time>,
    /// The time of the latest create or login. An unnamed life is closed if it has a close
    /// that is no earlier than this.
    pub(crate) alive_at: Option<Time>,
    /// The name of the room in this life.
    pub(crate) name: Option<DatedName>,
    /// The earliest login time seen. It is kept here, and not derived from the users,
    /// because users are forgotten.
    pub(crate) first_login_at: Option<Time>,
    /// The time of the latest logout seen. It is kept for the same reason.
    pub(crate) last_logout_at: Option<Time>,
    /// The time of the latest event seen.
    pub(crate) last_event_at: Option<Time>,
    /// The sequence numbers that were seen.
    pub(crate) seqs: Seqs,
    /// The number of users that the vendor reports.
    pub(crate) reported: Option<Claim>,
    /// The latest time of any evidence: the later of its receipt and its event time.
    pub(crate) evidence_at: Time,
}

/// Who created a life, by the earliest report; by the latest one of an unnamed life. If two
/// reports of one time differ, the greater id counts.
#[derive(Clone, Debug)]
pub(crate) struct Creator {
    /// When the user created it.
    pub(crate) at: Option<Time>,
    /// The user.
    pub(crate) user: UserId,
}

/// How a life closed, by the earliest report; by the latest one of an unnamed life. If two
/// reports of one time differ, the greater reason counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Close {
    /// When it closed.
    pub(crate) at: Option<Time>,
    /// Why it closed.
    pub(crate) reason: CloseReason,
}

/// How many users a vendor reports. The latest report counts; of two at one time, the
/// greater number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// When the vendor counted.
    pub(crate) at: Option<Time>,
    /// The number of users.
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

    /// What the life takes, of which this is the id, without its users.
    pub(super) fn footprint(&self, id: &IncarnationId) -> Footprint {
        let creator = self.creator.as_ref().map_or("", |it| it.user.as_str());
        let name = self.name.as_ref().map_or("", |it| &*it.name);
        let texts = [id.as_str(), creator, name].map(|it| text(it.len()));
        // No more than a message tells of one life, so that those of all can be added up.
        let missing = u32::try_from(self.seqs.missing()).unwrap_or(u32::MAX);
        Footprint {
            missing_callbacks: missing as usize,
            bytes: LIFE + texts.iter().sum::<usize>(),
            number_bytes: self.seqs.runs().len() * RUN,
            ..Footprint::default()
        }
    }
}
