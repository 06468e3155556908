//! What rooms go through. Each room follows one story; most of each story is a
//! crowd of users who do what [`super::user_acts`] has, so that every room shows the
//! rules about single users, and each story shows one about lives on top.

use rand::RngExt as _;

use crate::simulate::callbacks::{Sending, zego::Report};

use super::{
    names,
    room_history::{LifeStart, LoginEnd, RoomHistory},
    story_frame::StoryFrame,
};

/// No life is shorter, other than where a story says so: what clocks may be
/// apart must not decide which of two lives came first.
const LIFE_MIN: u64 = 1_500;

/// How far apart the clocks are that stamp the end of a life and the start of
/// the next.
const SKEW: u64 = 200;

/// What a room goes through, and the rules that its truth depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// One life after the other, closed or not, overlapping or not, with or
    /// without `room_create`. (`LatestStartIsCurrent`, `LoginsProveTheRoom`)
    Lives,
    /// One life that is reported by its logins only. (`LoginsProveTheRoom`)
    Uncreated,
    /// Two lives that began in one millisecond. (`TiesGoToTheGreaterIncarnation`)
    TwinLives,
    /// A short life closes, and the next began before it by the clocks.
    /// (`ClockSkewIsForgiven`)
    SkewedLives,
    /// The same, but the close is not reported.
    SkewedLivesUnclosed,
    /// A room closes with users in it, and their logins arrive late.
    /// (`ClosedIsFinal`)
    ClosedFull,
    /// Callbacks as they were in 2022.
    Legacy,
    /// Callbacks of a life that ended long ago come again. (`StaleIsNotApplied`)
    AncientRoom,
    /// Logins that ended long ago come again. (`StaleIsNotApplied`)
    AncientLogins,
    /// Some logins are lost for good, and their logouts are not. Their users must not become
    /// present again, and the missing numbers must be counted. (`NamedLoginsDecide`,
    /// `NumbersAreASet`)
    LostLogins,
}

impl Story {
    pub(crate) const ALL: [Story; 10] = [
        Story::Lives,
        Story::Uncreated,
        Story::TwinLives,
        Story::SkewedLives,
        Story::LostLogins,
        Story::ClosedFull,
        Story::Legacy,
        Story::AncientRoom,
        Story::AncientLogins,
        Story::SkewedLivesUnclosed,
    ];

    pub(super) fn play(self, history: &mut RoomHistory, frame: &StoryFrame) {
        match self {
            Story::Lives => lives(history, frame),
            Story::Uncreated => one_life(history, frame, false, false),
            Story::TwinLives => twin_lives(history, frame),
            Story::SkewedLives => skewed_lives(history, frame, true),
            Story::SkewedLivesUnclosed => skewed_lives(history, frame, false),
            Story::ClosedFull => closed_full(history, frame),
            Story::Legacy => one_life(history, frame, true, true),
            Story::AncientRoom => ancient_room(history, frame),
            Story::AncientLogins => ancient_logins(history, frame),
            Story::LostLogins => lost_logins(history, frame),
        }
    }
}

impl RoomHistory {
    /// A crowd comes and goes until there are `callbacks` more, spread over the
    /// time. Returns when it is done.
    fn crowd(&mut self, frame: &StoryFrame, from: u64, until: u64, callbacks: usize) -> u64 {
        let (first, span) = (self.callbacks.len(), until.saturating_sub(from));
        let mut at = from;
        loop {
            self.act(frame.users, at);
            let done = self.callbacks.len() - first;
            if done >= callbacks {
                return at + 1;
            }
            at = from + span * done as u64 / callbacks as u64;
        }
    }

    fn open_at(&mut self, at: u64, reported: bool) {
        self.open(LifeStart {
            at,
            reported,
            legacy: false,
        });
    }

    /// Logs in a user who stays to the end.
    fn steward(&mut self, at: u64) {
        let user_id = self.newcomer();
        self.join(&user_id, at);
    }
}

fn one_life(history: &mut RoomHistory, frame: &StoryFrame, reported: bool, legacy: bool) {
    history.open(LifeStart {
        at: frame.from,
        reported,
        legacy,
    });
    history.crowd(frame, frame.from, frame.until, frame.callbacks);
}

fn lives(history: &mut RoomHistory, frame: &StoryFrame) {
    let fit = (frame.span() / (2 * LIFE_MIN)).min(frame.callbacks as u64 / 6);
    let count = history.rng.random_range(1..=fit.clamp(1, 5));
    let share = frame.span() / count;
    let mut opens_at = frame.from;
    for life in 0..count {
        let is_last = life + 1 == count;
        let reported = history.rng.random_bool(0.7);
        history.open_at(opens_at, reported);
        let until = (frame.from + (life + 1) * share).max(opens_at + LIFE_MIN);
        let callbacks = (frame.callbacks / count as usize).max(4);
        let done_at = history.crowd(frame, opens_at, until, callbacks).max(until);
        if is_last {
            if history.rng.random_bool(0.2) {
                close(history, done_at);
            }
        } else {
            opens_at = end_life(history, done_at);
        }
    }
}

