//! Lives of rooms as data folders hold them.

use crate::{
    domain::{IncarnationId, Time},
    reconcile::{
        Rules,
        room::{Seqs, users::Users},
    },
    stored::{self, StoredError, ensure, known_time, millis, required},
};

use super::{Close, Creator, Incarnation, Name};

impl Incarnation {
    pub(crate) fn to_stored(&self, id: &IncarnationId) -> stored::Incarnation {
        let Self {
            is_only: _,
            opened_at,
            creator,
            closed,
            closed_before,
            alive_at,
            name,
            first_login_at,
            last_logout_at,
            last_event_at,
            seqs,
            users,
            reported,
            evidence_at,
            remains: _,
        } = self;
        stored::Incarnation {
            incarnation_id: id.as_str().to_owned(),
            opened_at: millis(*opened_at),
            creator: creator.as_ref().map(|Creator { at, user }| {
                let user_id = user.as_str().to_owned();
                let at = millis(*at);
                stored::Creator { at, user_id }
            }),
            closed: closed.map(|Close { at, reason }| stored::Close {
                at: millis(at),
                reason: stored::CloseReason::from(reason).into(),
            }),
            closed_before: millis(*closed_before),
            alive_at: millis(*alive_at),
            name: (name.as_ref()).map(|Name { at, name }| stored::Name::of(*at, name)),
            first_login_at: millis(*first_login_at),
            last_logout_at: millis(*last_logout_at),
            last_event_at: millis(*last_event_at),
            seqs: Some(seqs.to_stored()),
            users: users.to_stored(),
            reported: reported.map(|(at, users)| {
                let at = millis(at);
                stored::Claim { at, users }
            }),
            evidence_at: evidence_at.as_millis(),
        }
    }

    /// The evidence, of which nothing is [derived](Self::derive) yet.
    pub(crate) fn from_stored(stored: stored::Incarnation) -> Result<Self, StoredError> {
        let is_only = stored.incarnation_id.is_empty();
        let seqs = required(stored.seqs, "Incarnation.seqs")?;
        let reported = stored.reported;
        ensure(
            stored.closed.is_none() || is_only || stored.users.is_empty(),
            "Incarnation.users",
            "are there, though it is closed",
        )?;
        Ok(Self {
            is_only,
            opened_at: Time::from_millis(stored.opened_at),
            creator: stored.creator.map(|creator| Creator {
                at: Time::from_millis(creator.at),
                user: creator.user_id.as_str().into(),
            }),
            closed: stored.closed.map(Close::from_stored).transpose()?,
            closed_before: Time::from_millis(stored.closed_before),
            alive_at: Time::from_millis(stored.alive_at),
            name: stored.name.map(|name| {
                let (at, name) = name.into_parts();
                Name { at, name }
            }),
            first_login_at: Time::from_millis(stored.first_login_at),
            last_logout_at: Time::from_millis(stored.last_logout_at),
            last_event_at: Time::from_millis(stored.last_event_at),
            seqs: Seqs::from_stored(&seqs)?,
            users: Users::from_stored(stored.users)?,
            reported: reported.map(|claim| (Time::from_millis(claim.at), claim.users)),
            evidence_at: known_time(stored.evidence_at, "Incarnation.evidence_at")?,
            remains: None,
        })
    }

    /// Derives from the evidence what follows from it.
    pub(crate) fn derive(&mut self, rules: &Rules) {
        self.users.derive(rules);
    }
}

impl Close {
    fn from_stored(stored: stored::Close) -> Result<Self, StoredError> {
        Ok(Self {
            at: Time::from_millis(stored.at),
            reason: stored::CloseReason::decode(stored.reason, "Close.reason")?,
        })
    }
}
