//! Where the sessions of a user are kept: a few in a vector, many with indexes.

use std::mem;

use crate::{
    domain::{SessionId, Time},
    reconcile::indexing::should_index,
};

use super::{many_sessions::ManySessions, session::SessionEvidence};

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
        let is_indexed = matches!(self, Self::Many(_));
        self.reform(should_index(self.len(), is_indexed));
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
