//! Lives of rooms: the evidence, and nothing that follows from it.

use crate::{
    domain::{IncarnationId, Time},
    reconcile::room::{Claim, Close, Creator, Incarnation, IncarnationEvidence},
    stored,
};

use super::{
    check::{StoredError, known_time, millis, required},
    name, room_users, seqs,
};

/// The record of a life with some of its users.
pub(super) fn to_record(
    id: &IncarnationId,
    life: &Incarnation,
    users: Vec<stored::Sessions>,
) -> stored::Incarnation {
    let IncarnationEvidence {
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
        reported,
        evidence_at,
    } = life.evidence();
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
        name: name.as_ref().map(name::to_record),
        first_login_at: millis(*first_login_at),
        last_logout_at: millis(*last_logout_at),
        last_event_at: millis(*last_event_at),
        seqs: Some(seqs::to_record(seqs)),
        users,
        reported: reported.map(|Claim { at, users }| {
            let at = millis(at);
            stored::Claim { at, users }
        }),
        evidence_at: evidence_at.as_millis(),
    }
}

/// A life, and its id. Nothing is derived from the evidence yet.
pub(super) fn from_record(
    record: stored::Incarnation,
) -> Result<(IncarnationId, Incarnation), StoredError> {
    let id = IncarnationId::from(record.incarnation_id.as_str());
    let seqs = required(record.seqs, "Incarnation.seqs")?;
    let evidence = IncarnationEvidence {
        opened_at: Time::from_millis(record.opened_at),
        creator: record.creator.map(|creator| Creator {
            at: Time::from_millis(creator.at),
            user: creator.user_id.as_str().into(),
        }),
        closed: record.closed.map(close_from_record).transpose()?,
        closed_before: Time::from_millis(record.closed_before),
        alive_at: Time::from_millis(record.alive_at),
        name: record.name.map(name::from_record),
        first_login_at: Time::from_millis(record.first_login_at),
        last_logout_at: Time::from_millis(record.last_logout_at),
        last_event_at: Time::from_millis(record.last_event_at),
        seqs: seqs::from_record(&seqs)?,
        reported: record.reported.map(|claim| Claim {
            at: Time::from_millis(claim.at),
            users: claim.users,
        }),
        evidence_at: known_time(record.evidence_at, "Incarnation.evidence_at")?,
    };
    let users = room_users::from_records(record.users)?;
    let life = Incarnation::restore(&id, evidence, users)?;
    Ok((id, life))
}

fn close_from_record(record: stored::Close) -> Result<Close, StoredError> {
    Ok(Close {
        at: Time::from_millis(record.at),
        reason: stored::CloseReason::decode(record.reason, "Close.reason")?,
    })
}
