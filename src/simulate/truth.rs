//! What is true of a room or a user: plain sets, written down by the generator while it
//! makes the history, in the order in which things happen.
//!
//! The reconciler is judged by this, so none of its code is used here: not its
//! types, not its rules, not its order of ids.

use std::collections::{BTreeMap, BTreeSet};

/// What is true of one room when the history ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoomTruth {
    /// The life that the room is in, or was in last; `None` if no callback that still
    /// counts says that it had one.
    pub(crate) life: Option<TrueLife>,
    /// Who is in it, by user id.
    pub(crate) users: BTreeMap<String, TrueUser>,
}

/// One life of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrueLife {
    pub(crate) session_id: String,
    /// The name that the latest login into it gave; empty if none did.
    pub(crate) name: String,
    /// As the vendor reported it; empty if it did not.
    pub(crate) creator_id: String,
    /// Milliseconds since the Unix epoch, as the vendor reported it.
    pub(crate) open_time: Option<u64>,
    /// Set once it is closed.
    pub(crate) close_time: Option<u64>,
}

/// One user who is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrueUser {
    pub(crate) session_id: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) login_time: u64,
    pub(crate) profile: TrueProfile,
}

/// How a user appears to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrueProfile {
    pub(crate) nickname: String,
    pub(crate) role: TrueRole,
    /// The vendor's word for the kind of device; empty if it gives none.
    pub(crate) platform: String,
    pub(crate) custom_data: String,
}

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TrueRole {
    Host,
    #[default]
    Audience,
    /// A recorder: present, but not counted as a user.
    Recorder,
    /// The vendor does not say.
    Untold,
}

/// What is true of one user of the chat when the history ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UserTruth {
    /// The name that the latest login with a name gave; of two at one time, the greater.
    pub(crate) name: String,
    /// The devices that are online, by session id.
    pub(crate) devices: BTreeMap<String, TrueDevice>,
    /// The rooms of the same app that the user is in, by id, and since when, in
    /// milliseconds since the Unix epoch.
    pub(crate) rooms: BTreeMap<String, u64>,
}

/// One device of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrueDevice {
    /// The vendor's word, without the spaces around it.
    pub(crate) platform: String,
    /// Milliseconds since the Unix epoch: whole seconds.
    pub(crate) login_time: u64,
}

impl RoomTruth {
    /// How many users are present, without recorders.
    pub(crate) fn user_count(&self) -> usize {
        let people = self
            .users
            .values()
            .filter(|user| user.profile.role != TrueRole::Recorder);
        people.count()
    }

    /// The documented digest over all users who are present, recorders included.
    pub(crate) fn digest(&self) -> u64 {
        let users = self.users.iter();
        digest(users.map(|(user_id, user)| (user_id.as_str(), user.session_id.as_str())))
    }
}

/// The digest of `Progress` as its documentation has it, written a second time
/// on purpose: a service that checks itself with its own code proves little.
pub(crate) fn digest<'a>(users: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    users.fold(0, |sum: u64, (user_id, session_id)| {
        let bytes = user_id.bytes().chain([0]).chain(session_id.bytes());
        let hash = bytes.fold(OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        });
        sum.wrapping_add(hash)
    })
}

/// Which of the numbers that a vendor gave to the callbacks of one life arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) arrived: BTreeSet<u64>,
    pub(crate) lost: BTreeSet<u64>,
}

impl Numbers {
    /// How many are missing below the last that arrived.
    pub(crate) fn holes(&self) -> u64 {
        let last = self.arrived.last().copied().unwrap_or(0);
        last - self.arrived.len() as u64
    }
}
