//! Sessions as data folders hold them.

use crate::{
    domain::{SessionId, Time, UserId},
    reconcile::Member,
    stored::{self, StoredError, ensure, known_time, millis},
};

use super::{
    Ended, Session, Sessions,
    list::{Kept, List},
};

impl Sessions {
    pub(crate) fn to_stored(&self) -> Vec<stored::Session> {
        self.0.iter().map(Session::to_stored).collect()
    }

    pub(crate) fn from_stored(
        user: &UserId,
        stored: Vec<stored::Session>,
    ) -> Result<Self, StoredError> {
        let mut sessions = Self(List::default());
        for session in stored {
            let session = Kept::from_stored(user, session)?;
            ensure(
                !sessions.knows(&session.id),
                "Session.session_id",
                "is there twice",
            )?;
            sessions.0.push(user, session);
        }
        Ok(sessions)
    }
}

impl Session<'_> {
    fn to_stored(self) -> stored::Session {
        let id = self.id();
        let Self {
            id: _,
            login,
            login_known_at,
            ended,
            evidence_at,
        } = self;
        stored::Session {
            session_id: id.as_str().to_owned(),
            login: login.map(Member::to_stored_login),
            login_known_at: millis(login_known_at),
            ended: ended.map(|ended| stored::Ended {
                through: millis(ended.through),
                at: millis(ended.at),
                reason: stored::LeaveReason::from(ended.reason).into(),
            }),
            evidence_at: evidence_at.as_millis(),
        }
    }
}

impl Kept {
    fn from_stored(user: &UserId, stored: stored::Session) -> Result<Self, StoredError> {
        let id = SessionId::from(stored.session_id.as_str());
        let login = stored
            .login
            .map(|login| Member::from_stored_login(user, &id, login));
        Ok(Self {
            login: login.transpose()?,
            id,
            login_known_at: Time::from_millis(stored.login_known_at),
            ended: stored.ended.map(Ended::from_stored).transpose()?,
            evidence_at: known_time(stored.evidence_at, "Session.evidence_at")?,
        })
    }
}

impl Ended {
    fn from_stored(stored: stored::Ended) -> Result<Self, StoredError> {
        Ok(Self {
            through: Time::from_millis(stored.through),
            at: Time::from_millis(stored.at),
            reason: stored::LeaveReason::decode(stored.reason, "Ended.reason")?,
        })
    }
}
