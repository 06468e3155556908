//! What rooms and users have in common: they are found in a table by their id, changed
//! by entries, and their latest changes are remembered.

pub(crate) mod cell;
pub(crate) mod entry_changes;
pub(crate) mod feed;
pub(crate) mod history_budget;
pub(crate) mod publish;
pub(crate) mod shared_encodings;
pub(crate) mod table;
pub(crate) mod watch;
