//! Encodings of changes, which a front makes. All watchers that are sent the same changes
//! share one encoding.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// Identifies an encoding. The front that makes an encoding chooses its key. Different
/// encodings of the same changes have different keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingKey(pub u8);

/// The encodings of one entry or batch. Each is made once.
///
/// Their bytes are added to `history_bytes` for as long as the changes are remembered.
#[derive(Debug, Default)]
pub(super) struct SharedEncodings {
    first: OnceLock<Encoding>,
    /// The bytes that were added to `history_bytes`, or [`NOT_COUNTED`].
    counted: AtomicUsize,
}

#[derive(Debug)]
struct Encoding {
    key: EncodingKey,
    bytes: Bytes,
    /// The next encoding, as in a linked list. Usually there is one encoding, which is found at
    /// once.
    next: OnceLock<Box<Encoding>>,
}

/// Takes the place of the number of bytes when bytes are not counted any more.
const NOT_COUNTED: usize = usize::MAX;

impl SharedEncodings {
    /// The encoding with this key. The first caller makes it, and others wait meanwhile.
    pub(super) fn get_or_make(
        &self,
        key: EncodingKey,
        history_bytes: &AtomicUsize,
        make: impl FnOnce() -> Bytes,
    ) -> &Bytes {
        let mut make = Some(make);
        let mut encoding = || Encoding {
            key,
            bytes: make.take().map(|make| make()).unwrap_or_default(),
            next: OnceLock::new(),
        };
        let mut found = self.first.get_or_init(&mut encoding);
        while found.key != key {
            found = found.next.get_or_init(|| Box::new(encoding()));
        }
        if make.is_none() {
            self.count(found.bytes.len(), history_bytes);
        }
        &found.bytes
    }

    fn count(&self, bytes: usize, history_bytes: &AtomicUsize) {
        // Added before it is noted, so that `history_bytes` never falls below zero.
        history_bytes.fetch_add(bytes, Ordering::Relaxed);
        let add = |counted: usize| (counted != NOT_COUNTED).then(|| counted + bytes);
        let order = Ordering::Relaxed;
        if self.counted.fetch_update(order, order, add).is_err() {
            history_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Stops counting the bytes, because the changes are not remembered any more.
    pub(super) fn stop_counting(&self, history_bytes: &AtomicUsize) {
        let counted = self.counted.swap(NOT_COUNTED, Ordering::Relaxed);
        if counted != NOT_COUNTED {
            history_bytes.fetch_sub(counted, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, thread};

    use super::*;

    const A: EncodingKey = EncodingKey(1);
    const B: EncodingKey = EncodingKey(2);

    #[test]
    fn an_encoding_is_made_once_for_each_key() {
        let (encodings, history_bytes) = (SharedEncodings::default(), AtomicUsize::new(0));
        let made = Cell::new(0);
        let get = |key: EncodingKey, text: &'static str| {
            let bytes = encodings.get_or_make(key, &history_bytes, || {
                made.set(made.get() + 1);
                Bytes::from_static(text.as_bytes())
            });
            bytes.clone()
        };
        for _ in 0..3 {
            assert_eq!(
                (get(A, "one"), get(B, "three")),
                ("one".into(), "three".into())
            );
        }
        assert_eq!(made.get(), 2);
        assert_eq!(
            history_bytes.load(Ordering::Relaxed),
            "one".len() + "three".len()
        );
    }

    #[test]
    fn bytes_are_counted_while_they_are_remembered() {
        let (encodings, history_bytes) = (SharedEncodings::default(), AtomicUsize::new(100));
        let make = || Bytes::from_static(b"seven b");
        encodings.get_or_make(A, &history_bytes, make);
        assert_eq!(history_bytes.load(Ordering::Relaxed), 107);
        encodings.stop_counting(&history_bytes);
        encodings.stop_counting(&history_bytes);
        assert_eq!(history_bytes.load(Ordering::Relaxed), 100);
        // Made for a watcher whose batch is not remembered any more.
        encodings.get_or_make(B, &history_bytes, make);
        assert_eq!(history_bytes.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn threads_share_one_encoding_and_it_is_counted_once() {
        let (encodings, history_bytes) = (SharedEncodings::default(), AtomicUsize::new(0));
        let made = AtomicUsize::new(0);
        let make = || {
            made.fetch_add(1, Ordering::Relaxed);
            Bytes::from_static(b"bytes")
        };
        thread::scope(|scope| {
            for n in 0..8 {
                let (encodings, history_bytes) = (&encodings, &history_bytes);
                scope.spawn(move || encodings.get_or_make(EncodingKey(n % 2), history_bytes, make));
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 2);
        assert_eq!(history_bytes.load(Ordering::Relaxed), 10);
        encodings.stop_counting(&history_bytes);
        assert_eq!(history_bytes.load(Ordering::Relaxed), 0);
    }
}
