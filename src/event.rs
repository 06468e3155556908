//! The domain vocabulary: ids, times, and the events that callbacks decode to.
//!
//! Vendors' adapters produce these and the reconciler consumes them; neither
//! knows the other.

use std::{borrow::Cow, cmp::Ordering, fmt, num::NonZeroU64, sync::Arc, time::Duration};

/// A point in time: milliseconds since the Unix epoch, by whoever's clock.
///
/// Zero is not a time. Vendors send it where they have none, so it decodes to
/// `None` of `Option<Time>`, which sorts before every time that is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(NonZeroU64);

impl Time {
    /// The earliest time there is.
    pub const MIN: Time = Time(NonZeroU64::MIN);

    /// Milliseconds since the Unix epoch; `None` for zero.
    pub fn from_millis(millis: u64) -> Option<Time> {
        NonZeroU64::new(millis).map(Time)
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> u64 {
        self.0.get()
    }

    /// This much later; the latest time there is, if that would be past it.
    #[must_use]
    pub fn saturating_add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(millis(span)))
    }

    /// This much earlier; [`Time::MIN`], if that would be before it.
    #[must_use]
    pub fn saturating_sub(self, span: Duration) -> Time {
        NonZeroU64::new(self.0.get().saturating_sub(millis(span))).map_or(Time::MIN, Time)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as the vendor, or the configuration, spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        // Lets maps be asked by `&str`: hash and order are those of the text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
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

macro_rules! ordered_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Ids are opaque. Their order decides ties and nothing else: numbers
        /// come before other texts, numbers by value, the rest by bytes.
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as the vendor spells it; empty if it gave none.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the vendor gave none.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                cmp_ids(&self.0, &other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
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
        Self(id.into())
    }
}

impl From<&str> for SessionId {
    /// `"0"` is how older ZEGO callbacks say that there is none
    /// (docs.zegocloud.com/article/14133): it becomes the empty id.
    fn from(id: &str) -> Self {
        Self(if id == "0" { "" } else { id }.into())
    }
}

fn cmp_ids(a: &str, b: &str) -> Ordering {
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
fn digits(id: &str) -> Option<&str> {
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| id.trim_start_matches('0'))
}

/// Something a vendor reports about a room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomEvent {
    /// The room.
    pub room: RoomId,
    /// Which of the room's lives.
    pub incarnation: IncarnationId,
    /// What happened.
    pub kind: RoomEventKind,
}

/// What happened to a room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoomEventKind {
    /// A life of the room began.
    Created {
        /// When it began.
        at: Option<Time>,
        /// Who created it.
        creator: Option<UserId>,
        /// What it is called, if the callback says.
        name: Option<Arc<str>>,
    },
    /// A life of the room ended.
    Closed {
        /// When it ended.
        at: Option<Time>,
        /// Why.
        reason: CloseReason,
    },
    /// A user logged in.
    Login(Login),
    /// A user's login ended.
    Logout(Logout),
    /// The vendor claims that so many users are in the room.
    Counted {
        /// When it counted.
        at: Option<Time>,
        /// How many.
        users: u32,
    },
}

impl RoomEventKind {
    /// The latest time that it says anything about.
    pub fn latest(&self) -> Option<Time> {
        match self {
            Self::Created { at, .. } | Self::Closed { at, .. } | Self::Counted { at, .. } => *at,
            Self::Login(login) => login.at,
            Self::Logout(logout) => logout.latest(),
        }
    }

    /// The same, with times after `limit` taken for it.
    pub fn no_later_than(&self, limit: Time) -> Cow<'_, Self> {
        if self.latest().is_none_or(|latest| latest <= limit) {
            return Cow::Borrowed(self);
        }
        let mut kind = self.clone();
        match &mut kind {
            Self::Created { at, .. } | Self::Closed { at, .. } | Self::Counted { at, .. } => {
                *at = at.map(|at| at.min(limit));
            }
            Self::Login(login) => login.at = login.at.map(|at| at.min(limit)),
            Self::Logout(logout) => *logout = logout.no_later_than(limit),
        }
        Cow::Owned(kind)
    }

    /// When it happened, by the vendor's clock, as far as the vendor said.
    pub fn at(&self) -> Option<Time> {
        match self {
            Self::Created { at, .. } | Self::Closed { at, .. } | Self::Counted { at, .. } => *at,
            Self::Login(login) => login.at,
            Self::Logout(logout) => logout.at.or(logout.login_at),
        }
    }
}

