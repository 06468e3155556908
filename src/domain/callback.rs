//! What a callback says, in terms that are the same for all vendors.

use std::fmt;

use super::{RoomEvent, Time, UserEvent};

/// The name of a vendor's product that sends callbacks, such as `zego_room`. It is
/// stable: journals keep it and metrics show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductName(&'static str);

/// What a callback says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decoded {
    /// Events of one room. They are applied, and become visible, together.
    Room(Vec<RoomEvent>),
    /// Events of users' own connections. They are applied together.
    User(Vec<UserEvent>),
    /// An event that this service has no use for.
    Ignored {
        /// The vendor's name of it.
        event: Box<str>,
    },
    /// Authentic, but a field that its kind of event needs is missing or wrong. The callback is
    /// kept and has no effect. A better decoder can decode it later.
    Undecodable {
        /// What is wrong, naming the field.
        message: Box<str>,
    },
}

/// What became of a callback that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its events were decoded, and it is durable.
    Accepted,
    /// It is of an event that this service has no use for, so it is not kept.
    Ignored,
    /// It cannot be decoded. It is durable.
    Undecodable,
}

// === impl ProductName ===

impl ProductName {
    /// The product of that name.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ProductName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

// === impl Decoded ===

impl Decoded {
    /// Says what keeps a callback from being decoded.
    pub fn undecodable(why: impl ToString) -> Self {
        Self::Undecodable {
            message: why.to_string().into(),
        }
    }

    /// When its events happened, as far as they say so.
    pub fn times(&self) -> impl Iterator<Item = Time> {
        let (of_room, of_users) = match self {
            Self::Room(events) => (&**events, &[][..]),
            Self::User(events) => (&[][..], &**events),
            Self::Ignored { .. } | Self::Undecodable { .. } => (&[][..], &[][..]),
        };
        let of_room = of_room.iter().filter_map(|event| event.kind.at());
        of_room.chain(of_users.iter().filter_map(UserEvent::at))
    }

    /// How many events there are.
    pub fn event_count(&self) -> usize {
        match self {
            Self::Room(events) => events.len(),
            Self::User(events) => events.len(),
            Self::Ignored { .. } | Self::Undecodable { .. } => 0,
        }
    }

    /// What becomes of such a callback.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Room(_) | Self::User(_) => Outcome::Accepted,
            Self::Ignored { .. } => Outcome::Ignored,
            Self::Undecodable { .. } => Outcome::Undecodable,
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// Every outcome, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Ignored, Self::Undecodable];

    /// The word for it in answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Undecodable => "undecodable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_listed_in_order() {
        for (i, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, i);
        }
    }
}
