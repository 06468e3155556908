//! What rooms and users have in common: they are found in a table by their id, and
//! their latest changes are remembered.

pub(in crate::roster) mod history_budget;
pub(in crate::roster) mod table;
