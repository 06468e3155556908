//! Rooms: what their watchers hold is what `GetRoomUsers` answers.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use headcount::{
    domain::Decoded,
    grpc::{Presence, PresenceService as _, request_from_within},
    journal::{Payload, Revision},
    pb::{Room, RoomState, RoomUser, WatchRoomRequest, WatchRoomResponse},
    roster::{FeedLimits, Limits},
};
use headcount_client::RoomCopy;
use prost::Message as _;
use rand::{Rng, RngExt as _};
use rand_pcg::Pcg64Mcg;
use tonic::{Response, Status};

use super::compare::References;
use super::harness::{Seen, Subject, Workload, forgetful_rules, get_users, presence, run};
use super::watcher::{Folded, Messages, Replica};
use crate::common::in_process::{self, APP, World, heavy, life};

/// Rooms that live and end, and one of which a snapshot takes several messages.
const ROOMS: [&str; 5] = ["r0", "r1", "r2", "r3", "large"];
/// Watchers of each.
const WATCHERS: usize = 4;
/// Entries of one writer.
const ENTRIES: usize = 2_500;

/// A room as a copy had it after a message, or as the reference has it.
#[derive(Debug, PartialEq)]
pub(crate) struct Look {
    room: Room,
    users: u64,
    count: usize,
}

/// Without what changes do not tell.
fn look<'u>(room: &Room, users: impl Iterator<Item = &'u RoomUser>) -> Look {
    let mut users: Vec<_> = users.collect();
    users.sort_by_key(|user| &user.user_id);
    let mut hasher = DefaultHasher::new();
    for user in &users {
        user.encode_to_vec().hash(&mut hasher);
    }
    Look {
        room: Room {
            user_count: 0,
            missing_callbacks: 0,
            last_event_time: None,
            reported_user_count: 0,
            ..room.clone()
        },
        users: hasher.finish(),
        count: users.len(),
    }
}

fn answer(presence: &Presence, subject: Subject) -> Look {
    let answer = get_users(presence, subject);
    look(&answer.room.unwrap(), answer.users.iter())
}

impl Replica for RoomCopy {
    type Message = WatchRoomResponse;
    type Look = Look;

    fn new(_: Subject) -> Self {
        RoomCopy::new()
    }

    fn get(_: &Presence, _: Subject) -> Option<Self> {
        None
    }

    async fn watch(
        presence: &Presence,
        (app, room): Subject,
        resume_token: String,
    ) -> Result<Response<Messages<WatchRoomResponse>>, Status> {
        let request = WatchRoomRequest {
            app: app.to_owned(),
            room_id: room.to_owned(),
            resume_token,
        };
        presence.watch_room(request_from_within(request)).await
    }

    fn open(&mut self) -> String {
        RoomCopy::open(self).to_owned()
    }

    fn fold(&mut self, message: &WatchRoomResponse, _: &Seen) -> Folded {
        let folded = self.apply(message);
        match folded.unwrap_or_else(|violation| panic!("{violation}: {message:?}")) {
            headcount_client::Folded::Part => Folded::Part,
            headcount_client::Folded::Snapshot(reason) => Folded::Snapshot(reason),
            headcount_client::Folded::Changes(_) => Folded::Changes,
            headcount_client::Folded::Confirmed => Folded::Confirmed,
        }
    }

    fn look(&self) -> Option<(Revision, Look)> {
        let room = self.room().filter(|_| self.is_complete())?;
        Some((self.revision(), look(room, self.users().values())))
    }
}

