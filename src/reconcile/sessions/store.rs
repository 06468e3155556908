//! Where the sessions of a user are kept: a few in a vector, many with indexes.

use std::mem;

use crate::domain::{SessionId, Time};

use super::{many_sessions::ManySessions, session::SessionEvidence};

/// The most sessions that are searched one by one, which takes less than a microsecond. More
/// sessions are indexed, which takes three times the memory for each.
const FEW_MAX: usize = 16;

/// Indexed sessions are searched one by one again when there are so few. It is less than
/// [`FEW_MAX`], so that a user at the limit does not change from one form to the other with each
/// event.
const FEW_AGAIN: usize = 8;

/// The sessions of one user, in either form.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Few(Vec<SessionEvidence>),
    Many(Box<ManySessions>),
}

impl Store {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    pub(super) fn change(
        &mut self,
        id: &SessionId,
        evidence_at: Time,
        change: impl FnOnce(&mut SessionEvidence),
    ) {
        let few = match self {
            Self::Few(few) => few,
            Self::Many(many) => return many.change(id, evidence_at, change),
        };
        let known = few.iter().position(|session| session.id == *id);
        let at = known.unwrap_or_else(|| {
            // Space for one session only: most users have one, and there are many users.
            few.reserve_exact(1);
            few.push(SessionEvidence::new(id.clone(), evidence_at));
            few.len() - 1
        });
        change(&mut few[at]);
    }

    pub(super) fn push(&mut self, session: SessionEvidence) {
        match self {
            Self::Few(few) => few.push(session),
            Self::Many(many) => many.push(session),
        }
    }

    /// Changes to the form that suits the number of sessions.
    pub(super) fn settle(&mut self) {
        match self {
            Self::Few(few) if few.len() > FEW_MAX => self.reform(true),
            Self::Many(many) if many.len() <= FEW_AGAIN => self.reform(false),
            _ => {}
        }
    }

    /// Indexes the sessions, or lists them one by one.
    pub(super) fn reform(&mut self, is_indexed: bool) {
        match self {
            Self::Few(few) if is_indexed => {
                *self = Self::Many(Box::new(mem::take(few).into_iter().collect()));
            }
            Self::Many(many) if !is_indexed => {
                *self = Self::Few(mem::take(&mut **many).into_vec());
            }
            _ => {}
        }
    }
}
