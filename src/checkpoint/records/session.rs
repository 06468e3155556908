//! The sessions of one user.

use crate::{
    domain::{SessionId, Time, UserId},
    reconcile::sessions::{Ended, Session, SessionEvidence, Sessions},
    stored,
};

use super::{
    check::{StoredError, known_time, millis},
    member::{login_from_record, login_to_record},
};

pub(super) fn to_records(sessions: &Sessions) -> Vec<stored::Session> {
    sessions.iter().map(to_record).collect()
}

pub(super) fn from_records(
    user: &UserId,
    records: Vec<stored::Session>,
) -> Result<Sessions, StoredError> {
    let mut sessions = Sessions::default();
    for record in records {
        sessions.restore(user, from_record(user, record)?)?;
    }
    Ok(sessions)
}

fn to_record(session: Session<'_>) -> stored::Session {
    stored::Session {
        session_id: session.id().as_str().to_owned(),
        login: session.login.map(login_to_record),
        login_known_at: millis(session.login_known_at),
        ended: session.ended.map(|ended| stored::Ended {
            through: millis(ended.through),
            at: millis(ended.at),
            reason: stored::LeaveReason::from(ended.reason).into(),
        }),
        evidence_at: session.evidence_at.as_millis(),
    }
}

fn from_record(user: &UserId, record: stored::Session) -> Result<SessionEvidence, StoredError> {
    let id = SessionId::from(record.session_id.as_str());
    let login = record
        .login
        .map(|login| login_from_record(user, &id, login));
    Ok(SessionEvidence {
        login: login.transpose()?,
        id,
        login_known_at: Time::from_millis(record.login_known_at),
        ended: record.ended.map(ended_from_record).transpose()?,
        evidence_at: known_time(record.evidence_at, "Session.evidence_at")?,
    })
}

fn ended_from_record(record: stored::Ended) -> Result<Ended, StoredError> {
    Ok(Ended {
        through: Time::from_millis(record.through),
        at: Time::from_millis(record.at),
        reason: stored::LeaveReason::decode(record.reason, "Ended.reason")?,
    })
}
