//! Ids, as vendors and the configuration spell them.

use std::{borrow::Borrow, cmp::Ordering, fmt};

use arcstr::ArcStr;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// It has the size of one pointer. A clone shares the text.
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(ArcStr);

        impl $name {
            /// The id as the vendor, or the configuration, spells it; empty if it
            /// gave none.
            pub fn as_str(&self) -> &str {
                &self.0
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
                Self(ArcStr::from(id))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        // Lets maps be searched by `&str`: hash and order are those of the text.
        impl Borrow<str> for $name {
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
    /// A vendor's room id. A room can have several lives; see [`IncarnationId`].
    RoomId
}
text_id! {
    /// A vendor's user id.
    UserId
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
            /// Whether the vendor gave no id.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                cmp_ids(self.as_str(), other.as_str())
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
        Self(ArcStr::from(id))
    }
}

impl From<&str> for SessionId {
    /// `"0"` is how older ZEGO callbacks say that there is none
    /// (docs.zegocloud.com/article/14133): it becomes the empty id.
    fn from(id: &str) -> Self {
        Self(ArcStr::from(if id == "0" { "" } else { id }))
    }
}

macro_rules! borrowed_id {
    ($(#[$doc:meta])* $name:ident of $owned:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name<'a>(&'a str);

        impl<'a> $name<'a> {
            /// The id as the vendor spells it; empty if it gave none.
            pub fn as_str(self) -> &'a str {
                self.0
            }

            /// Borrows a text that was the text of an id before.
            pub(crate) fn from_id_text(id: &'a str) -> Self {
                Self(id)
            }
        }

        impl $owned {
            /// The same id, borrowed.
            pub fn borrowed(&self) -> $name<'_> {
                $name(self.as_str())
            }
        }

        impl From<$name<'_>> for $owned {
            /// Copies the text to a new allocation.
            fn from(id: $name<'_>) -> Self {
                Self(ArcStr::from(id.0))
            }
        }

        impl PartialOrd for $name<'_> {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.0, f)
            }
        }
    };
}

borrowed_id! {
    /// A [`UserId`] that is part of something larger. It has the same order and hash.
    UserIdRef of UserId
}
borrowed_id! {
    /// A [`SessionId`] that is part of something larger. It has the same order and hash.
    SessionIdRef of SessionId
}

impl Ord for UserIdRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(other.0)
    }
}

impl Ord for SessionIdRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        cmp_ids(self.0, other.0)
    }
}

fn cmp_ids(a: &str, b: &str) -> Ordering {
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
fn digits(id: &str) -> Option<&[u8]> {
    let id = id.as_bytes();
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
                assert_eq!(cmp_ids(a, b), i.cmp(&j), "{a:?} against {b:?}");
            }
        }
    }

    #[test]
    fn an_id_takes_a_pointer() {
        assert_eq!(size_of::<Option<UserId>>(), size_of::<usize>());
    }

    #[test]
    fn session_zero_is_no_session() {
        assert_eq!(SessionId::from("0"), SessionId::from(""));
        assert_ne!(SessionId::from("00"), SessionId::from(""));
    }
}
