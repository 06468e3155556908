//! What Tencent's rooms go through: they are created, entered, left and
//! destroyed, again and again under one id. Times are all that orders their
//! callbacks, so nothing here depends on the order within one millisecond, but
//! for two things that are certain: who leaves, or is in a room that is
//! destroyed, was there.

use rand::{RngExt as _, seq::IndexedRandom as _};

use crate::simulate::{
    callbacks::tencent::Report,
    truth::{TrueLife, TrueProfile, TrueRole, TrueUser},
};

use super::{names, room_history::RoomHistory, story_frame::StoryFrame};

/// How long after a room is destroyed the vendor may report that a user left it. The next
/// life does not begin before that.
const ECHO: u64 = 50;

/// How long after the first enter the vendor may report that the room was created.
const LATE_CREATE: u64 = 200;

/// How many come or go at once.
const TOGETHER_MAX: usize = 4;

const KINDS: [&str; 3] = ["Leave", "Kicked", "Expired"];

pub(super) fn play(history: &mut RoomHistory, frame: &StoryFrame) {
    let count = history.rng.random_range(1..=4);
    let count = count.min(frame.callbacks / 6).max(1);
    let share = frame.span() / count as u64;
    let mut opens_at = frame.from;
    for life in 0..count {
        let is_last = life + 1 == count;
        let closes = !is_last || history.rng.random_bool(0.3);
        // The vendor's account of a life that is over does not say which life
        // another callback was about: the last one that is, is created.
        let reported = (is_last && closes) || history.rng.random_bool(0.7);
        let until = (frame.from + (life as u64 + 1) * share).max(opens_at + 1);
        let mut room = TencentRoom {
            latest: opens_at,
            pool: frame.users,
            history: &mut *history,
        };
        room.live(opens_at, until, frame.callbacks / count, reported);
        if closes {
            let destroyed_at = room.latest + room.history.rng.random_range(0..3);
            room.destroy(destroyed_at);
            opens_at = destroyed_at + ECHO + 1 + room.history.rng.random_range(0..1_000);
        }
    }
}

/// One life of a room, in the making.
struct TencentRoom<'a> {
    history: &'a mut RoomHistory,
    /// Regulars; guests come on top.
    pool: usize,
    /// The latest time of any of its callbacks.
    latest: u64,
}

impl TencentRoom<'_> {
    /// Users come and go. The room may be created, by the clocks, after the first
    /// of them came; a life that is not reported begins with them.
    fn live(&mut self, from: u64, until: u64, callbacks: usize, reported: bool) {
        let first = self.history.callbacks.len();
        if reported {
            let late = self.history.rng.random_bool(0.3);
            let by = if late { LATE_CREATE } else { 0 };
            self.create(from + by);
        }
        if !reported || callbacks > 1 {
            let user_ids = vec![self.history.newcomer()];
            self.enter(user_ids, from);
        }
        loop {
            let done = self.history.callbacks.len() - first;
            if done + 1 >= callbacks {
                return;
            }
            let at = from + until.saturating_sub(from) * done as u64 / callbacks as u64;
            self.act(at);
        }
    }

    fn act(&mut self, at: u64) {
        let (absent, present) = self.some_idle(at);
        match self.history.rng.random_range(0..100) {
            0..40 if !present.is_empty() => self.leave(present, at),
            // Once more, as from another device.
            40..50 if !present.is_empty() => self.enter(present, at),
            50..65 => self.visit(absent, at),
            _ => self.enter(absent, at),
        }
    }

    /// Some users who are not in the room, at least one, and some who are. The last acts of all
    /// of them have ended.
    fn some_idle(&mut self, at: u64) -> (Vec<String>, Vec<String>) {
        let together = self.history.rng.random_range(1..=TOGETHER_MAX);
        let (mut absent, mut present) = (Vec::new(), Vec::new());
        for _ in 0..2 * together {
            let user_id = self.history.some_regular(self.pool);
            let list = match self.history.truth.users.contains_key(&user_id) {
                true => &mut present,
                false => &mut absent,
            };
            let is_new = list.len() < together && !list.contains(&user_id);
            if is_new && self.history.is_idle(&user_id, at) {
                list.push(user_id);
            }
        }
        if absent.is_empty() {
            absent.push(self.history.newcomer());
        }
        (absent, present)
    }

    /// In and out again, within a millisecond or a few.
    fn visit(&mut self, user_ids: Vec<String>, at: u64) {
        self.enter(user_ids.clone(), at);
        let left_at = at + self.history.rng.random_range(0..30);
        self.leave(user_ids, left_at);
    }

    fn create(&mut self, at: u64) {
        let number = self.history.rng.random_range(0..1000);
        let creator_id = names::name(&mut self.history.rng, &format!("creator-{number}"));
        let name = names::name(&mut self.history.rng, "a room");
        self.history.truth.life = Some(TrueLife {
            name: name.clone(),
            creator_id: creator_id.clone(),
            open_time: Some(at),
            ..nameless()
        });
        let report = Report::Created {
            at,
            creator_id,
            name,
        };
        self.report(at, report);
    }

    /// The room ends, and with it the presence of all its users. For some of them the vendor
    /// reports at about the same time that they left.
    fn destroy(&mut self, at: u64) {
        let present = std::mem::take(&mut self.history.truth.users);
        if let Some(life) = &mut self.history.truth.life {
            life.close_time = Some(at);
        }
        self.report(at, Report::Destroyed { at });
        for user_id in present.into_keys().take(TOGETHER_MAX) {
            let left_at = at + self.history.rng.random_range(0..=ECHO);
            self.leave(vec![user_id], left_at);
        }
    }

    fn enter(&mut self, user_ids: Vec<String>, at: u64) {
        let is_over = |life: &TrueLife| life.close_time.is_some();
        if self.history.truth.life.as_ref().is_none_or(is_over) {
            self.history.truth.life = Some(nameless());
        }
        for user_id in &user_ids {
            let user = TrueUser {
                session_id: String::new(),
                login_time: at,
                profile: TrueProfile {
                    role: TrueRole::Untold,
                    ..TrueProfile::default()
                },
            };
            self.history.truth.users.insert(user_id.clone(), user);
            self.history.note(user_id, "", at);
        }
        let present = self.history.truth.users.len();
        let report = Report::Entered {
            at,
            user_ids,
            present,
        };
        self.report(at, report);
    }

    fn leave(&mut self, user_ids: Vec<String>, at: u64) {
        for user_id in &user_ids {
            self.history.truth.users.remove(user_id);
            self.history.note(user_id, "", at);
        }
        let kind = KINDS.choose(&mut self.history.rng).copied();
        let report = Report::Left {
            at,
            user_ids,
            present: self.history.truth.users.len(),
            kind: kind.unwrap_or_default(),
        };
        self.report(at, report);
    }

    fn report(&mut self, at: u64, report: Report) {
        self.latest = self.latest.max(at);
        self.history.report(at, report);
    }
}

/// A life without a name, a creator or times.
fn nameless() -> TrueLife {
    TrueLife {
        session_id: String::new(),
        name: String::new(),
        creator_id: String::new(),
        open_time: None,
        close_time: None,
    }
}
