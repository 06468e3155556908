//! The vendor: sends over many connections at once, each callback until it is
//! acknowledged.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use http::StatusCode;
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, Semaphore};

use super::model::{Model, Place};
use crate::common::child::{Post, Sender, TENCENT_APP, ZEGO_APP, now, tencent, zego, zim};

/// Connections, each of which has users of its own.
pub(crate) const LANES: usize = 16;
/// What is of one lane.
const ROOM_USERS: usize = 12;
pub(crate) const ONLINE_USERS: usize = 4;
const TENCENT_USERS: usize = 4;

pub(crate) const ZEGO_ROOMS: usize = 6;
pub(crate) const TENCENT_ROOMS: usize = 2;

pub(crate) fn zego_room(number: usize) -> String {
    format!("room-{}", number % ZEGO_ROOMS)
}

pub(crate) fn tencent_room(number: usize) -> String {
    format!("hall-{}", number % TENCENT_ROOMS)
}

pub(crate) fn user(lane: usize, number: usize) -> String {
    format!("u-{lane}-{number}")
}

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) model: Mutex<Model>,
    /// Read-locked by each sender while it sends; write-locked to stop all of them.
    gate: Arc<RwLock<()>>,
    closed: Mutex<Option<OwnedRwLockWriteGuard<()>>>,
    /// One for each callback that is acknowledged.
    news: Semaphore,
    acknowledged: AtomicU64,
    repeated: AtomicU64,
    stopped: AtomicBool,
    /// The numbers that callbacks of a room got so far.
    numbers: [AtomicU64; ZEGO_ROOMS],
}

impl Traffic {
    /// Traffic that is closed: no lane may send yet.
    pub(crate) fn new() -> Self {
        let gate = Arc::new(RwLock::new(()));
        let closed = Arc::clone(&gate).try_write_owned().unwrap();
        Self {
            model: Mutex::default(),
            gate,
            closed: Mutex::new(Some(closed)),
            news: Semaphore::new(0),
            acknowledged: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            numbers: Default::default(),
        }
    }

    /// Lets all lanes send.
    pub(crate) fn open(&self) {
        *self.closed.lock() = None;
    }

    /// Waits until no lane sends, and then keeps all of them from sending.
    pub(crate) async fn close(&self) {
        let closed = Arc::clone(&self.gate).write_owned().await;
        *self.closed.lock() = Some(closed);
    }

    /// Ends all lanes once everything that was sent is acknowledged.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    pub(crate) async fn next_acknowledged(&self) {
        self.news.acquire().await.unwrap().forget();
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Relaxed)
    }

    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Relaxed)
    }

    /// Sends one callback until it is acknowledged.
    async fn deliver(&self, sender: &Sender, post: &Post, place: &Place, user: &str) {
        for attempt in 0_u32.. {
            // What is noted of the answer belongs to the attempt.
            let _open = self.gate.read().await;
            match sender.post(post).await {
                Ok((StatusCode::OK, _)) => {
                    self.model.lock().acknowledge(place, user);
                    self.acknowledged.fetch_add(1, Relaxed);
                    self.repeated.fetch_add(u64::from(attempt > 0), Relaxed);
                    self.news.add_permits(1);
                    return;
                }
                Ok((status, answer)) => panic!("{status}: {answer}: {post:?}"),
                // The service was killed.
                Err(_) => {}
            }
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Lane {
    dice: Pcg64,
    traffic: Arc<Traffic>,
    sender: Sender,
    subjects: Vec<Subject>,
}

/// One user at one place.
#[derive(Debug)]
struct Subject {
    place: Place,
    user: String,
    /// The room's, for its numbers.
    room: usize,
    /// Rises with each act. It starts in the past, as it may run ahead of time.
    clock: u64,
    sessions: u64,
    /// The session that is there, and since when.
    present: Option<(String, u64)>,
}

impl Lane {
    pub(crate) fn new(lane: usize, seed: u64, traffic: Arc<Traffic>, webhook: String) -> Self {
        let rooms = (0..ROOM_USERS).map(|number| {
            let (app, room) = (ZEGO_APP, zego_room(lane + number));
            Subject::new(Place::Room { app, room }, lane, number)
        });
        let online = (0..ONLINE_USERS).map(|number| Subject::new(Place::Online, lane, number));
        let tencent = (0..TENCENT_USERS).map(|number| {
            let (app, room) = (TENCENT_APP, tencent_room(lane + number));
            Subject::new(Place::Room { app, room }, lane, number)
        });
        Self {
            dice: Pcg64::seed_from_u64(seed ^ (1 + lane as u64)),
            traffic,
            sender: Sender::new(webhook),
            subjects: rooms.chain(online).chain(tencent).collect(),
        }
    }

    /// Sends until it is told to end.
    pub(crate) async fn run(mut self) {
        while !self.traffic.stopped.load(Relaxed) {
            let at = self.dice.random_range(0..self.subjects.len());
            let leaves = self.dice.random_ratio(3, 4);
            let subject = &mut self.subjects[at];
            let post = {
                let _open = self.traffic.gate.read().await;
                let post = subject.act(leaves, &self.traffic.numbers);
                let presence = subject.present.as_ref().map(|(session, _)| session.clone());
                let mut model = self.traffic.model.lock();
                model.send(&subject.place, &subject.user, presence);
                post
            };
            let (place, user) = (&subject.place, &subject.user);
            self.traffic.deliver(&self.sender, &post, place, user).await;
        }
    }
}

impl Subject {
    fn new(place: Place, lane: usize, number: usize) -> Self {
        Self {
            place,
            user: user(lane, number),
            room: (lane + number) % ZEGO_ROOMS,
            clock: now() - 300_000,
            sessions: 0,
            present: None,
        }
    }

    /// The next thing to happen: a login, another, or a logout.
    fn act(&mut self, leaves: bool, numbers: &[AtomicU64; ZEGO_ROOMS]) -> Post {
        // Vendors' clocks are whole seconds for some.
        self.clock += if self.place == Place::Online {
            1000
        } else {
            300
        };
        let left = self
            .present
            .take_if(|_| leaves || self.place == Place::Online);
        let enters = left.is_none();
        let (session, login_at) = left.unwrap_or_else(|| self.next_session());
        let logout_at = (!enters).then_some(self.clock);
        let who = (&*self.user, &*session);
        let post = match &self.place {
            Place::Room { app, room } if *app == ZEGO_APP => {
                let number = 1 + numbers[self.room].fetch_add(1, Relaxed);
                zego((room, number), who, login_at, logout_at)
            }
            Place::Room { room, .. } => tencent(room, &self.user, self.clock, enters),
            Place::Online => zim(who, login_at, logout_at),
        };
        // Tencent's have no sessions.
        let is_tencent = matches!(&self.place, Place::Room { app, .. } if *app == TENCENT_APP);
        let session = if is_tencent { String::new() } else { session };
        self.present = enters.then_some((session, login_at));
        post
    }

    fn next_session(&mut self) -> (String, u64) {
        self.sessions += 1;
        (format!("{:08}", self.sessions), self.clock)
    }
}
