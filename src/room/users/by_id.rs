//! Sessions by user: few in a map that takes little memory, many in one of which a
//! clone takes little time.

use std::{collections::HashMap, mem};

use crate::{event::UserId, room::sessions::Sessions};

/// The most users in a plain map. To clone so many takes some ten microseconds; a
/// persistent map of one user takes 1.6 KB, several times as much as a plain one,
/// and most rooms are small.
const PLAIN_MAX: usize = 256;

/// The sessions of many users or of few.
#[derive(Clone, Debug)]
pub(super) enum ById {
    Plain(HashMap<UserId, Sessions>),
    Persistent(imbl::HashMap<UserId, Sessions>),
}

impl Default for ById {
    fn default() -> Self {
        Self::Plain(HashMap::new())
    }
}

impl ById {
    pub(super) fn get(&self, user: &str) -> Option<&Sessions> {
        match self {
            Self::Plain(map) => map.get(user),
            Self::Persistent(map) => map.get(user),
        }
    }

    /// A user's sessions: none, if the user is new.
    pub(super) fn get_or_insert(&mut self, user: &UserId) -> &mut Sessions {
        self.make_room_for(user);
        match self {
            Self::Plain(map) => map.entry(user.clone()).or_default(),
            Self::Persistent(map) => map.entry(user.clone()).or_default(),
        }
    }

    pub(super) fn insert(&mut self, user: UserId, sessions: Sessions) -> Option<Sessions> {
        self.make_room_for(&user);
        match self {
            Self::Plain(map) => map.insert(user, sessions),
            Self::Persistent(map) => map.insert(user, sessions),
        }
    }

    fn make_room_for(&mut self, user: &UserId) {
        if let Self::Plain(map) = self
            && map.len() >= PLAIN_MAX
            && !map.contains_key(user)
        {
            *self = Self::Persistent(mem::take(map).into_iter().collect());
        }
    }

    pub(super) fn remove(&mut self, user: &str) -> Option<Sessions> {
        let removed = match self {
            Self::Plain(map) => map.remove(user),
            Self::Persistent(map) => map.remove(user),
        };
        if self.is_empty() {
            *self = Self::default();
        }
        removed
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(map) => map.len(),
            Self::Persistent(map) => map.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn iter(&self) -> Box<dyn ExactSizeIterator<Item = (&UserId, &Sessions)> + '_> {
        match self {
            Self::Plain(map) => Box::new(map.iter()),
            Self::Persistent(map) => Box::new(map.iter()),
        }
    }

    /// Shows `visit` all of them, to be changed.
    pub(super) fn for_each_mut(&mut self, visit: impl FnMut((&UserId, &mut Sessions))) {
        match self {
            Self::Plain(map) => map.iter_mut().for_each(visit),
            Self::Persistent(map) => map.iter_mut().for_each(visit),
        }
    }
}
