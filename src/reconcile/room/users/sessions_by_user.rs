//! Sessions by user. A few users are kept in a hash table, which takes little memory. Many
//! users are kept in a persistent map, which takes little time to clone.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _, mem};

use hashbrown::{HashTable, hash_table::Entry};

use crate::{
    domain::UserIdRef,
    reconcile::{Member, UserKey, sessions::Sessions},
};

/// The most users in a table. To clone a table of so many users takes about ten
/// microseconds. A persistent map of one user takes 1.6 KB, several times as much as a table,
/// and most rooms are small.
const TABLE_MAX: usize = 256;

/// The sessions of a few users or of many. A user without sessions is not in it.
#[derive(Clone, Debug)]
pub(super) enum SessionsByUser {
    Few(SessionTable),
    Many(imbl::HashMap<UserKey, Sessions>),
}

/// A hash table of sessions, by the id of their user. The id is not stored a second time.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionTable {
    sessions: HashTable<Sessions>,
    hasher: RandomState,
}

impl Default for SessionsByUser {
    fn default() -> Self {
        Self::Few(SessionTable::default())
    }
}

impl SessionsByUser {
    pub(super) fn get(&self, user: &str) -> Option<&Sessions> {
        match self {
            Self::Few(table) => table.get(user),
            Self::Many(map) => map.get(user),
        }
    }

    /// Changes a user's sessions. The user may have no sessions before, and none after.
    pub(super) fn change<T>(&mut self, user: &str, change: impl FnOnce(&mut Sessions) -> T) -> T {
        let changed = match self {
            Self::Few(table) => table.change(user, change),
            Self::Many(map) => change_in(map, user, change),
        };
        self.settle();
        changed
    }

    /// Lets the key of a user share the allocation of their latest login. Otherwise it would keep
    /// an earlier one.
    pub(super) fn share_key(&mut self, login: &Member) {
        if let Self::Many(map) = self
            && let Some((key, _)) = map.get_key_value(login.user().as_str())
            && !key.shares(login)
            && let Some(sessions) = map.remove(login.user().as_str())
        {
            map.insert(login.into(), sessions);
        }
    }

    /// Adds a user's sessions. Returns whether the user is new.
    pub(super) fn insert(&mut self, sessions: Sessions) -> bool {
        let Some(user) = sessions.user_key() else {
            return true;
        };
        self.change(user.user().as_str(), |known| {
            let is_new = known.is_empty();
            *known = sessions;
            is_new
        })
    }

    /// Changes to the form that suits the number of users.
    fn settle(&mut self) {
        match self {
            Self::Few(table) if table.sessions.len() > TABLE_MAX => {
                let sessions = mem::take(&mut table.sessions).into_iter();
                let by_user = sessions.filter_map(|it| Some((it.user_key()?, it)));
                *self = Self::Many(by_user.collect());
            }
            _ if self.is_empty() => *self = Self::default(),
            _ => {}
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(table) => table.sessions.len(),
            Self::Many(map) => map.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn iter(&self) -> Box<dyn ExactSizeIterator<Item = &Sessions> + '_> {
        match self {
            Self::Few(table) => Box::new(table.sessions.iter()),
            Self::Many(map) => Box::new(map.values()),
        }
    }

    /// Calls `visit` with the sessions of each user. It must leave each user a session.
    pub(super) fn for_each_mut(&mut self, visit: impl FnMut(&mut Sessions)) {
        match self {
            Self::Few(table) => table.sessions.iter_mut().for_each(visit),
            Self::Many(map) => map.iter_mut().map(|(_, it)| it).for_each(visit),
        }
    }
}

impl SessionTable {
    fn get(&self, user: &str) -> Option<&Sessions> {
        let hash = self.hasher.hash_one(user);
        self.sessions.find(hash, |it| is_of(it, user))
    }

    fn change<T>(&mut self, user: &str, change: impl FnOnce(&mut Sessions) -> T) -> T {
        let hash = self.hasher.hash_one(user);
        // Sessions in the table always have a user.
        let hash_of = |it: &Sessions| {
            self.hasher
                .hash_one(it.user().map_or("", UserIdRef::as_str))
        };
        match self.sessions.entry(hash, |it| is_of(it, user), hash_of) {
            Entry::Occupied(mut known) => {
                let changed = change(known.get_mut());
                if known.get().is_empty() {
                    known.remove();
                }
                changed
            }
            Entry::Vacant(place) => {
                let (sessions, changed) = begin(change);
                sessions.map(|sessions| place.insert(sessions));
                changed
            }
        }
    }
}

fn is_of(sessions: &Sessions, user: &str) -> bool {
    sessions.user().is_some_and(|it| it.as_str() == user)
}

/// Calls `change` with the sessions of a user who has none. Returns the sessions, if there
/// are any afterwards.
fn begin<T>(change: impl FnOnce(&mut Sessions) -> T) -> (Option<Sessions>, T) {
    let mut sessions = Sessions::default();
    let changed = change(&mut sessions);
    ((!sessions.is_empty()).then_some(sessions), changed)
}

fn change_in<T>(
    map: &mut imbl::HashMap<UserKey, Sessions>,
    user: &str,
    change: impl FnOnce(&mut Sessions) -> T,
) -> T {
    let Some(known) = map.get_mut(user) else {
        let (sessions, changed) = begin(change);
        sessions.and_then(|sessions| map.insert(sessions.user_key()?, sessions));
        return changed;
    };
    let changed = change(known);
    if known.is_empty() {
        map.remove(user);
    }
    changed
}
