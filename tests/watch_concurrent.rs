//! Watchers that are slow, leave and come back, while writers write: whatever
//! way each takes, its copy equals `GetRoomUsers` at the same revision.
//!
//! The reference is the same journal, applied again by one thread without
//! shortage: that gives the answer at every revision there was.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails like one")]

mod support;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use futures_util::{FutureExt as _, Stream, StreamExt as _};
use headcount::{
    client::{Folded, RoomCopy},
    grpc::{GrpcMetrics, Presence},
    journal::{Payload, Revision},
    pb::{
        GetRoomUsersRequest, GetRoomUsersResponse, Room, RoomState, RoomUser, SnapshotReason,
        WatchRoomRequest, WatchRoomResponse, presence_service_server::PresenceService as _,
    },
    room::Rules,
    roster::{FeedLimits, Limits, Roster},
    vendor::Decoded,
};
use prost::Message as _;
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use tonic::{Request, Status};

use crate::support::{World, heavy, life};

/// Rooms that live and end, and one of which a snapshot takes several messages.
const ROOMS: [&str; 5] = ["r0", "r1", "r2", "r3", "large"];
const WRITERS: u64 = 3;
const WATCHERS: u64 = 4;
/// Entries of one writer.
const ENTRIES: usize = 2_500;

type Messages = Pin<Box<dyn Stream<Item = Result<WatchRoomResponse, Status>> + Send>>;

/// A room as a copy had it after a message, or as the reference has it.
#[derive(Debug)]
struct Look {
    room: Room,
    users: u64,
    count: usize,
}

/// What happened over the run, by name.
#[derive(Debug, Default)]
struct Seen(Mutex<BTreeMap<&'static str, usize>>);

impl Seen {
    fn count(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }
}

/// Another service over the same roster. Its watches are told of the silence
/// after `silence`.
fn presence(roster: &Arc<Roster>, silence: Duration) -> Presence {
    let ready = Arc::new(AtomicBool::new(true));
    Presence::new(
        Arc::clone(roster),
        ready,
        silence,
        1000,
        GrpcMetrics::default(),
    )
}

fn get_users(presence: &Presence, room: &str) -> GetRoomUsersResponse {
    let request = GetRoomUsersRequest {
        room_id: room.to_owned(),
        ..GetRoomUsersRequest::default()
    };
    let answer = presence.get_room_users(Request::new(request));
    answer.now_or_never().unwrap().unwrap().into_inner()
}

fn watch(presence: &Presence, room: &str, token: &str) -> Messages {
    let request = WatchRoomRequest {
        app: String::new(),
        room_id: room.to_owned(),
        resume_token: token.to_owned(),
    };
    let mut stream = presence.watch_room(Request::new(request));
    loop {
        // What a watcher was just told may not count as applied yet: for as long
        // as that takes, its token is ahead.
        match stream.as_mut().now_or_never() {
            Some(stream) => return stream.unwrap().into_inner(),
            None => thread::yield_now(),
        }
    }
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
                let profile = heavy(30_000);
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
                world.send(|at| vec![support::life(ROOMS[room], &id.to_string()).created(at)])
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

/// One watcher: what it holds, and all that it ever held.
struct Watcher<'w> {
    presences: &'w [Presence; 2],
    foreign: &'w str,
    seen: &'w Seen,
    room: &'static str,
    copy: RoomCopy,
    messages: Option<Messages>,
    /// Whether the next message is the first of a resumed stream.
    resumed: bool,
    parts: usize,
    looks: Vec<(Revision, Look)>,
}

impl Watcher<'_> {
    /// Takes the next message, if there is one.
    fn step(&mut self) -> bool {
        let Some(message) = self
            .messages
            .as_mut()
            .and_then(|it| it.next().now_or_never())
        else {
            return false;
        };
        let message = message.expect("a watch has no end").unwrap();
        let resumed = std::mem::take(&mut self.resumed);
        let folded = self.copy.apply(&message);
        let folded = folded.unwrap_or_else(|violation| panic!("{}: {violation}", self.room));
        match folded {
            Folded::Part => self.parts += 1,
            Folded::Snapshot(reason) => {
                self.seen.count(reason.as_str_name());
                if std::mem::take(&mut self.parts) > 0 {
                    self.seen.count("a snapshot in parts");
                }
            }
            Folded::Changes(_) if resumed => self.seen.count("changes on resume"),
            Folded::Changes(_) => self.seen.count("changes"),
            Folded::Confirmed if resumed => self.seen.count("progress on resume"),
            Folded::Confirmed => self.seen.count("progress"),
        }
        if self.copy.is_complete() {
            let room = self.copy.room().unwrap();
            let look = look(room, self.copy.users().values());
            self.looks.push((self.copy.revision(), look));
        }
        true
    }

    /// Leaves, and comes back in one way or another.
    fn reconnect(&mut self, rng: &mut impl Rng, bookmarks: &mut Vec<RoomCopy>) {
        self.messages = None;
        self.parts = 0;
        if self.copy.is_complete() && bookmarks.len() < 8 {
            bookmarks.push(self.copy.clone());
        }
        match rng.random_range(0..10) {
            0 => self.copy = RoomCopy::new(),
            1 if !bookmarks.is_empty() => {
                self.copy = bookmarks.swap_remove(rng.random_range(0..bookmarks.len()));
            }
            _ => {}
        }
        let foreign = rng.random_range(0..10) == 0;
        let token = self.copy.open();
        self.resumed = !foreign && !token.is_empty();
        let token = if foreign { self.foreign } else { token };
        // One is told of every silence at once, the other never.
        let presence = &self.presences[rng.random_range(0..2)];
        self.messages = Some(watch(presence, self.room, token));
    }

    fn run(&mut self, rng: &mut impl Rng, done: &AtomicBool) {
        let mut bookmarks = Vec::new();
        let slow = rng.random_range(0..2) == 0;
        while !done.load(Ordering::Acquire) {
            if self.messages.is_none() || rng.random_range(0..40) == 0 {
                self.reconnect(rng, &mut bookmarks);
            }
            for _ in 0..rng.random_range(1..4) {
                self.step();
            }
            for _ in 0..if slow { rng.random_range(0..60) } else { 1 } {
                thread::yield_now();
            }
        }
        // To the end, on a stream that is silent when there is nothing to tell.
        self.parts = 0;
        self.messages = Some(watch(&self.presences[1], self.room, self.copy.open()));
        while self.step() {}
    }
}