/// Something a vendor reports about a user's own connections, such as those of a
/// chat service: no room has a part in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UserEvent {
    /// A device of the user came online.
    Login(Login),
    /// A device of the user went offline.
    Logout(Logout),
}

/// A user logged in: to a room, or on a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login {
    /// Who.
    pub user: UserId,
    /// Under which session.
    pub session: SessionId,
    /// When.
    pub at: Option<Time>,
    /// How the user appears to others.
    pub profile: Profile,
    /// The room's name, if the callback carries one.
    pub room_name: Option<Arc<str>>,
    /// The callback's number in this life of the room; see
    /// [`Seqs`](crate::room::Seqs).
    pub seq: Option<u64>,
}

/// A user's login ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Logout {
    /// Whose.
    pub user: UserId,
    /// Which session's.
    pub session: SessionId,
    /// When the login that ended began, if the callback names it.
    pub login_at: Option<Time>,
    /// When it ended.
    pub at: Option<Time>,
    /// Why.
    pub reason: LeaveReason,
    /// The callback's number in this life of the room.
    pub seq: Option<u64>,
}

impl Logout {
    /// The latest time that it says anything about.
    pub fn latest(&self) -> Option<Time> {
        self.at.max(self.login_at)
    }

    /// The same, with times after `limit` taken for it.
    #[must_use]
    pub fn no_later_than(&self, limit: Time) -> Logout {
        Logout {
            at: self.at.map(|at| at.min(limit)),
            login_at: self.login_at.map(|at| at.min(limit)),
            ..self.clone()
        }
    }
}

/// How a user appears to others, as of one login.
///
/// The order decides between two logins at the same time that differ, so that
/// it does not matter which is seen first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile {
    /// The name shown to others.
    pub nickname: Box<str>,
    /// What the user may do.
    pub role: Role,
    /// The kind of device, in the vendor's word.
    pub platform: Box<str>,
    /// What the app's client attached to its login.
    pub custom_data: Box<str>,
}

/// What a user may do in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The vendor has no roles, or did not say.
    #[default]
    Unspecified,
    /// Owns the room.
    Host,
    /// Takes part.
    Audience,
    /// A recorder or moderation bot: listed, but not counted as a user.
    Admin,
}

/// Why a room's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// Closed in the normal way.
    Normal,
    /// The last user's heartbeat timed out.
    LastUserTimeout,
    /// The last user's connection dropped.
    LastUserDropped,
    /// The last user was removed by a server call.
    LastUserKicked,
    /// Another life turned out to be the current one.
    Superseded,
    /// Not said, or forgotten after a long silence.
    Unknown,
}

/// Why a user left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaveReason {
    /// The client logged out.
    Logout,
    /// The vendor stopped hearing from the client.
    Timeout,
    /// Removed by a server call, or logged in again. The second means that this
    /// logout may follow the login that replaced it.
    Kicked,
    /// The client's token expired.
    TokenExpired,
    /// Not said.
    Unknown,
    /// Another life of the room, or login of the user, took the place. Not from
    /// a vendor: what users are told whose presence ended with something else.
    Superseded,
    /// The room closed. Not from a vendor, likewise.
    RoomClosed,
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
    fn session_zero_is_no_session() {
        assert_eq!(SessionId::from("0"), SessionId::from(""));
        assert_ne!(SessionId::from("00"), SessionId::from(""));
    }

    #[test]
    fn times_saturate() {
        let second = Duration::from_secs(1);
        assert_eq!(Time::MIN.saturating_sub(second), Time::MIN);
        let last = Time(NonZeroU64::MAX);
        assert_eq!(last.saturating_add(Duration::MAX), last);
        assert_eq!(Time::from_millis(0), None);
    }
}
