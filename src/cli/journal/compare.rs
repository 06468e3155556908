//! Compares who is present in two rosters.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    domain::{AppName, RoomId, SessionId, UserId},
    reconcile::user::UserView,
    reconcile::{
        Member,
        room::{RoomState, RoomView},
    },
    roster::Roster,
};

/// Rooms and users that are listed; all are counted.
const LISTED_MAX: usize = 100;
/// Names that are listed of one room or user; all are counted.
const NAMES_MAX: usize = 20;

/// The differences between the recorded and the replayed roster.
#[derive(Debug, Default, Serialize)]
pub(super) struct Differences {
    /// How many rooms differ.
    pub(super) room_count: u64,
    /// How many users differ.
    pub(super) user_count: u64,
    /// The first of the rooms, by app and id.
    pub(super) rooms: Vec<RoomDifference>,
    /// The first of the users, by app and id.
    pub(super) users: Vec<UserDifference>,
}

/// A room that is not the same.
#[derive(Debug, Serialize)]
pub(super) struct RoomDifference {
    pub(super) app: String,
    pub(super) room_id: String,
    pub(super) recorded_open: bool,
    pub(super) replayed_open: bool,
    /// Users.
    #[serde(flatten)]
    pub(super) present: Present,
}

/// A user whose devices are not the same.
#[derive(Debug, Serialize)]
pub(super) struct UserDifference {
    pub(super) app: String,
    pub(super) user_id: String,
    /// Devices, by their sessions.
    #[serde(flatten)]
    pub(super) present: Present,
}

/// Who or what is present in one and not in the other, or not as the same.
#[derive(Debug, Default, Serialize)]
pub(super) struct Present {
    pub(super) only_recorded: Names,
    pub(super) only_replayed: Names,
    /// Present in both, with another session, login time or profile.
    pub(super) changed: Names,
}

/// Some names, and how many there are.
#[derive(Debug, Default, Serialize)]
pub(super) struct Names {
    pub(super) count: u64,
    pub(super) first: Vec<String>,
}

impl Differences {
    pub(super) fn is_empty(&self) -> bool {
        self.room_count + self.user_count == 0
    }

    /// Compares all rooms and users of both. The rosters must not change meanwhile.
    pub(super) fn between(recorded: &Roster, replayed: &Roster) -> Self {
        let mut differences = Self::default();
        let apps: BTreeSet<&AppName> = recorded.apps().chain(replayed.apps()).collect();
        for app in apps {
            let known = [recorded, replayed].map(|roster| roster.known_rooms(app));
            for id in known.into_iter().flatten().collect::<BTreeSet<_>>() {
                let views = [recorded, replayed].map(|roster| roster.room(app, &id).view);
                differences.room(app, &id, views);
            }
            let known = [recorded, replayed].map(|roster| roster.known_users(app));
            for id in known.into_iter().flatten().collect::<BTreeSet<_>>() {
                let views = [recorded, replayed].map(|roster| roster.user(app, &id).1);
                differences.user(app, &id, views);
            }
        }
        differences
    }

    fn room(&mut self, app: &AppName, id: &RoomId, views: [RoomView; 2]) {
        let is_open = |view: &RoomView| view.summary.state == RoomState::Open;
        let [recorded_open, replayed_open] = views.each_ref().map(is_open);
        let members = views.map(|view| {
            let members = view.members.iter().cloned();
            let by_user = members.map(|member| (UserId::from(member.user()), member));
            by_user.collect::<BTreeMap<UserId, _>>()
        });
        let present = Present::between(&members, UserId::as_str);
        if present.is_empty() && recorded_open == replayed_open {
            return;
        }
        self.room_count += 1;
        if self.rooms.len() < LISTED_MAX {
            self.rooms.push(RoomDifference {
                app: app.as_str().to_owned(),
                room_id: id.as_str().to_owned(),
                recorded_open,
                replayed_open,
                present,
            });
        }
    }

    fn user(&mut self, app: &AppName, id: &UserId, views: [UserView; 2]) {
        let devices = views.map(|view| {
            let by_session = view.devices.into_iter();
            let by_session = by_session.map(|device| (SessionId::from(device.session()), device));
            by_session.collect::<BTreeMap<SessionId, _>>()
        });
        let present = Present::between(&devices, SessionId::as_str);
        if present.is_empty() {
            return;
        }
        self.user_count += 1;
        if self.users.len() < LISTED_MAX {
            self.users.push(UserDifference {
                app: app.as_str().to_owned(),
                user_id: id.as_str().to_owned(),
                present,
            });
        }
    }
}

impl Present {
    fn between<K: Ord>(
        [recorded, replayed]: &[BTreeMap<K, Member>; 2],
        name: impl Fn(&K) -> &str,
    ) -> Self {
        let mut present = Self::default();
        for (key, member) in recorded {
            match replayed.get(key) {
                None => present.only_recorded.add(name(key)),
                Some(other) if other != member => present.changed.add(name(key)),
                Some(_) => {}
            }
        }
        for key in replayed.keys().filter(|key| !recorded.contains_key(key)) {
            present.only_replayed.add(name(key));
        }
        present
    }

    fn is_empty(&self) -> bool {
        self.only_recorded.count + self.only_replayed.count + self.changed.count == 0
    }
}

impl Names {
    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < NAMES_MAX {
            self.first.push(name.to_owned());
        }
    }
}