/// All answers of `GetRoomUsers` there ever were.
fn references(world: &World) -> HashMap<(&'static str, Revision), Look> {
    let mut references = HashMap::new();
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
                let answer = get_users(presence, room);
                let look = look(&answer.room.unwrap(), answer.users.iter());
                references.insert((room, revision), look);
            }
        }
    });
    references
}

/// Asserts that a copy equals the answer at its revision.
#[track_caller]
fn assert_same(room: &str, revision: Revision, copy: &Look, answer: &Look) {
    assert_eq!(
        (copy.users, copy.count),
        (answer.users, answer.count),
        "users of {room} at {revision}"
    );
    if answer.room.state() == RoomState::Unknown {
        assert_ne!(copy.room.state(), RoomState::Open, "{room} at {revision}");
    } else {
        assert_eq!(copy.room, answer.room, "{room} at {revision}");
    }
}

fn limits() -> Limits {
    Limits {
        feed: FeedLimits {
            changes_max: 16,
            update_bytes_max: 2_000,
        },
        history_age_max: Duration::from_secs(5),
        history_bytes_max: 6_000,
    }
}

fn rules() -> Rules {
    Rules {
        reorder_horizon: Duration::from_millis(200),
        evidence_grace: Duration::ZERO,
        empty_room_ttl: Duration::from_millis(100),
        ..Rules::default()
    }
}

