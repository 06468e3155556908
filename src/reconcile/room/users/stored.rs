//! The users of a life as data folders hold them.

use crate::{
    domain::{UserId, UserIdRef},
    reconcile::{Rules, sessions::Sessions},
    stored::{self, StoredError, ensure},
};

use super::Users;

impl Users {
    /// By user, so that one state has one spelling.
    pub(crate) fn to_stored(&self) -> Vec<stored::Sessions> {
        let mut users: Vec<_> = self.by_id.iter().collect();
        users.sort_unstable_by_key(|sessions| sessions.user());
        let stored = users.into_iter().map(|sessions| stored::Sessions {
            user_id: sessions.user().map_or("", UserIdRef::as_str).to_owned(),
            sessions: sessions.to_stored(),
        });
        stored.collect()
    }

    /// The sessions, of which nothing is [derived](Self::derive) yet.
    pub(crate) fn from_stored(stored: Vec<stored::Sessions>) -> Result<Self, StoredError> {
        let mut users = Self::default();
        for stored::Sessions { user_id, sessions } in stored {
            let user = UserId::from(user_id.as_str());
            let sessions = Sessions::from_stored(&user, sessions)?;
            ensure(!sessions.is_empty(), "Sessions.sessions", "is missing")?;
            let is_new = users.by_id.insert(sessions);
            ensure(is_new, "Sessions.user_id", "is there twice")?;
        }
        Ok(users)
    }

    /// Derives from the sessions what follows from them.
    pub(crate) fn derive(&mut self, rules: &Rules) {
        let present = self.by_id.iter().filter_map(|it| it.present(rules));
        present.for_each(|member| self.members.insert(member.clone()));
        self.derive_dues(rules);
    }
}
