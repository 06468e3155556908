//! How much the roster may remember.

use std::time::Duration;

use crate::roster::subject::feed::FeedLimits;

/// How much the roster may remember.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The limits of the history of one room or user.
    pub feed: FeedLimits,
    /// How long a change is remembered.
    pub history_age_max: Duration,
    /// The most bytes that all remembered changes take together.
    pub history_bytes_max: usize,
    /// The most bytes that users take together who are kept because they were queried, so that a
    /// watch can begin where the answer ended. Each app has an equal part.
    pub queried_bytes_max: usize,
    /// What callbacks may add to.
    pub capacity: CapacityLimits,
}

/// How much the roster may hold, beside history. What a callback would add beyond is not taken.
/// An entry of the journal is applied in any case, since all who read the journal have to come
/// to the same state.
#[derive(Clone, Copy, Debug)]
pub struct CapacityLimits {
    /// The most users: each counts once for each life of a room of which there is evidence of
    /// them, and once more if there is evidence of their devices.
    pub users_max: usize,
    /// The most rooms.
    pub rooms_max: usize,
    /// The most sessions of a user in one life of a room, and devices of a user. At least
    /// [`SESSIONS_OR_LIVES_MIN`](crate::reconcile::SESSIONS_OR_LIVES_MIN).
    pub sessions_per_user_max: usize,
    /// The most lives of a room. At least
    /// [`SESSIONS_OR_LIVES_MIN`](crate::reconcile::SESSIONS_OR_LIVES_MIN).
    pub lives_per_room_max: usize,
    /// The most bytes that all of these take, by the account of
    /// [`Footprint`](crate::reconcile::Footprint).
    pub bytes_max: usize,
}

/// One of the limits on what the roster holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// [`CapacityLimits::users_max`].
    Users,
    /// [`CapacityLimits::rooms_max`].
    Rooms,
    /// [`CapacityLimits::sessions_per_user_max`].
    SessionsPerUser,
    /// [`CapacityLimits::lives_per_room_max`].
    LivesPerRoom,
    /// [`CapacityLimits::bytes_max`].
    Bytes,
}

impl Limit {
    /// All limits, in the order of their discriminants.
    pub const ALL: [Self; 5] = [
        Self::Users,
        Self::Rooms,
        Self::SessionsPerUser,
        Self::LivesPerRoom,
        Self::Bytes,
    ];

    /// The key in the configuration, with its section.
    pub fn key(self) -> &'static str {
        match self {
            Self::Users => "roster.users_max",
            Self::Rooms => "roster.rooms_max",
            Self::SessionsPerUser => "roster.sessions_per_user_max",
            Self::LivesPerRoom => "roster.lives_per_room_max",
            Self::Bytes => "roster.bytes_max",
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            feed: FeedLimits {
                changes_max: 1024,
                // A quarter of gRPC's default limit on a message, because a batch is sent as
                // one message.
                batch_bytes_max: 1024 * 1024,
            },
            history_age_max: Duration::from_secs(10 * 60),
            history_bytes_max: 64 * 1024 * 1024,
            queried_bytes_max: 64 * 1024 * 1024,
            capacity: CapacityLimits::default(),
        }
    }
}

impl Default for CapacityLimits {
    /// What 4 GiB of memory hold, except that the bytes are not limited.
    fn default() -> Self {
        Self {
            users_max: 4_000_000,
            rooms_max: 1_000_000,
            sessions_per_user_max: 1_000,
            lives_per_room_max: 1_000,
            bytes_max: usize::MAX,
        }
    }
}
