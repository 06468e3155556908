//! The records of a checkpoint: conversions between the reconciler's evidence and changes
//! and the [stored messages](crate::stored).
//!
//! Each file has a `to_record` and a `from_record` for its types. What is read is held to
//! what the code relies on, so that a damaged checkpoint is refused and not served.

mod check;
mod enums;
mod incarnation;
mod member;
mod name;
pub(crate) mod room;
pub(crate) mod room_change;
pub(crate) mod room_users;
mod seqs;
mod session;
mod summary;
pub(crate) mod user;
pub(crate) mod user_change;

pub(crate) use self::check::{StoredError, ensure, known_time, required};
