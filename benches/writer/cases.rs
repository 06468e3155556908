//! What there is much of, and the callbacks that are about it.

use headcount::{
    domain::{RoomEvent, RoomEventKind, UserEvent},
    journal::Entry,
};

use super::entries::{close, event, login, logout, of_room, of_user};

/// Something of which there is more and more.
pub(crate) struct Case {
    /// What is counted.
    pub(crate) name: &'static str,
    /// The entries after which there are so many.
    pub(crate) fill: fn(usize) -> Vec<Entry>,
    /// The entries whose cost is measured, in one round.
    pub(crate) probe: fn(usize, usize) -> Vec<Entry>,
    /// How many events these entries have, by the size and the number of entries.
    pub(crate) events: fn(usize, usize) -> usize,
    /// So many entries, to be replayed.
    pub(crate) journal: fn(usize) -> Vec<Entry>,
    /// Whether so many users are watched.
    pub(crate) is_watched: bool,
}

const CASE: Case = Case {
    name: "",
    fill: |_| Vec::new(),
    probe: |_, _| Vec::new(),
    events: |_, entries| entries,
    journal: |_| Vec::new(),
    is_watched: false,
};

/// The user that a case is about.
const USER: usize = 0;
/// Users and rooms that only the measured callbacks name.
const OTHER: usize = 900_000;
/// After all that comes before the measured callbacks.
const LATER: usize = 100_000;

pub(crate) const CASES: [Case; 9] = [
    Case {
        name: "devices of the user",
        fill: |size| (0..size).map(|it| device_login(it + 1, it)).collect(),
        probe: |size, round| {
            let (session, at) = (size + round + 1, LATER + 10 * round);
            vec![
                device_login(session, at),
                of_user(UserEvent::Logout(logout(USER, session, at))),
            ]
        },
        journal: |size| (0..size).map(|it| device_login(it + 1, it)).collect(),
        ..CASE
    },
    Case {
        name: "sessions of the user in the room",
        fill: |size| {
            (0..size)
                .map(|it| enter(0, 1, (USER, it + 1), it))
                .collect()
        },
        probe: |size, round| in_and_out(0, 1, (USER, size + round + 1), LATER + 10 * round),
        journal: |size| {
            (0..size)
                .map(|it| enter(0, 1, (USER, it + 1), it))
                .collect()
        },
        ..CASE
    },
    Case {
        name: "lives of the room, one after the other",
        fill: |size| {
            (0..size)
                .map(|it| enter(0, it + 1, (USER, 1), 2 * it))
                .collect()
        },
        probe: |size, round| in_and_out(0, size + round + 1, (USER, 1), LATER + 10 * round),
        journal: |size| {
            (0..size)
                .map(|it| enter(0, it + 1, (USER, 1), 2 * it))
                .collect()
        },
        ..CASE
    },
    Case {
        name: "lives of the room, begun and left at once",
        fill: |size| {
            (0..size)
                .flat_map(|it| in_and_out(0, it + 1, (USER, 1), 1))
                .collect()
        },
        probe: |size, round| in_and_out(0, size + round + 1, (USER, 1), 1),
        journal: |size| {
            (0..size / 2)
                .flat_map(|it| in_and_out(0, it + 1, (USER, 1), 1))
                .collect()
        },
        ..CASE
    },
    Case {
        name: "rooms of the user, who is watched",
        fill: |size| (0..size).map(|it| enter(it, 1, (USER, 1), it)).collect(),
        probe: |_, round| in_and_out(OTHER + round, 1, (USER, 1), LATER + 10 * round),
        journal: |size| (0..size).map(|it| enter(it, 1, (USER, 1), it)).collect(),
        is_watched: true,
        ..CASE
    },
    Case {
        name: "open rooms, each of one user",
        fill: rooms_of_one,
        probe: |_, round| in_and_out(OTHER + round, 1, (OTHER, 1), LATER + 10 * round),
        journal: rooms_of_one,
        ..CASE
    },
    Case {
        name: "watched users, while a room of 3 closes",
        probe: |_, round| {
            let room = OTHER + round;
            let members = (0..3).map(|it| enter(room, 1, (OTHER + it, 1), round));
            let close = of_room([event(room, 1, close(LATER))]);
            members.chain([close]).collect()
        },
        journal: |size| {
            let rooms = (0..size / 4).flat_map(|room| {
                let members = (0..3).map(move |it| enter(room, 1, (3 * room + it, 1), room));
                members.chain([of_room([event(room, 1, close(LATER))])])
            });
            rooms.collect()
        },
        is_watched: true,
        ..CASE
    },
    Case {
        name: "rooms in one callback, for each event",
        probe: |size, round| {
            let events = (0..size).map(|it| enters(it, 1, (OTHER + round, 1), LATER + round));
            vec![of_room(events)]
        },
        events: |size, _| size,
        journal: |size| {
            let of_entry = |it: usize| {
                let users = (0..10).map(move |user| enters(10 * it + user, 1, (it, 1), it));
                of_room(users)
            };
            (0..size / 10).map(of_entry).collect()
        },
        ..CASE
    },
    Case {
        name: "members who stay when a destroy comes late",
        fill: |size| {
            (0..size)
                .map(|it| enter(0, 0, (it, 0), LATER + it))
                .collect()
        },
        probe: late_destroy,
        journal: |size| {
            let members = (0..size / 2).map(|it| enter(0, 0, (it, 0), LATER + it));
            members
                .chain((0..size / 4).flat_map(|round| late_destroy(0, round)))
                .collect()
        },
        ..CASE
    },
];

/// As many entries that have nothing in common.
pub(crate) fn plain(entries: usize) -> Vec<Entry> {
    (0..entries)
        .map(|it| enter(it / 10, 1, (it, 1), it))
        .collect()
}

fn rooms_of_one(rooms: usize) -> Vec<Entry> {
    (0..rooms).map(|it| enter(it, 1, (it, 1), it)).collect()
}

fn device_login(session: usize, at: usize) -> Entry {
    of_user(UserEvent::Login(login(USER, session, at)))
}

fn enters(room: usize, life: usize, (user, session): (usize, usize), at: usize) -> RoomEvent {
    event(room, life, RoomEventKind::Login(login(user, session, at)))
}

fn enter(room: usize, life: usize, login: (usize, usize), at: usize) -> Entry {
    of_room([enters(room, life, login, at)])
}

fn in_and_out(room: usize, life: usize, (user, session): (usize, usize), at: usize) -> Vec<Entry> {
    let leaves = RoomEventKind::Logout(logout(user, session, at));
    vec![
        enter(room, life, (user, session), at),
        of_room([event(room, life, leaves)]),
    ]
}

/// A user entered before the others, and left with a destroy that comes now.
fn late_destroy(_: usize, round: usize) -> Vec<Entry> {
    let at = 2 * round;
    vec![
        enter(0, 0, (OTHER + round, 0), at),
        of_room([event(0, 0, close(at + 1))]),
    ]
}
