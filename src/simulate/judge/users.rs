//! Judges what the server says of users.

use std::collections::{BTreeMap, BTreeSet};

use headcount_client::WatchedUser;

use crate::{
    pb,
    simulate::{callbacks::SubjectIndex, observe::WatchResult, world::WorldUser},
};

use super::{
    Judge, compare, unexplained,
    verdict::{Cause, Difference, Witness},
};

impl Judge<'_> {
    /// Judges what the server says of the user at `place`. The rooms have to be judged before.
    pub(in crate::simulate) fn judge_user(
        &mut self,
        place: usize,
        told: &pb::User,
        watched: Option<&WatchResult<WatchedUser>>,
    ) {
        let user = &self.world.users[place];
        let mut found: BTreeMap<(String, Option<String>), BTreeSet<Witness>> = BTreeMap::new();
        let copied = watched.map(|watched| watched.copy.user());
        let accounts = [
            (Witness::Roster, Some(told)),
            (Witness::Watch, copied.as_ref()),
        ];
        for (witness, account) in accounts {
            for difference in account
                .iter()
                .flat_map(|account| self.differ(user, account))
            {
                found.entry(difference).or_default().insert(witness);
            }
        }
        let add = |((what, room), witnesses)| Difference {
            about: user.id.clone(),
            witnesses,
            what,
            cause: self.cause_of_user(place, room),
        };
        let mut differences: Vec<Difference> = found.into_iter().map(add).collect();
        // Loss cannot explain these.
        let mut faults = watched.map_or_else(Vec::new, |watched| watched.faults.clone());
        if copied.is_some_and(|copy| !compare::same(&copy, told, self.memory)) {
            faults.push("the copy of a watch is not what GetUser returns".to_owned());
        }
        let faults = faults.into_iter();
        differences.extend(faults.map(|what| unexplained(&user.id, Witness::Watch, what)));
        self.differences.append(&mut differences);
    }

    /// How one account of a user differs from the truth, and about which room.
    fn differ(&self, user: &WorldUser, account: &pb::User) -> Vec<(String, Option<String>)> {
        let online = compare::online(&user.truth, account, self.memory).into_iter();
        let in_rooms = compare::in_rooms(&user.truth, account).into_iter();
        let in_rooms = in_rooms.map(|(room, what)| (what, Some(room)));
        online.map(|what| (what, None)).chain(in_rooms).collect()
    }

    /// What loss explains of a user: of the devices, only that callbacks of this very
    /// user were lost; of a room, what explains differences in that one.
    fn cause_of_user(&self, place: usize, room: Option<String>) -> Cause {
        match room {
            Some(room) => {
                let cause = self.causes.get(&*room).copied();
                cause.unwrap_or(Cause::Unexplained)
            }
            None if self.has_lost(SubjectIndex::User(place)) => Cause::LossUnnumbered,
            None => Cause::Unexplained,
        }
    }
}
