//! What a front encoded of changes. Everyone who is sent the same shares it.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// Says which encoding some bytes are. The front that makes an encoding chooses its key;
/// different encodings of one thing have different keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingKey(pub u8);

/// The encodings of one thing, each made once.
///
/// Their bytes are counted in an account for as long as the thing is remembered.
#[derive(Debug, Default)]
pub(super) struct SharedEncodings {
    first: OnceLock<Encoding>,
    /// How many bytes are counted, or [`NO_LONGER`].
    counted: AtomicUsize,
}

#[derive(Debug)]
struct Encoding {
    key: EncodingKey,
    bytes: Bytes,
    /// There is one encoding as a rule, and it is not to be looked for.
    next: OnceLock<Box<Encoding>>,
}

/// Stands for the number of bytes when they are not counted any more.
const NO_LONGER: usize = usize::MAX;

impl SharedEncodings {
    /// The encoding of this key. The first who asks makes it; others wait meanwhile.
    pub(super) fn get_or_make(
        &self,
        key: EncodingKey,
        account: &AtomicUsize,
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
            self.count(found.bytes.len(), account);
        }
        &found.bytes
    }

    fn count(&self, bytes: usize, account: &AtomicUsize) {
        // Added before it is noted, so that the account never falls below zero.
        account.fetch_add(bytes, Ordering::Relaxed);
        let add = |counted: usize| (counted != NO_LONGER).then(|| counted + bytes);
        let order = Ordering::Relaxed;
        if self.counted.fetch_update(order, order, add).is_err() {
            account.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Stops counting the bytes, because what they encode is not remembered any more.
    pub(super) fn stop_counting(&self, account: &AtomicUsize) {
        let counted = self.counted.swap(NO_LONGER, Ordering::Relaxed);
        if counted != NO_LONGER {
            account.fetch_sub(counted, Ordering::Relaxed);
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
        let (encodings, account) = (SharedEncodings::default(), AtomicUsize::new(0));
        let made = Cell::new(0);
        let get = |key: EncodingKey, text: &'static str| {
            let bytes = encodings.get_or_make(key, &account, || {
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
        assert_eq!(account.load(Ordering::Relaxed), "one".len() + "three".len());
    }

    #[test]
    fn bytes_are_counted_while_they_are_remembered() {
        let (encodings, account) = (SharedEncodings::default(), AtomicUsize::new(100));
        let make = || Bytes::from_static(b"seven b");
        encodings.get_or_make(A, &account, make);
        assert_eq!(account.load(Ordering::Relaxed), 107);
        encodings.stop_counting(&account);
        encodings.stop_counting(&account);
        assert_eq!(account.load(Ordering::Relaxed), 100);
        // Made by a watcher that is behind what is remembered.
        encodings.get_or_make(B, &account, make);
        assert_eq!(account.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn threads_share_one_encoding_and_it_is_counted_once() {
        let (encodings, account) = (SharedEncodings::default(), AtomicUsize::new(0));
        let made = AtomicUsize::new(0);
        let make = || {
            made.fetch_add(1, Ordering::Relaxed);
            Bytes::from_static(b"bytes")
        };
        thread::scope(|scope| {
            for n in 0..8 {
                let (encodings, account) = (&encodings, &account);
                scope.spawn(move || encodings.get_or_make(EncodingKey(n % 2), account, make));
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 2);
        assert_eq!(account.load(Ordering::Relaxed), 10);
        encodings.stop_counting(&account);
        assert_eq!(account.load(Ordering::Relaxed), 0);
    }
}
