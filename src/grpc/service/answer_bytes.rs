//! Bounds the bytes of answers that are made before they are sent.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most bytes of answers that are in memory at once: those that are kept for later calls,
/// and those that clients have not read yet. An answer beyond that is made while it is sent.
/// The users of a room of 10,000 take about one megabyte.
pub(super) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The bytes of answers that may still be made.
#[derive(Clone, Debug)]
pub(super) struct AnswerBytes(Arc<Semaphore>);

/// Bytes that are counted until their last clone is dropped.
struct Counted {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AnswerBytes {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes_max)))
    }

    /// The same bytes, counted until they are dropped. `None` if they are too many.
    pub(super) fn count(&self, bytes: &Bytes) -> Option<Bytes> {
        let length = u32::try_from(bytes.len()).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(length).ok()?;
        Some(Bytes::from_owner(Counted {
            bytes: bytes.clone(),
            _permit: permit,
        }))
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.0.available_permits()
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_their_last_clone_is_dropped() {
        let answers = AnswerBytes::new(10);
        let six = answers.count(&Bytes::from_static(b"abcdef")).unwrap();
        assert_eq!(&*six, b"abcdef");
        let (clone, part) = (six.clone(), six.slice(2..4));
        assert!(answers.count(&Bytes::from_static(b"abcdef")).is_none());
        drop((six, clone));
        assert_eq!(answers.left(), 4);
        drop(part);
        assert_eq!(answers.left(), 10);
    }
}