/// Ends a life that another follows, and returns when that one opens: shortly
/// after, or by the clocks shortly before. A close may go unreported, as
/// `CloseRoom` does unless told otherwise.
fn end_life(history: &mut RoomHistory, at: u64) -> u64 {
    leave_late(history, at);
    if history.rng.random_bool(0.5) {
        close(history, at);
    }
    at - SKEW + history.rng.random_range(0..1_000)
}

fn close(history: &mut RoomHistory, at: u64) {
    let reason = history.rng.random_range(0..4);
    history.close(at, reason);
}

/// Some of those present are reported as gone around the end of the life.
fn leave_late(history: &mut RoomHistory, at: u64) {
    let present: Vec<String> = history.truth.users.keys().cloned().collect();
    for user_id in present {
        if history.rng.random_bool(0.5) && history.is_idle(&user_id, at) {
            history.leave(&user_id, at);
        }
    }
}

fn twin_lives(history: &mut RoomHistory, frame: &StoryFrame) {
    let opening = LifeStart {
        at: frame.from,
        reported: true,
        legacy: false,
    };
    let first = history.rng.random_range(1..u64::MAX / 2);
    history.open_as(first, opening);
    history.crowd(frame, frame.from, frame.from + 100, 4);
    // The vendor numbers the later life higher, and reports no close of the
    // first.
    let second = first + history.rng.random_range(1..u64::MAX / 2);
    history.open_as(second, opening);
    history.steward(frame.from + 101);
    let callbacks = frame.callbacks.saturating_sub(6).max(1);
    history.crowd(frame, frame.from + 102, frame.until, callbacks);
}

fn skewed_lives(history: &mut RoomHistory, frame: &StoryFrame, closed: bool) {
    let at = frame.from + 100;
    history.open_at(at, true);
    for _ in 0..2 {
        let user_id = history.newcomer();
        history.join(&user_id, at + 1);
        let leaving = LoginEnd {
            at: at + 10,
            reason: 0,
            names_login: true,
        };
        history.logout(&user_id, leaving);
    }
    if closed {
        close(history, at + 30);
    }
    let opens_at = at - 40;
    let reported = history.rng.random_bool(0.5);
    history.open_at(opens_at, reported);
    // The room is in use for good: were it not, nothing could tell whether the
    // other life is the later one.
    history.steward(opens_at);
    let callbacks = frame.callbacks.saturating_sub(8).max(1);
    history.crowd(frame, at + 40, frame.until, callbacks);
}

fn closed_full(history: &mut RoomHistory, frame: &StoryFrame) {
    history.open_at(frame.from, true);
    let callbacks = frame.callbacks.saturating_sub(10).max(1);
    let done_at = history.crowd(frame, frame.from, frame.until, callbacks);
    for guest in 0..8 {
        let sent_at = done_at + 50 + history.rng.random_range(0..500);
        history.sending = Sending::At(vec![sent_at]);
        history.steward(done_at + guest);
    }
    history.sending = Sending::Disordered;
    close(history, done_at + 10);
}

fn ancient_room(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.ancient();
    history.life.id = history.rng.random_range(1..u64::MAX);
    for guest in 0..frame.callbacks.min(10) as u64 {
        history.sending = Sending::At(vec![frame.some_time(&mut history.rng)]);
        ancient_login(history, at + guest, Some(guest + 1));
    }
    history.sending = Sending::At(vec![frame.some_time(&mut history.rng)]);
    let creator_id = "creator".to_owned();
    history.report(at, Report::Create { at, creator_id });
}

fn ancient_logins(history: &mut RoomHistory, frame: &StoryFrame) {
    history.open_at(frame.from, true);
    let guests = 4.min(frame.callbacks / 2);
    for guest in 0..guests {
        history.sending = Sending::At(vec![frame.some_time(&mut history.rng)]);
        ancient_login(history, frame.ancient() + guest as u64, None);
    }
    history.sending = Sending::Disordered;
    let callbacks = (frame.callbacks - guests).max(1);
    history.crowd(frame, frame.from, frame.until, callbacks);
}

/// A copy of a login whose end was reported long ago, before this run. The truth
/// does not know it.
fn ancient_login(history: &mut RoomHistory, at: u64, number: Option<u64>) {
    let user_id = history.newcomer();
    let profile = names::profile(&mut history.rng, &user_id);
    let report = Report::Login {
        session_id: history.new_session(at),
        user_id,
        at,
        room_name: "an old name".to_owned(),
        profile,
        relogin: false,
        number,
    };
    history.report(at, report);
}

fn lost_logins(history: &mut RoomHistory, frame: &StoryFrame) {
    history.open_at(frame.from, true);
    let guests = 5.min(frame.callbacks as u64 / 8).max(1);
    for guest in 0..guests {
        let at = frame.from + guest;
        let user_id = history.newcomer();
        history.join(&user_id, at);
        history.sending = Sending::Never;
        history.take_over(&user_id, at + 100);
        history.sending = Sending::Disordered;
        let leaving = LoginEnd {
            at: at + 200,
            reason: 0,
            names_login: true,
        };
        history.logout(&user_id, leaving);
    }
    let callbacks = frame.callbacks.saturating_sub(3 * guests as usize).max(1);
    history.crowd(frame, frame.from, frame.until, callbacks);
}
