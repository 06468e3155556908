//! Journals of many kinds of events: rooms whose lives have ids, a room whose lives have none,
//! and users of a chat service. Callbacks are late, repeated and in any order, with ticks.

use std::sync::Arc;

use headcount::{
    domain::{Decoded, LeaveReason, Login, Logins, Logout, Profile, RoomEvent, Time, UserEvent},
    journal::Entry,
    roster::Limits,
};
use proptest::{collection::vec, prelude::*};

use super::replica::Replica;
use crate::common::{
    dice::Dice,
    in_process::{APP, callback, tick},
};
use crate::reconcile::model::{
    events::{MIN, S, at},
    history::{self, Pace},
    only_life,
};

pub(crate) const ROOMS: [&str; 4] = ["r0", "r1", "only", "nowhere"];
pub(crate) const USERS: [&str; 11] = [
    "u0", "u1", "u2", "u3", "u4", "u5", "ann", "bob", "cid", "dan", "creator",
];

fn gaps() -> BoxedStrategy<i64> {
    prop_oneof![
        4 => 0..2_000_i64,
        4 => 2 * S..80 * S,
        2 => 2 * MIN..40 * MIN,
    ]
    .boxed()
}

fn pace() -> Pace {
    Pace {
        gap: gaps(),
        lives: 3,
        acts: 10,
        loses_logins: true,
    }
}

/// What happens, and when.
type Happening = (i64, Decoded);

fn room(name: &'static str) -> impl Strategy<Value = Vec<Happening>> {
    history::histories(&pace()).prop_map(move |steps| {
        let told = steps.into_iter().filter(|step| !step.is_lost);
        let of_room = told.map(|step| RoomEvent {
            room: name.into(),
            ..step.event
        });
        of_room.map(|event| happening(vec![event])).collect()
    })
}

fn only() -> impl Strategy<Value = Vec<Happening>> {
    only_life::histories(12, gaps()).prop_map(|callbacks| {
        let callbacks = callbacks.into_iter().filter(|events| !events.is_empty());
        let renamed = callbacks.map(|events| {
            let only = events.into_iter().map(|event| RoomEvent {
                room: "only".into(),
                ..event
            });
            happening(only.collect())
        });
        renamed.collect()
    })
}

fn happening(events: Vec<RoomEvent>) -> Happening {
    let millis = events[0].kind.at().unwrap().as_millis();
    let base = at(0).as_millis();
    (millis as i64 - base as i64, Decoded::Room(events))
}

/// Logins and logouts of users of a chat service, some of which name a login.
fn devices() -> impl Strategy<Value = Vec<Happening>> {
    let act = (gaps(), 0..3_usize, 0..3_u8, any::<bool>(), any::<bool>());
    vec(act, 0..14).prop_map(|acts| {
        let mut now = 0;
        let acts = acts
            .into_iter()
            .map(|(gap, user, session, is_login, is_named)| {
                now += gap;
                let (user, session) = (USERS[user].into(), (&*session.to_string()).into());
                let event = if is_login {
                    UserEvent::Login(Login {
                        user,
                        session,
                        at: Some(at(now)),
                        profile: Profile {
                            nickname: format!("name at {now}").into(),
                            ..Profile::default()
                        },
                        room_name: None,
                        seq: None,
                    })
                } else {
                    UserEvent::Logout(Logout {
                        user,
                        session,
                        login_at: is_named.then(|| at(now - 1)),
                        at: Some(at(now)),
                        reason: LeaveReason::Timeout,
                        seq: None,
                    })
                };
                (now, Decoded::User(vec![event]))
            });
        acts.collect()
    })
}

/// A journal without its ticks.
pub(crate) fn journals() -> impl Strategy<Value = Vec<Entry>> {
    let happenings = (room("r0"), room("r1"), only(), devices(), any::<u64>());
    happenings.prop_map(|(one, other, only, devices, seed)| {
        let happenings = [one, other, only, devices].concat();
        delivered(happenings, &mut Dice(seed))
    })
}

fn delivered(happenings: Vec<Happening>, dice: &mut Dice) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (millis, decoded) in happenings {
        let decoded = Arc::new(decoded);
        loop {
            let late = [0, dice.below(300), dice.below(70_000)][dice.below(3) as usize];
            let received_at = at(millis + late as i64);
            entries.push(callback(APP, received_at, Arc::clone(&decoded)));
            if dice.below(4) != 0 {
                break;
            }
        }
    }
    dice.shuffle(&mut entries);
    entries.sort_by_key(|entry| entry.received_at);
    entries
}

/// Of which time ticks are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ticks {
    /// No tick is of before the entry that it follows.
    InOrder,
    /// A tick is of when something was due. So some ticks are of before the last receipt. A real
    /// tick is so too, by at most a minute: a callback is received at most that long after the
    /// vendors' time, and a tick is of no later than that.
    ///
    /// A roster that is restored from a checkpoint after such a tick has the tick's time, and the
    /// first roster has the later time of its last query. So the restored one may forget users
    /// whom nobody asks for sooner: then their watches begin with a snapshot, where those of the
    /// first roster go on. All else is the same, and no watch goes on over a gap.
    Behind,
}

/// A journal that is being written, and the roster that says what is due.
struct Growing {
    journal: Vec<Entry>,
    replica: Replica,
    ticks: Ticks,
}

impl Growing {
    fn append(&mut self, entry: Entry) {
        self.journal.push(entry);
        let revision = self.journal.len();
        self.replica
            .apply(revision as u64, &self.journal[revision - 1]);
    }

    /// Appends a tick if something is due by then.
    fn tick_if_due(&mut self, by: Option<Time>) {
        let due_at = Time::from_millis(self.replica.due_at());
        let Some(due_at) = due_at.filter(|due_at| by.is_none_or(|by| *due_at <= by)) else {
            return;
        };
        let last = self.journal.last().map(|last| last.received_at);
        self.append(tick(match self.ticks {
            Ticks::InOrder => last.map_or(due_at, |last| due_at.max(last)),
            Ticks::Behind => due_at,
        }));
    }
}

/// The same with ticks whenever something is due, and two when all is over.
pub(crate) fn with_ticks(
    entries: &[Entry],
    limits: &Limits,
    logins: Logins,
    ticks: Ticks,
) -> Vec<Entry> {
    let mut growing = Growing {
        journal: Vec::new(),
        replica: Replica::new(limits, logins),
        ticks,
    };
    for entry in entries {
        for _ in 0..3 {
            growing.tick_if_due(Some(entry.received_at));
        }
        growing.append(entry.clone());
    }
    for _ in 0..2 {
        growing.tick_if_due(None);
    }
    growing.journal
}
