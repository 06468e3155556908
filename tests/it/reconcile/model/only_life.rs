//! True histories of a room whose lives have no ids, as Tencent reports them, and
//! the visible state that a history ends with.

use std::collections::BTreeMap;

use headcount::{
    domain::{
        CloseReason, LeaveReason, Login, Logout, Profile, RoomEvent, RoomEventKind, Time, UserId,
    },
    reconcile::{
        Member, digest_of,
        room::{RoomState, RoomSummary},
    },
};
use proptest::{collection::vec, prelude::*};

use super::{
    events::{self, at},
    replica::Visible,
};

const USERS: [&str; 4] = ["ann", "bob", "cid", "dan"];

/// The events of one callback, which may be about several members.
pub(crate) type CallbackEvents = Vec<RoomEvent>;

fn event(kind: RoomEventKind) -> RoomEvent {
    events::event("", kind)
}

/// The room is created by `creator`, and its name has the name of the creator in it.
pub(crate) fn created(creator: &str, millis: i64) -> RoomEvent {
    event(RoomEventKind::Created {
        at: Some(at(millis)),
        creator: Some(creator.into()),
        name: Some(format!("room of {creator}").into()),
    })
}

pub(crate) fn destroyed(millis: i64) -> RoomEvent {
    let (at, reason) = (Some(at(millis)), CloseReason::Normal);
    event(RoomEventKind::Closed { at, reason })
}

pub(crate) fn entered(user: &str, millis: i64) -> RoomEvent {
    event(RoomEventKind::Login(Login {
        user: user.into(),
        session: "".into(),
        at: Some(at(millis)),
        profile: Profile::default(),
        room_name: None,
        seq: None,
    }))
}

pub(crate) fn left(user: &str, millis: i64) -> RoomEvent {
    event(RoomEventKind::Logout(Logout {
        user: user.into(),
        session: "".into(),
        login_at: None,
        at: Some(at(millis)),
        reason: LeaveReason::Logout,
        seq: None,
    }))
}

fn counted(users: usize, millis: i64) -> RoomEvent {
    event(RoomEventKind::Counted {
        at: Some(at(millis)),
        users: u32::try_from(users).expect("few users"),
    })
}

/// Something that happens, if it can; who has a part in it is a set of bits.
#[derive(Clone, Debug)]
struct Act {
    gap: i64,
    choice: u8,
    who: usize,
}

/// Histories of up to `acts` callbacks, with these gaps between them. No two have
/// one time, unless a gap is 0.
pub(crate) fn histories(
    acts: usize,
    gap: impl Strategy<Value = i64> + 'static,
) -> impl Strategy<Value = Vec<CallbackEvents>> {
    let act = (gap, 0..10_u8, 1..1_usize << USERS.len());
    let act = act.prop_map(|(gap, choice, who)| Act { gap, choice, who });
    vec(act, 1..=acts).prop_map(|acts| history(&acts))
}

fn history(acts: &[Act]) -> Vec<CallbackEvents> {
    let (mut now, mut is_open) = (0, false);
    let mut told = Vec::new();
    for act in acts {
        now += act.gap;
        let users = (USERS.iter().enumerate())
            .filter(|(bit, _)| act.who & (1 << bit) != 0)
            .map(|(_, user)| *user);
        match act.choice {
            0..=1 if !is_open => {
                told.push(vec![created(USERS[act.who % USERS.len()], now)]);
                is_open = true;
            }
            2..=3 if is_open => {
                told.push(vec![destroyed(now)]);
                is_open = false;
            }
            // Also of a room that is destroyed already, or of who is not in it.
            4..=6 => told.push(users.map(|user| left(user, now)).collect()),
            _ => {
                let claim = counted(act.who, now);
                let entered = users.map(|user| entered(user, now));
                told.push(entered.chain([claim]).collect());
                is_open = true;
            }
        }
    }
    told
}

/// What is to be seen in the end, by time. Of one time, what ends something
/// comes last, and a destroy after all else.
pub(crate) fn expected(history: &[CallbackEvents]) -> Visible {
    let mut events: Vec<_> = history.iter().flatten().map(|event| &event.kind).collect();
    events.sort_by_key(|kind| (kind.at(), rank(kind)));
    let mut room = RoomSummary {
        state: RoomState::Open,
        incarnation: (!events.is_empty()).then(|| "".into()),
        ..RoomSummary::default()
    };
    let mut present = BTreeMap::<UserId, Time>::new();
    for kind in events {
        let now = kind.at().expect("everything has a time");
        room.last_event_at = Some(now);
        let is_later = room.closed_at < Some(now);
        match kind {
            RoomEventKind::Created { creator, name, .. } => {
                if is_later {
                    open(&mut room);
                }
                if room.opened_at < Some(now) {
                    room.creator = None;
                    room.name = None;
                }
                room.opened_at = Some(now);
                room.creator = room.creator.take().max(creator.clone());
                room.name = room.name.take().max(name.clone());
            }
            RoomEventKind::Closed { .. } => {
                if is_later {
                    open(&mut room);
                }
                room.state = RoomState::Closed;
                room.closed_at = Some(now);
                present.clear();
            }
            RoomEventKind::Login(login) => {
                if is_later {
                    open(&mut room);
                }
                present.insert(login.user.clone(), now);
            }
            RoomEventKind::Logout(logout) => {
                present.remove(&logout.user);
            }
            RoomEventKind::Counted { users, .. } => room.reported_user_count = *users,
        }
    }
    visible(room, present)
}

/// Of what was destroyed nothing is known any more.
fn open(room: &mut RoomSummary) {
    if room.state == RoomState::Closed {
        *room = RoomSummary {
            state: RoomState::Open,
            incarnation: room.incarnation.take(),
            last_event_at: room.last_event_at,
            reported_user_count: room.reported_user_count,
            ..RoomSummary::default()
        };
    }
}

/// Claims of one time: the greater is the last.
fn rank(kind: &RoomEventKind) -> (u8, u32) {
    match kind {
        RoomEventKind::Created { .. } | RoomEventKind::Login(_) => (0, 0),
        RoomEventKind::Counted { users, .. } => (1, *users),
        RoomEventKind::Logout(_) => (2, 0),
        RoomEventKind::Closed { .. } => (3, 0),
    }
}

fn visible(mut room: RoomSummary, present: BTreeMap<UserId, Time>) -> Visible {
    let mut present: Vec<_> = present.into_iter().map(|(user, at)| (at, user)).collect();
    present.sort();
    room.user_count = present.len();
    let member =
        |(at, user): (Time, UserId)| Member::new(&user, &"".into(), Some(at), &Profile::default());
    let members: Vec<_> = present.into_iter().map(member).collect();
    let hashes = members
        .iter()
        .map(|m| digest_of(m.user().as_str(), m.session().as_str()));
    Visible {
        summary: room,
        digest: hashes.fold(0, u64::wrapping_add),
        members,
    }
}
