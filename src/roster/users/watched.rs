//! The watched users of an app.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::domain::{UserId, UserIdRef};

/// The watched users, each with the number of watches.
#[derive(Debug, Default)]
pub(super) struct WatchedUsers {
    watches: Mutex<HashMap<UserId, usize>>,
}

impl WatchedUsers {
    /// Counts one more watch of a user.
    pub(super) fn add(&self, user: &UserId) {
        *self.watches.lock().entry(user.clone()).or_default() += 1;
    }

    /// Whether a user is watched.
    pub(super) fn has(&self, user: &UserId) -> bool {
        self.watches.lock().contains_key(user)
    }

    /// Counts one watch of a user less.
    pub(super) fn remove(&self, user: &UserId) {
        let mut watches = self.watches.lock();
        if let Some(count) = watches.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                watches.remove(user);
            }
        }
    }

    /// The watched users among the `count` members of a room. `members` iterates over the
    /// members, and `is_member` looks up one user. This checks each member or each watched
    /// user, whichever are fewer: a small room can close while very many users are watched,
    /// and a large room while few are.
    pub(super) fn among<'m>(
        &self,
        count: usize,
        members: impl Iterator<Item = UserIdRef<'m>>,
        is_member: impl Fn(UserIdRef<'_>) -> bool,
    ) -> Vec<UserId> {
        let watches = self.watches.lock();
        if watches.len() <= count {
            let watched = watches.keys().filter(|user| is_member(user.borrowed()));
            watched.cloned().collect()
        } else {
            let watched = members.filter_map(|member| watches.get_key_value(member.as_str()));
            watched.map(|(user, _)| user.clone()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn users(names: impl Iterator<Item = usize>) -> Vec<UserId> {
        names.map(|name| name.to_string().as_str().into()).collect()
    }

    /// The watched users among the members 0, 1, 2 …, and how many members or watched users
    /// were checked.
    fn found(watched: &[UserId], members: usize) -> (Vec<UserId>, usize) {
        let by_user = WatchedUsers::default();
        watched.iter().for_each(|user| by_user.add(user));
        let members = users(0..members);
        let looks = Cell::new(0);
        let look = || looks.set(looks.get() + 1);
        let mut found = by_user.among(
            members.len(),
            members.iter().map(UserId::borrowed).inspect(|_| look()),
            |user| {
                look();
                members.iter().any(|member| member.borrowed() == user)
            },
        );
        found.sort();
        (found, looks.get())
    }

    #[test]
    fn a_small_room_costs_its_members_however_many_users_are_watched() {
        let watched = users(1..10_000);
        assert_eq!(found(&watched, 3), (users(1..3), 3));
        assert_eq!(found(&watched, 0), (vec![], 0));
    }

    #[test]
    fn a_large_room_costs_the_watched_users_however_many_members_it_has() {
        let watched = users([7, 20_000].into_iter());
        assert_eq!(found(&watched, 10_000), (users(7..8), 2));
        assert_eq!(found(&[], 10_000), (vec![], 0));
    }

    #[test]
    fn a_user_is_watched_until_the_last_watch_ends() {
        let watched = WatchedUsers::default();
        let ann = UserId::from("ann");
        let is_watched = || {
            !watched
                .among(1, [ann.borrowed()].into_iter(), |_| true)
                .is_empty()
        };
        watched.add(&ann);
        watched.add(&ann);
        watched.remove(&ann);
        assert!(is_watched());
        watched.remove(&ann);
        assert!(!is_watched());
    }
}