/// Appends entries, of which some say much at once.
fn write(world: &World, rng: &mut impl Rng, next_life: &AtomicUsize, lives: &[AtomicUsize]) {
    for n in 0..ENTRIES {
        let large = n % 100 == 0;
        let room = if large { 4 } else { rng.random_range(0..4) };
        let id = lives[room].load(Ordering::Relaxed).to_string();
        let life = life(ROOMS[room], &id);
        let user = format!("u{}", rng.random_range(0..12));
        match rng.random_range(0..100) {
            // Far too large for one update: a snapshot goes out instead.
            _ if large => world.send(|at| {
                let users = 0..rng.random_range(35..45);
                let profile = heavy(2_000);
                let logins = users.map(|n| life.login_as(&format!("u{n}"), at, &profile));
                logins.collect()
            }),
            0..50 => world.send(|at| vec![life.login(&user, at)]),
            50..80 => world.send(|at| vec![life.logout(&user, at)]),
            80..90 => world.send(|at| {
                let users = (0..12).map(|n| life.login(&format!("u{n}"), at));
                users.collect()
            }),
            90..93 => world.close(&life),
            93..95 => {
                let id = next_life.fetch_add(1, Ordering::Relaxed);
                lives[room].store(id, Ordering::Relaxed);
                world.send(|at| vec![in_process::life(ROOMS[room], &id.to_string()).created(at)])
            }
            95..97 => {
                world.pass(Duration::from_millis(rng.random_range(0..300)));
                world.tick()
            }
            _ => world.send(|at| {
                let users = (0..12).map(|n| life.logout(&format!("u{n}"), at));
                users.collect()
            }),
        };
        if rng.random_range(0..4) == 0 {
            thread::yield_now();
        }
    }
}

/// All answers of `GetRoomUsers` there ever were.
fn references(world: &World) -> References<Look> {
    let mut references = References::new();
    let mut presence_of = None;
    world.replay(|revision, entry, roster| {
        let presence = presence_of.get_or_insert_with(|| presence(roster, Duration::MAX));
        let touched = match &entry.payload {
            Payload::Tick => None,
            Payload::Callback(callback) => match &*callback.decoded {
                Decoded::Room(events) => events.first().map(|event| event.room.as_str()),
                _ => None,
            },
        };
        for room in ROOMS {
            if touched.is_none_or(|touched| touched == room) {
                references.note((APP, room), revision, answer(presence, (APP, room)));
            }
        }
    });
    references
}

/// Asserts that a copy equals the answer at its revision.
#[track_caller]
fn assert_same(place: &str, copy: &Look, answer: &Look) {
    assert_eq!(
        (copy.users, copy.count),
        (answer.users, answer.count),
        "users of {place}"
    );
    if answer.room.state() == RoomState::Unknown {
        assert_ne!(copy.room.state(), RoomState::Open, "{place}");
    } else {
        assert_eq!(copy.room, answer.room, "{place}");
    }
}

fn limits() -> Limits {
    Limits {
        feed: FeedLimits {
            changes_max: 16,
            batch_bytes_max: 2_000,
        },
        history_age_max: Duration::from_secs(5),
        history_bytes_max: 6_000,
        ..Limits::default()
    }
}

#[test]
fn every_copy_equals_the_room_at_its_revision_whatever_happens_to_its_watcher() {
    let world = World::with(limits(), forgetful_rules());
    let lives: [_; 5] = std::array::from_fn(AtomicUsize::new);
    let (next_life, seen) = (AtomicUsize::new(10), Seen::default());
    let subjects = ROOMS.map(|room| (APP, room));
    let workload = Workload {
        watched: [subjects; WATCHERS].concat(),
        write: |rng: &mut Pcg64Mcg| write(&world, rng, &next_life, &lives),
        last: || ROOMS.iter().for_each(|room| begin(&world, room, "1000000")),
    };
    let watchers = run::<RoomCopy>(&world, &seen, workload);
    let references = references(&world);
    let now = presence(&world.roster, Duration::MAX);
    for subject in subjects {
        let place = format!("{subject:?} now");
        assert_same(&place, &answer(&now, subject), references.last(subject));
    }
    let unknown = Room {
        state: RoomState::Unknown.into(),
        ..Room::default()
    };
    let empty = look(&unknown, std::iter::empty());
    references.assert_all(&watchers, assert_same, &empty);
    seen.assert_all(&["a snapshot in parts"]);
    assert_nothing_is_left(&world);
}

fn assert_nothing_is_left(world: &World) {
    let known = world.roster.room_count();
    assert!(known <= ROOMS.len(), "watches left {known} rooms behind");
    world.pass(Duration::from_secs(3600));
    for room in ROOMS {
        begin(world, room, "1000001");
    }
    world.forget();
    assert_eq!(world.roster.room_count(), 0, "watches left rooms behind");
}

fn begin(world: &World, room: &str, id: &str) {
    world.send(|at| vec![life(room, id).created(at)]);
}