#[test]
fn every_copy_equals_the_room_at_its_revision_whatever_happens_to_its_watcher() {
    // For its clock only.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build();
    let runtime = runtime.unwrap();
    let world = World::with(limits(), rules());
    let presences = {
        let _entered = runtime.enter();
        [Duration::ZERO, Duration::from_secs(3600)].map(|it| presence(&world.roster, it))
    };
    let elsewhere = World::new();
    let foreign = get_users(&presence(&elsewhere.roster, Duration::ZERO), "r").resume_token;
    let lives: [_; 5] = std::array::from_fn(AtomicUsize::new);
    let (next_life, seen) = (AtomicUsize::new(10), Seen::default());
    let (done, writing) = (AtomicBool::new(false), AtomicUsize::new(WRITERS as usize));

    let watchers = thread::scope(|scope| {
        for seed in 0..WRITERS {
            let (world, next_life, lives) = (&world, &next_life, &lives);
            let (done, writing) = (&done, &writing);
            scope.spawn(move || {
                write(world, &mut Pcg64Mcg::seed_from_u64(seed), next_life, lives);
                if writing.fetch_sub(1, Ordering::AcqRel) == 1 {
                    done.store(true, Ordering::Release);
                }
            });
        }
        let watchers: Vec<_> = (0..WATCHERS)
            .flat_map(|n| ROOMS.map(|room| (n, room)))
            .map(|(n, room)| {
                let (presences, foreign, seen) = (&presences, &*foreign, &seen);
                let (done, handle) = (&done, runtime.handle());
                scope.spawn(move || {
                    let _entered = handle.enter();
                    let mut watcher = Watcher {
                        presences,
                        foreign,
                        seen,
                        room,
                        copy: RoomCopy::new(),
                        messages: None,
                        resumed: false,
                        parts: 0,
                        looks: Vec::new(),
                    };
                    watcher.run(&mut Pcg64Mcg::seed_from_u64(100 + n), done);
                    (room, watcher.copy.revision(), watcher.looks)
                })
            })
            .collect();
        let watchers: Vec<_> = watchers.into_iter().map(|it| it.join().unwrap()).collect();
        watchers
    });

    let references = references(&world);
    let mut by_room: HashMap<_, BTreeMap<_, _>> = HashMap::new();
    for ((room, revision), look) in &references {
        by_room.entry(*room).or_default().insert(*revision, look);
    }
    for room in ROOMS {
        let answer = get_users(&presences[1], room);
        let live = look(&answer.room.unwrap(), answer.users.iter());
        let (at, replayed) = by_room[room].last_key_value().unwrap();
        assert_same(room, *at, &live, replayed);
    }
    let mut compared = 0;
    for (room, last, looks) in &watchers {
        for (revision, copy) in looks {
            let answer = by_room[room].range(..=revision).next_back();
            let Some((_, answer)) = answer else {
                assert_eq!(copy.count, 0, "{room} at {revision}");
                continue;
            };
            assert_same(room, *revision, copy, answer);
            compared += 1;
        }
        let head = by_room[room].last_key_value().unwrap().1;
        assert_same(room, *last, &looks.last().unwrap().1, head);
    }
    let seen = seen.0.into_inner().unwrap();
    println!("compared {compared} copies; {seen:?}");
    let reasons = [
        SnapshotReason::Initial,
        SnapshotReason::Lagged,
        SnapshotReason::ResumeExpired,
        SnapshotReason::Replaced,
        SnapshotReason::EpochChanged,
    ];
    let happened = reasons
        .map(|reason| reason.as_str_name())
        .into_iter()
        .chain([
            "a snapshot in parts",
            "changes",
            "changes on resume",
            "progress on resume",
            "progress",
        ]);
    for what in happened {
        assert!(seen.contains_key(what), "{what} never happened: {seen:?}");
    }
    drop(presences);
    let known = world.roster.room_count();
    assert!(known <= ROOMS.len(), "watches left {known} rooms behind");
    world.pass(Duration::from_secs(3600));
    for room in ROOMS {
        world.send(|at| vec![life(room, "1000000").closed(at)]);
        world.send(|at| vec![life(room, "1000000").created(at)]);
    }
    world.forget();
    assert_eq!(world.roster.room_count(), 0, "watches left rooms behind");
}
