//! Users as data folders hold them: the evidence, and nothing that follows from it
//! or from the rooms.

use crate::{
    domain::UserId,
    reconcile::sessions::Sessions,
    stored::{self, StoredError},
};

use super::{Name, User};

impl User {
    /// The sessions, and the name.
    pub(crate) fn to_stored(&self) -> (Vec<stored::Session>, Option<stored::Name>) {
        let Self {
            sessions,
            name,
            rooms: _,
            is_placed: _,
        } = self;
        let name = name.as_ref();
        let name = name.map(|Name { at, name }| stored::Name::of(*at, name));
        (sessions.to_stored(), name)
    }

    /// A user who is in no room yet.
    pub(crate) fn from_stored(
        id: &UserId,
        sessions: Vec<stored::Session>,
        name: Option<stored::Name>,
    ) -> Result<Self, StoredError> {
        let name = name.map(|name| {
            let (at, name) = name.into_parts();
            Name { at, name }
        });
        Ok(Self {
            sessions: Sessions::from_stored(id, sessions)?,
            name,
            rooms: Default::default(),
            is_placed: false,
        })
    }

    /// A copy of the evidence, without the rooms: they can be many.
    pub(crate) fn evidence(&self) -> Self {
        let Self {
            sessions,
            name,
            rooms: _,
            is_placed: _,
        } = self;
        Self {
            sessions: sessions.clone(),
            name: name.clone(),
            rooms: Default::default(),
            is_placed: false,
        }
    }
}
