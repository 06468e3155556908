//! The judge: every difference between what the server says and what is true,
//! and whether loss explains it.

mod compare;
mod users;
mod verdict;

pub use self::verdict::{Cause, Difference, Verdict, Witness};
pub(super) use self::{compare::Memory, verdict::counted};

use std::collections::{BTreeMap, BTreeSet};

use headcount_client::WatchedRoom;

use crate::pb;

use super::{
    callbacks::SubjectIndex,
    disorder::Schedule,
    observe::{RoomAnswer, WatchResult},
    options::VendorName,
    truth::{Numbers, TrueLife},
    world::{Shape, World},
};

/// What a run is judged by.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) world: &'a World,
    pub(super) memory: Memory,
    /// What each life of each room lost, if it lost anything, and each user.
    losses: BTreeMap<(SubjectIndex, u64), Loss>,
    numbers: BTreeMap<(SubjectIndex, u64), Numbers>,
    /// What loss explains of the rooms that were judged, by their ids.
    causes: BTreeMap<&'a str, Cause>,
    differences: Vec<Difference>,
}

/// Which kinds of callbacks a life of a room lost.
#[derive(Clone, Copy, Debug, Default)]
struct Loss {
    /// Numbered ones below the last that arrived: they leave a hole.
    holes: bool,
    /// Numbered ones after it.
    at_the_end: bool,
    /// Those without a number.
    unnumbered: bool,
}

impl<'a> Judge<'a> {
    pub(super) fn new(world: &'a World, schedule: &Schedule, memory: Memory) -> Self {
        let numbers = schedule.numbers(&world.callbacks);
        let mut losses = BTreeMap::<_, Loss>::new();
        for lost in &schedule.lost {
            let callback = &world.callbacks[*lost];
            let life = (callback.about, callback.life);
            let arrived = numbers.get(&life).map(|numbers| &numbers.arrived);
            let last = arrived.and_then(|arrived| arrived.last().copied());
            let loss = losses.entry(life).or_default();
            match callback.what.number() {
                None => loss.unnumbered = true,
                // No number is less than `Some` of any.
                Some(number) if Some(number) > last => loss.at_the_end = true,
                Some(_) => loss.holes = true,
            }
        }
        Self {
            world,
            memory,
            losses,
            numbers,
            causes: BTreeMap::new(),
            differences: Vec::new(),
        }
    }

    /// Judges what the server says of the room at `place`.
    pub(super) fn judge_room(
        &mut self,
        place: usize,
        told: &RoomAnswer,
        watched: Option<&WatchResult<WatchedRoom>>,
    ) {
        let true_room = &self.world.rooms[place];
        let truth = &true_room.truth;
        let mut found: BTreeMap<String, BTreeSet<Witness>> = BTreeMap::new();
        let mut note = |witness, differences: Vec<String>| {
            for what in differences {
                found.entry(what).or_default().insert(witness);
            }
        };
        note(Witness::Roster, compare::users(truth, told.users.iter()));
        note(
            Witness::Roster,
            compare::room(truth, &told.room, self.memory),
        );
        if let Some(WatchResult { copy, .. }) = watched {
            note(Witness::Watch, compare::users(truth, copy.users().values()));
            let room = copy
                .room()
                .map(|room| compare::room(truth, room, self.memory));
            note(Witness::Watch, room.unwrap_or_default());
        }
        let name = format!("{} ({})", true_room.id, true_room.story);
        let cause = self.cause(place, &told.room);
        self.causes.insert(&true_room.id, cause);
        let add = |(what, witnesses)| Difference {
            about: name.clone(),
            witnesses,
            what,
            cause,
        };
        let mut differences: Vec<Difference> = found.into_iter().map(add).collect();
        // Loss cannot explain these.
        let counts = self.counts(place, told).into_iter();
        let faults = watched
            .into_iter()
            .flat_map(|watched| watched.faults.clone());
        let counts = counts.map(|what| (Witness::Roster, what));
        let inexcusable = counts.chain(faults.map(|what| (Witness::Watch, what)));
        differences.extend(inexcusable.map(|(witness, what)| unexplained(&name, witness, what)));
        self.differences.append(&mut differences);
    }

    /// Notes a difference that nothing explains and that is not about a room or user.
    pub(super) fn note(&mut self, witness: Witness, what: String) {
        self.differences.push(unexplained("", witness, what));
    }

