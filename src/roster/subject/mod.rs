//! What rooms and users have in common. A table finds them by id, entries change them, and a
//! feed remembers their latest changes.

pub(crate) mod cell;
pub(crate) mod entry_changes;
pub(crate) mod feed;
pub(crate) mod history_budget;
pub(crate) mod publish;
pub(crate) mod shared_encodings;
pub(crate) mod table;
pub(crate) mod watch;
