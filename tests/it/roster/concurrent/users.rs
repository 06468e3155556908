//! Users: what their watchers hold is what `GetUser` answers.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use headcount::{
    domain::Logins,
    grpc::Presence,
    journal::Revision,
    pb::User,
    roster::{FeedLimits, Limits},
};
use rand::{Rng, RngExt as _};
use rand_pcg::Pcg64Mcg;

use super::compare::References;
use super::harness::{Seen, Subject, Workload, forgetful_rules, presence, run};
use super::user_copy::{UserCopy, get_user, in_order};
use crate::common::in_process::{World, device, life};

const APPS: [(&str, Logins); 2] = [("many", Logins::Concurrent), ("one", Logins::Exclusive)];
/// The first of them is always in view, the others are so at times.
const USERS: [&str; 8] = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"];
const SESSIONS: [&str; 3] = ["1", "2", "3"];
/// Rooms that live and end, and one of so many that its users are told later.
const ROOMS: [&str; 6] = ["r0", "r1", "r2", "r3", "r4", "crowd"];
const CROWD: usize = 5;
/// Entries of one writer.
const ENTRIES: usize = 2_500;

fn pick<T: Copy>(rng: &mut impl Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

/// What writers share: the life that each room should be in.
struct Script<'w> {
    world: &'w World,
    next_life: AtomicUsize,
    lives: [AtomicUsize; ROOMS.len()],
}

impl Script<'_> {
    fn life(&self, room: usize) -> crate::common::in_process::Life {
        life(
            ROOMS[room],
            &self.lives[room].load(Ordering::Relaxed).to_string(),
        )
    }

    /// The life that is going to be a room's next.
    fn begin(&self, room: usize) -> crate::common::in_process::Life {
        let id = self.next_life.fetch_add(1, Ordering::Relaxed);
        self.lives[room].store(id, Ordering::Relaxed);
        life(ROOMS[room], &id.to_string())
    }

    fn write(&self, rng: &mut impl Rng) {
        for n in 0..ENTRIES {
            let app = pick(rng, &APPS).0;
            match rng.random_range(0..100) {
                _ if n % 50 == 0 => self.fill_crowd(rng, app),
                0..5 => self.go(app, pick(rng, &USERS)),
                5..55 => self.write_room(rng, app),
                55..95 => self.write_devices(rng, app),
                _ => {
                    self.world
                        .pass(Duration::from_millis(rng.random_range(0..300)));
                    self.world.tick()
                }
            };
            if rng.random_range(0..4) == 0 {
                thread::yield_now();
            }
        }
    }

    fn write_room(&self, rng: &mut impl Rng, app: &str) -> Revision {
        let (room, user) = (rng.random_range(0..ROOMS.len()), pick(rng, &USERS));
        let life = self.life(room);
        match rng.random_range(0..100) {
            0..40 => self.world.send_to(app, |at| vec![life.login(user, at)]),
            40..60 => self.world.send_to(app, |at| vec![life.logout(user, at)]),
            60..66 => self.world.send_to(app, |at| {
                USERS.iter().map(|user| life.login(user, at)).collect()
            }),
            // More than goes into one update.
            66..76 => self.world.send_to(app, |at| {
                let rooms = 0..ROOMS.len();
                rooms.map(|room| self.life(room).login(user, at)).collect()
            }),
            76..84 => {
                self.begin(room);
                self.world.send_to(app, |at| vec![life.closed(at)])
            }
            84..92 => {
                let next = self.begin(room);
                self.world.send_to(app, |at| vec![next.login(user, at)])
            }
            92..96 => {
                let next = self.begin(room);
                self.world.send_to(app, |at| vec![next.created(at)])
            }
            _ => self
                .world
                .send_to(app, |at| vec![life.login(user, at), life.closed(at)]),
        }
    }

    /// Makes a user leave everything. The user is forgotten if no other event is about them.
    fn go(&self, app: &str, user: &str) -> Revision {
        let devices = SESSIONS.map(|session| device(user, session));
        let tell = |at| devices.iter().map(|it| it.logout(at)).collect();
        self.world.tell_to(app, tell);
        let rooms = || (0..ROOMS.len()).map(|room| self.life(room));
        let send = |at| rooms().map(|life| life.logout(user, at)).collect();
        self.world.send_to(app, send)
    }

    /// Fills the crowded room, or ends its life.
    fn fill_crowd(&self, rng: &mut impl Rng, app: &str) -> Revision {
        if rng.random_range(0..2) == 0 {
            let life = self.life(CROWD);
            self.begin(CROWD);
            // Sometimes one entered it just before.
            let user = (rng.random_range(0..2) == 0).then(|| pick(rng, &USERS));
            return self.world.send_to(app, |at| {
                let login = user.map(|user| life.login(user, at));
                login.into_iter().chain([life.closed(at)]).collect()
            });
        }
        let life = self.begin(CROWD);
        self.world.send_to(app, |at| {
            let others = (0..80).map(|n| life.login(&format!("other {n}"), at));
            let users = USERS.iter().map(|user| life.login(user, at));
            others.chain(users).collect()
        })
    }

    fn write_devices(&self, rng: &mut impl Rng, app: &str) -> Revision {
        let user = pick(rng, &USERS);
        let (one, other) = (pick(rng, &SESSIONS), pick(rng, &SESSIONS));
        let (one, other) = (device(user, one), device(user, other));
        let name = format!("name {}", rng.random_range(0..3));
        match rng.random_range(0..100) {
            0..45 => self.world.tell_to(app, |at| vec![one.login_as(&name, at)]),
            45..80 => self.world.tell_to(app, |at| vec![one.logout(at)]),
            80..90 => self.world.tell_to(app, |at| {
                vec![one.login_as(&name, at), other.login_as(&name, at)]
            }),
            90..96 => self
                .world
                .tell_to(app, |at| vec![one.logout(at), other.login_as(&name, at)]),
            _ => {
                let long = "x".repeat(1_000);
                self.world.tell_to(app, |at| vec![one.login_as(&long, at)])
            }
        }
    }
}

