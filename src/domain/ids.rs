//! Ids, as vendors and the configuration spell them.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

use super::texts::Texts;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Texts);

        impl $name {
            /// The id as the vendor, or the configuration, spells it; empty if it
            /// gave none.
            pub fn as_str(&self) -> &str {
                self.0.first()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.first_bytes() == other.0.first_bytes()
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        id! {
            $(#[$doc])*
            $name
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(Texts::new(id))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.first_bytes().cmp(other.0.first_bytes())
            }
        }

        // Lets maps be asked by `&str`: hash and order are those of the text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }
    };
}

text_id! {
    /// The name of an app in the configuration: the scope of rooms and users.
    AppName
}
text_id! {
    /// A vendor's room id. It lives many times; see [`IncarnationId`].
    RoomId
}
text_id! {
    /// A vendor's user id.
    UserId
}

impl UserId {
    /// The id of a user with what else is known, of which the id is the first text.
    pub(crate) fn of(texts: Texts) -> Self {
        Self(texts)
    }

    /// The id without what else it was [made of](Self::of), to be kept for long.
    pub(crate) fn alone(&self) -> Self {
        Self(self.0.alone())
    }

    /// The id, and what it was [made of](Self::of) beside it.
    pub(crate) fn texts(&self) -> &Texts {
        &self.0
    }
}

macro_rules! ordered_id {
    ($(#[$doc:meta])* $name:ident) => {
        id! {
            $(#[$doc])*
            ///
            /// Ids are opaque. Their order decides ties and nothing else: numbers
            /// come before other texts, numbers by value, the rest by bytes.
            $name
        }

        impl $name {
            /// Whether the vendor gave none.
            pub fn is_empty(&self) -> bool {
                self.0.first_bytes().is_empty()
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                cmp_ids(self.0.first_bytes(), other.0.first_bytes())
            }
        }
    };
}

ordered_id! {
    /// A vendor's id of one life of a room (ZEGO: `room_session_id`, which is
    /// the same as `room_seq`). Empty for vendors whose rooms have only one.
    IncarnationId
}
ordered_id! {
    /// A vendor's id of one login of a user. Empty if the vendor gave none.
    SessionId
}

impl From<&str> for IncarnationId {
    fn from(id: &str) -> Self {
        Self(Texts::new(id))
    }
}

impl From<&str> for SessionId {
    /// `"0"` is how older ZEGO callbacks say that there is none
    /// (docs.zegocloud.com/article/14133): it becomes the empty id.
    fn from(id: &str) -> Self {
        Self(Texts::new(if id == "0" { "" } else { id }))
    }
}

impl SessionId {
    /// The same, to be compared with one that is kept among other texts.
    pub fn borrowed(&self) -> SessionRef<'_> {
        SessionRef(self.as_str())
    }
}

/// A [`SessionId`] that is kept among other texts. Its order is the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionRef<'a>(&'a str);

impl<'a> SessionRef<'a> {
    /// A text that was a [`SessionId`].
    pub(crate) fn of(id: &'a str) -> Self {
        Self(id)
    }

    /// The id as the vendor spells it; empty if it gave none.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl From<SessionRef<'_>> for SessionId {
    fn from(id: SessionRef<'_>) -> Self {
        Self(Texts::new(id.0))
    }
}

impl Ord for SessionRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        cmp_ids(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl PartialOrd for SessionRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for SessionRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

fn cmp_ids(a: &[u8], b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (digits(a), digits(b)) {
        // The longer of two numbers without leading zeros is the greater.
        (Some(x), Some(y)) => (x.len().cmp(&y.len()))
            .then_with(|| x.cmp(y))
            .then_with(|| a.cmp(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// The significant digits of an id that is a number.
fn digits(id: &[u8]) -> Option<&[u8]> {
    let is_number = !id.is_empty() && id.iter().all(u8::is_ascii_digit);
    let zeros = || id.iter().take_while(|digit| **digit == b'0').count();
    is_number.then(|| &id[zeros()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_total_order() {
        let ascending = [
            "0",
            "09",
            "9",
            "010",
            "10",
            "18446744073709551616",
            "",
            "1a",
            "a",
            "é",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(
                    cmp_ids(a.as_bytes(), b.as_bytes()),
                    i.cmp(&j),
                    "{a:?} against {b:?}"
                );
            }
        }
    }

    #[test]
    fn session_zero_is_no_session() {
        assert_eq!(SessionId::from("0"), SessionId::from(""));
        assert_ne!(SessionId::from("00"), SessionId::from(""));
    }
}
