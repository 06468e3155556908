//! The judge: every difference between what the server says and what is true,
//! and whether loss explains it.

use std::collections::{BTreeMap, BTreeSet};

use crate::pb;

use super::{
    compare::{self, Memory},
    disorder::Schedule,
    reader::Told,
    truth::{Numbers, TrueLife},
    verdict::{Cause, Difference, Verdict, Witness},
    watcher::Watched,
    world::World,
};

/// What is known of a run, to judge it by.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) world: &'a World,
    pub(super) memory: Memory,
    /// Of each room, whether callbacks were lost, and whether one of them is
    /// among those that leave no hole.
    losses: BTreeMap<usize, bool>,
    numbers: BTreeMap<(usize, u64), Numbers>,
    differences: Vec<Difference>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(world: &'a World, schedule: &Schedule, memory: Memory) -> Self {
        let numbers = schedule.numbers(&world.callbacks);
        let mut losses = BTreeMap::new();
        for lost in &schedule.lost {
            let callback = &world.callbacks[*lost];
            let life = numbers.get(&(callback.room, callback.life));
            let last = life.and_then(|numbers| numbers.arrived.last().copied());
            // A missing number is less than `Some` of any.
            let no_hole = callback
                .what
                .number()
                .is_none_or(|number| Some(number) > last);
            *losses.entry(callback.room).or_default() |= no_hole;
        }
        Self {
            world,
            memory,
            losses,
            numbers,
            differences: Vec::new(),
        }
    }

    /// Judges what is said of the room at `place`.
    pub(super) fn judge(&mut self, place: usize, told: &Told, watched: Option<&Watched>) {
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
        if let Some(Watched { copy, .. }) = watched {
            note(Witness::Watch, compare::users(truth, copy.users().values()));
            let room = copy
                .room()
                .map(|room| compare::room(truth, room, self.memory));
            note(Witness::Watch, room.unwrap_or_default());
        }
        let name = format!("{} ({})", true_room.id, true_room.plot);
        let cause = self.cause(place, &told.room);
        let add = |(what, witnesses)| Difference {
            room: name.clone(),
            witnesses,
            what,
            cause,
        };
        let mut differences: Vec<Difference> = found.into_iter().map(add).collect();
        // Loss is no excuse for these.
        let counts = self.counts(place, told).into_iter();
        let faults = watched
            .into_iter()
            .flat_map(|watched| watched.faults.clone());
        let counts = counts.map(|what| (Witness::Roster, what));
        let inexcusable = counts.chain(faults.map(|what| (Witness::Watch, what)));
        differences.extend(inexcusable.map(|(witness, what)| unexplained(&name, witness, what)));
        self.differences.append(&mut differences);
    }

    /// Notes something that nothing explains, of no room in particular.
    pub(super) fn note(&mut self, witness: Witness, what: String) {
        self.differences.push(unexplained("", witness, what));
    }

    /// What loss explains of a room.
    fn cause(&self, place: usize, room: &pb::Room) -> Cause {
        match self.losses.get(&place) {
            None => Cause::Unexplained,
            Some(_) if room.missing_callbacks > 0 => Cause::LossFlagged,
            Some(true) => Cause::LossAtTheEnd,
            Some(false) => Cause::Unexplained,
        }
    }

    /// Whether the counts of a room fit what arrived, and its own users, and
    /// whether those are in order.
    fn counts(&self, place: usize, told: &Told) -> Vec<String> {
        let Told { room, users } = told;
        let mut wrong = Vec::new();
        let life = room.session_id.parse().ok();
        let numbers = life.and_then(|life| self.numbers.get(&(place, life)));
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
                "its user_count is {count}, of {people} people told of"
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

    /// Compares the list of open rooms.
    pub(super) fn judge_list(&mut self, open: &[(String, u32)]) {
        let rooms = self.world.rooms.iter().enumerate();
        let lossless = rooms.filter(|(place, _)| !self.losses.contains_key(place));
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
            if listed != count {
                wrong.push(format!(
                    "{id} is listed with {listed:?} and has {count:?} people"
                ));
            }
        }
        if !open.is_sorted_by(|a, b| a.0 < b.0) {
            wrong.push("the list of rooms is not in order".to_owned());
        }
        wrong
            .into_iter()
            .for_each(|what| self.note(Witness::Roster, what));
    }

    pub(super) fn verdict(self, seed: u64, schedule: &Schedule, watched: usize) -> Verdict {
        Verdict {
            seed,
            callbacks: self.world.callbacks.len(),
            duplicates: schedule.duplicates,
            lost: schedule.lost.len(),
            rooms: self.world.rooms.len(),
            watched,
            differences: self.differences,
        }
    }
}

fn unexplained(room: &str, witness: Witness, what: String) -> Difference {
    Difference {
        room: room.to_owned(),
        witnesses: BTreeSet::from([witness]),
        what,
        cause: Cause::Unexplained,
    }
}