    /// What loss explains of a room. Only two lives count: the true current one, and the one that
    /// the server takes for current. What another life lost is not visible.
    fn cause(&self, place: usize, room: &pb::Room) -> Cause {
        let lost = |id: &str| {
            let loss =
                number_of(id).and_then(|life| self.losses.get(&(SubjectIndex::Room(place), life)));
            loss.copied().unwrap_or_default()
        };
        let told = lost(&room.session_id);
        let life = self.world.rooms[place].truth.life.as_ref();
        let life = life.map_or(&room.session_id, |life| &life.session_id);
        let truly = lost(life);
        if self.has_lost(SubjectIndex::Room(place)) && room.missing_callbacks > 0 {
            Cause::LossFlagged
        } else if told.holes {
            // It should have been flagged.
            Cause::Unexplained
        } else if truly.holes {
            Cause::LossOfItsLife
        } else if told.at_the_end || truly.at_the_end {
            Cause::LossAtTheEnd
        } else if told.unnumbered || truly.unnumbered {
            Cause::LossUnnumbered
        } else {
            Cause::Unexplained
        }
    }

    /// Whether any life of a room lost anything, or a user.
    fn has_lost(&self, about: SubjectIndex) -> bool {
        let lives = (about, u64::MIN)..=(about, u64::MAX);
        self.losses.range(lives).next().is_some()
    }

    /// Whether the counts of a room fit what arrived, and its own users, and
    /// whether those are in order.
    fn counts(&self, place: usize, told: &RoomAnswer) -> Vec<String> {
        let RoomAnswer { room, users } = told;
        let mut wrong = Vec::new();
        let numbers = number_of(&room.session_id)
            .and_then(|life| self.numbers.get(&(SubjectIndex::Room(place), life)));
        let holes = numbers.map_or(0, Numbers::holes);
        if u64::from(room.missing_callbacks) != holes {
            let missing = room.missing_callbacks;
            wrong.push(format!(
                "its missing_callbacks are {missing} instead of {holes}"
            ));
        }
        let people = users
            .iter()
            .filter(|user| user.role() != pb::UserRole::Admin);
        let people = people.count();
        if room.user_count as usize != people {
            let count = room.user_count;
            wrong.push(format!(
                "its user_count is {count}, but it lists {people} users apart from recorders"
            ));
        }
        let key = |user: &'_ pb::RoomUser| {
            let at = user.login_time.as_ref().map(|at| (at.seconds, at.nanos));
            (at, user.user_id.clone())
        };
        if !users.is_sorted_by_key(key) {
            wrong.push("its users are not in order".to_owned());
        }
        wrong
    }

    /// Compares the list of a vendor's open rooms.
    pub(super) fn judge_list(&mut self, vendor: VendorName, open: &[(String, u32)]) {
        let rooms = self.world.rooms.iter().enumerate();
        let rooms = rooms.filter(|(_, room)| room.vendor == vendor);
        let lossless = rooms.filter(|(place, _)| !self.has_lost(SubjectIndex::Room(*place)));
        let is_open = |life: &TrueLife| life.close_time.is_none();
        let mut expected: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        for (_, room) in lossless {
            let is_open = room.truth.life.as_ref().is_some_and(is_open);
            expected.insert(&room.id, is_open.then(|| room.truth.user_count()));
        }
        let listed: BTreeMap<&str, u32> = open.iter().map(|(id, n)| (id.as_str(), *n)).collect();
        let mut wrong = Vec::new();
        for (id, count) in expected {
            let listed = listed.get(id).map(|count| *count as usize);
            let people = |count: Option<usize>| match count {
                Some(count) => format!("listed with {count} users"),
                None => "not listed".to_owned(),
            };
            if listed != count {
                let (listed, count) = (people(listed), people(count));
                wrong.push(format!("{id} is {listed} and should be {count}"));
            }
        }
        if !open.is_sorted_by(|a, b| a.0 < b.0) {
            wrong.push("the list of rooms is not in order".to_owned());
        }
        wrong
            .into_iter()
            .for_each(|what| self.note(Witness::Roster, what));
    }

    pub(super) fn verdict(self, shape: &Shape, schedule: &Schedule, watched: usize) -> Verdict {
        Verdict {
            seed: shape.seed,
            tag: shape.tag.clone(),
            callbacks: self.world.callbacks.len(),
            duplicates: schedule.duplicates,
            lost: schedule.lost.len(),
            rooms: self.world.rooms.len(),
            users: self.world.users.len(),
            watched,
            differences: self.differences,
        }
    }
}

/// The number of a life, by its id. Tencent gives none: what happens in its
/// rooms bears the number 0.
fn number_of(id: &str) -> Option<u64> {
    match id {
        "" => Some(0),
        id => id.parse().ok(),
    }
}

fn unexplained(about: &str, witness: Witness, what: String) -> Difference {
    Difference {
        about: about.to_owned(),
        witnesses: BTreeSet::from([witness]),
        what,
        cause: Cause::Unexplained,
    }
}

#[cfg(test)]
mod tests;
