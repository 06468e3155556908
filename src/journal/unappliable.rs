//! What becomes of an entry on which our own code panics.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
};

use super::entry::Revision;

/// An entry that is durable, and on which the code panicked that decodes or applies it. What
/// follows the journal may have applied a part of it, so it must not be used any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entry of revision {revision} cannot be applied: the code panicked: {panic}")]
pub struct Unappliable {
    /// Its revision.
    pub revision: Revision,
    /// What the panic said.
    pub panic: String,
}

impl Unappliable {
    /// Does work for an entry. A panic is an error.
    pub(super) fn guard<T>(revision: Revision, work: impl FnOnce() -> T) -> Result<T, Self> {
        panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Self {
            revision,
            panic: message(&*payload),
        })
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it did not say why").to_owned()
}
