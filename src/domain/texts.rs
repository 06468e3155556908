//! Texts in one allocation.

use std::{ptr, str};

use triomphe::ThinArc;

/// Ends a text that another follows: it is in no UTF-8.
const END: u8 = 0xff;

/// A text, or several that belong together with a tail of other bytes, in one
/// allocation that all clones share. Where it is kept it takes a pointer: there are
/// many of them.
#[derive(Clone)]
pub(crate) struct Texts(ThinArc<(), u8>);

impl Texts {
    pub(crate) fn new(text: &str) -> Self {
        Self(ThinArc::from_header_and_slice((), text.as_bytes()))
    }

    /// Two texts or more, then the tail. Whoever splits them knows how many they are
    /// and how long the tail is.
    pub(crate) fn join(texts: &[&str], tail: &[u8]) -> Self {
        debug_assert!(texts.len() > 1, "else the tail is part of the first");
        let length: usize = texts.iter().map(|text| text.len() + 1).sum();
        let mut bytes = Vec::with_capacity(length + tail.len());
        for (number, text) in texts.iter().enumerate() {
            if number > 0 {
                bytes.push(END);
            }
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(tail);
        Self(ThinArc::from_header_and_slice((), &bytes))
    }

    /// The first text with nothing else.
    pub(crate) fn alone(&self) -> Self {
        if self.first_bytes().len() == self.0.slice.len() {
            return self.clone();
        }
        Self::new(self.first())
    }

    /// The first text, or the only one.
    pub(crate) fn first(&self) -> &str {
        to_str(self.first_bytes())
    }

    /// Its bytes: to compare them needs nothing else.
    pub(crate) fn first_bytes(&self) -> &[u8] {
        let bytes = &self.0.slice;
        let end = bytes.iter().position(|byte| *byte == END);
        &bytes[..end.unwrap_or(bytes.len())]
    }

    /// The texts: `count` of them, before a tail of `tail` bytes.
    pub(crate) fn split(&self, count: usize, tail: usize) -> impl Iterator<Item = &str> {
        let bytes = &self.0.slice;
        let texts = &bytes[..bytes.len().saturating_sub(tail)];
        texts.splitn(count, |byte| *byte == END).map(to_str)
    }

    /// How long the texts of a [split](Self::split) are together.
    pub(crate) fn text_bytes(&self, count: usize, tail: usize) -> usize {
        (self.0.slice.len() + 1).saturating_sub(count + tail)
    }

    /// A tail of `N` bytes, if there are so many.
    pub(crate) fn tail<const N: usize>(&self) -> Option<&[u8; N]> {
        self.0.slice.last_chunk()
    }

    /// Whether all is the same: texts, how many they are, and tail.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let (a, b) = (&self.0.slice, &other.0.slice);
        ptr::eq(a, b) || a == b
    }
}

/// A text again: none is there that was not one.
fn to_str(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_alone_is_the_first() {
        for text in ["", "a", "é日"] {
            assert_eq!(Texts::new(text).first(), text);
        }
    }

    #[test]
    fn what_differs_anywhere_is_not_the_same() {
        let all = [
            Texts::new("ab"),
            Texts::join(&["ab", ""], b"c"),
            Texts::join(&["ab", ""], b""),
            Texts::join(&["a", "b"], b""),
            Texts::join(&["", "ab"], b""),
        ];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(a.is(b), i == j, "{i} and {j}");
            }
        }
        assert!(Texts::new("ab").is(&Texts::new("ab")));
    }

    proptest! {
        #[test]
        fn joined_texts_come_back(
            texts in prop::collection::vec(any::<String>(), 2..6),
            tail in any::<[u8; 9]>(),
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let joined = Texts::join(&texts, &tail);
            prop_assert_eq!(joined.first(), texts[0]);
            prop_assert!(joined.split(texts.len(), tail.len()).eq(texts.iter().copied()));
            prop_assert_eq!(joined.text_bytes(texts.len(), tail.len()), texts.concat().len());
            prop_assert_eq!(joined.tail(), Some(&tail));
        }
    }
}
