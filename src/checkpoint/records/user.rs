//! Users: the evidence, and nothing that follows from it or from the rooms.

use crate::{domain::UserId, reconcile::user::User, stored};

use super::{check::StoredError, name, session};

/// A user's sessions, and the name.
pub(crate) fn to_records(user: &User) -> (Vec<stored::Session>, Option<stored::Name>) {
    let name = user.dated_name().map(name::to_record);
    (session::to_records(user.sessions()), name)
}

/// The user who has these. The user is in no room yet.
pub(crate) fn from_records(
    id: &UserId,
    sessions: Vec<stored::Session>,
    name: Option<stored::Name>,
) -> Result<User, StoredError> {
    let sessions = session::from_records(id, sessions)?;
    Ok(User::restore(sessions, name.map(name::from_record)))
}