fn subjects() -> Vec<Subject> {
    let of_app = |(app, _)| USERS.map(|user| (app, user));
    APPS.into_iter().flat_map(of_app).collect()
}

/// One watcher each, and of the first user some more.
fn watched(subjects: &[Subject]) -> Vec<Subject> {
    let first = subjects.iter().filter(|(_, user)| *user == USERS[0]);
    let more = first.flat_map(|subject| [*subject; 3]);
    subjects.iter().copied().chain(more).collect()
}

fn answer(presence: &Presence, subject: Subject) -> User {
    in_order(get_user(presence, subject).user.unwrap())
}

/// All answers of `GetUser` there ever were.
fn references(world: &World) -> References<User> {
    let mut references = References::new();
    let mut presence_of = None;
    world.replay(|revision, _, roster| {
        let presence = presence_of.get_or_insert_with(|| presence(roster, Duration::MAX));
        for subject in subjects() {
            references.note(subject, revision, answer(presence, subject));
        }
    });
    references
}

/// Asserts that a copy equals the answer at its revision.
#[track_caller]
fn assert_same(place: &str, copy: &User, answer: &User) {
    // No change is sent when the name of a user who is offline is forgotten.
    let is_forgotten = answer.name.is_empty() && answer.devices.is_empty();
    let name = if is_forgotten {
        &answer.name
    } else {
        &copy.name
    };
    let copy = User {
        user_id: answer.user_id.clone(),
        name: name.clone(),
        ..copy.clone()
    };
    assert_eq!(copy, *answer, "{place}");
}

fn limits() -> Limits {
    Limits {
        feed: FeedLimits {
            changes_max: 12,
            batch_bytes_max: 350,
        },
        history_age_max: Duration::from_secs(5),
        history_bytes_max: 8_000,
        ..Limits::default()
    }
}

#[test]
fn every_copy_equals_the_user_at_its_revision_whatever_happens_to_its_watcher() {
    let world = World::of(&APPS, limits(), forgetful_rules());
    let seen = Seen::default();
    let script = Script {
        world: &world,
        next_life: AtomicUsize::new(10),
        lives: std::array::from_fn(AtomicUsize::new),
    };
    let subjects = subjects();
    let workload = Workload {
        watched: watched(&subjects),
        write: |rng: &mut Pcg64Mcg| script.write(rng),
        last: || {
            for (app, user) in &subjects {
                world.send_to(app, |at| vec![life("last", "1").login(user, at)]);
            }
        },
    };
    let watchers = run::<UserCopy>(&world, &seen, workload);
    let references = references(&world);
    let now = presence(&world.roster, Duration::MAX);
    for subject in subjects {
        let place = format!("{subject:?} now");
        assert_same(&place, &answer(&now, subject), references.last(subject));
    }
    references.assert_all(&watchers, assert_same, &User::default());
    seen.assert_all(&[
        "a copy without a watch",
        "a device online",
        "a device offline",
        "a device replaced",
        "another name",
        "a room entered",
        "a room left",
        "a room closed",
        "a life superseded",
    ]);
    assert_nothing_is_left(&world);
}

fn assert_nothing_is_left(world: &World) {
    for (app, _) in APPS {
        for user in USERS {
            let devices = SESSIONS.map(|session| device(user, session));
            world.tell_to(app, |at| devices.iter().map(|it| it.logout(at)).collect());
        }
        for room in ROOMS.iter().chain(&["last"]) {
            world.send_to(app, |at| vec![life(room, "1000000").created(at)]);
        }
    }
    world.forget();
    // The many are told by another thread.
    for _ in 0..1_000_000 {
        if world.roster.user_count() == 0 {
            return;
        }
        world.roster.trim_history(world.now());
        thread::yield_now();
    }
    panic!("{} users are left", world.roster.user_count());
}
