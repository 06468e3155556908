//! What vendors report, as events that do not depend on the vendor.

use std::{borrow::Cow, sync::Arc};

use super::{
    ids::{IncarnationId, RoomId, SessionId, UserId},
    time::Time,
};

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
    /// The vendor says how many users are in the room.
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

    /// The same, with `limit` in place of times after it.
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
/// chat service. It is about no room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UserEvent {
    /// A device of the user came online.
    Login(Login),
    /// A device of the user went offline.
    Logout(Logout),
}

impl UserEvent {
    /// The user.
    pub fn user(&self) -> &UserId {
        match self {
            Self::Login(login) => &login.user,
            Self::Logout(logout) => &logout.user,
        }
    }

    /// When it happened, by the vendor's clock, as far as the vendor said.
    pub fn at(&self) -> Option<Time> {
        match self {
            Self::Login(login) => login.at,
            Self::Logout(logout) => logout.at.or(logout.login_at),
        }
    }
}

/// A user logged in: to a room, or on a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login {
    /// The user who logged in.
    pub user: UserId,
    /// The session that the login began.
    pub session: SessionId,
    /// When the user logged in.
    pub at: Option<Time>,
    /// How the user appears to others.
    pub profile: Profile,
    /// The room's name, if the callback carries one.
    pub room_name: Option<Arc<str>>,
    /// The callback's number in this life of the room: the vendor counts its callbacks,
    /// so a number that is missing is a callback that was not received.
    pub seq: Option<u64>,
}

/// A user's login ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Logout {
    /// The user whose login ended.
    pub user: UserId,
    /// The session that the login had begun.
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

    /// The same, with `limit` in place of times after it.
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
/// The order decides between two logins of the same time, so that it does not matter
/// which is seen first.
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
    /// Removed by a server call, or logged in again. In the second case the logout may
    /// arrive after the login that replaced the session.
    Kicked,
    /// The client's token expired.
    TokenExpired,
    /// Not said.
    Unknown,
    /// Another life of the room, or another login of the user, took the place. No
    /// vendor says so: users are told this when their presence ended with something
    /// else.
    Superseded,
    /// The room closed. No vendor says so of a user.
    RoomClosed,
}
