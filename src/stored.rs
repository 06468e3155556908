//! What data folders hold: messages generated from `proto/`, and what can be wrong
//! with one. The conversions are with the types that they convert.

use std::sync::Arc;

use crate::domain::Time;

pub(crate) use self::generated::*;

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::clone_on_ref_ptr)]
mod generated {
    tonic::include_proto!("headcount.storage.v1");
}

mod reasons;

/// What is wrong with a stored message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub(crate) struct StoredError {
    /// The field at fault, as `Message.field`.
    pub(crate) field: &'static str,
    /// What is wrong with it.
    pub(crate) problem: &'static str,
}

impl StoredError {
    pub(crate) fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}

/// Holds a stored message to what the code relies on.
pub(crate) fn ensure(
    holds: bool,
    field: &'static str,
    problem: &'static str,
) -> Result<(), StoredError> {
    if holds {
        Ok(())
    } else {
        Err(StoredError::new(field, problem))
    }
}

/// A message that has to be there.
pub(crate) fn required<T>(message: Option<T>, field: &'static str) -> Result<T, StoredError> {
    message.ok_or(StoredError::new(field, "is missing"))
}

/// A time that is never unknown.
pub(crate) fn known_time(millis: u64, field: &'static str) -> Result<Time, StoredError> {
    required(Time::from_millis(millis), field)
}

/// A time in milliseconds; 0 if it is unknown.
pub(crate) fn millis(time: Option<Time>) -> u64 {
    time.map_or(0, Time::as_millis)
}

impl Name {
    pub(crate) fn of(at: Option<Time>, name: &str) -> Self {
        let name = name.to_owned();
        let at = millis(at);
        Self { at, name }
    }

    pub(crate) fn into_parts(self) -> (Option<Time>, Arc<str>) {
        (Time::from_millis(self.at), self.name.into())
    }
}
