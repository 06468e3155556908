//! Watchers, which resume from where the stream broke as soon as the service is back.

use std::{fmt, sync::Arc, time::Duration};

use headcount::pb::SnapshotReason;
use headcount_client::{Client, CopyOf, Folded, Subject, WatchedRoom, WatchedUser};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::vendor::{
    LANES, ONLINE_USERS, TENCENT_ROOMS, ZEGO_ROOMS, tencent_room, user, zego_room,
};
use crate::common::child::{TENCENT_APP, ZEGO_APP};

/// Only not to wait for ever where it fails.
const HANGS: Duration = Duration::from_secs(30);

/// A watch of one subject.
#[derive(Debug)]
pub(crate) struct Watcher<S: Subject> {
    pub(crate) app: &'static str,
    pub(crate) id: String,
    state: Arc<Mutex<State<S>>>,
    revision: watch::Receiver<u64>,
}

#[derive(Debug)]
struct State<S: Subject> {
    copy: CopyOf<S>,
    resumes: Resumes,
}

/// How streams began that were resumed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resumes {
    /// With the changes that were missed, or with progress because there were none.
    pub(crate) went_on: u32,
    /// With a snapshot.
    pub(crate) expired: u32,
}

impl fmt::Display for Resumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { went_on, expired } = self;
        write!(f, "{went_on} watches went on, {expired} had expired")
    }
}

/// All that are watched.
#[derive(Debug)]
pub(crate) struct Watchers {
    pub(crate) rooms: Vec<Watcher<WatchedRoom>>,
    pub(crate) users: Vec<Watcher<WatchedUser>>,
}

impl Watchers {
    /// Watches every room and some users, at whichever service is there.
    pub(crate) fn spawn(up: &watch::Receiver<Client>) -> Self {
        let zego = (0..ZEGO_ROOMS).map(|number| (ZEGO_APP, zego_room(number)));
        let tencent = (0..TENCENT_ROOMS).map(|number| (TENCENT_APP, tencent_room(number)));
        let users = (0..LANES).map(|lane| (ZEGO_APP, user(lane, lane % ONLINE_USERS)));
        Self {
            rooms: zego.chain(tencent).map(|what| spawn(what, up)).collect(),
            users: users.map(|what| spawn(what, up)).collect(),
        }
    }

    /// The greatest revision that one of them saw.
    pub(crate) fn seen(&self) -> u64 {
        let rooms = self.rooms.iter().map(|room| *room.revision.borrow());
        let users = self.users.iter().map(|user| *user.revision.borrow());
        rooms.chain(users).max().unwrap_or(0)
    }

    /// How all resumes went so far.
    pub(crate) fn tally(&self) -> Resumes {
        let rooms = self.rooms.iter().map(|room| room.state.lock().resumes);
        let users = self.users.iter().map(|user| user.state.lock().resumes);
        rooms
            .chain(users)
            .fold(Resumes::default(), |all, one| Resumes {
                went_on: all.went_on + one.went_on,
                expired: all.expired + one.expired,
            })
    }
}

fn spawn<S: Subject>(
    (app, id): (&'static str, String),
    up: &watch::Receiver<Client>,
) -> Watcher<S> {
    let state = Arc::new(Mutex::new(State {
        copy: CopyOf::new(),
        resumes: Resumes::default(),
    }));
    let (revision_tx, revision) = watch::channel(0);
    let follower = Follower {
        app,
        id: id.clone(),
        state: Arc::clone(&state),
        revision: revision_tx,
    };
    // Its panic is noticed, as the revision ends with it.
    tokio::spawn(follower.run(up.clone()));
    Watcher {
        app,
        id,
        state,
        revision,
    }
}

impl<S: Subject> Watcher<S> {
    /// The copy, once it is of a revision or of a later one.
    pub(crate) async fn copy_at(&self, revision: u64) -> CopyOf<S> {
        let mut revisions = self.revision.clone();
        let reached = revisions.wait_for(|at| *at >= revision);
        let reached = tokio::time::timeout(HANGS, reached).await;
        let reached = reached.unwrap_or_else(|_| panic!("{}: stays before {revision}", self.id));
        assert!(reached.is_ok(), "{}: the watch failed", self.id);
        self.state.lock().copy.clone()
    }
}

struct Follower<S: Subject> {
    app: &'static str,
    id: String,
    state: Arc<Mutex<State<S>>>,
    revision: watch::Sender<u64>,
}

impl<S: Subject> Follower<S> {
    /// One stream for each time that the service is started.
    async fn run(self, mut up: watch::Receiver<Client>) {
        loop {
            let client = up.borrow_and_update().clone();
            self.follow(client).await;
            if up.changed().await.is_err() {
                return;
            }
        }
    }

    async fn follow(&self, client: Client) {
        let token = self.state.lock().copy.open().to_owned();
        let is_resumed = !token.is_empty();
        let opening = S::watch(client, self.app.to_owned(), self.id.clone(), token);
        let Ok(mut stream) = opening.await else {
            return;
        };
        let mut is_first = true;
        while let Ok(Some(message)) = stream.message().await {
            let mut state = self.state.lock();
            let State { copy, resumes } = &mut *state;
            let folded = copy.apply(&message).unwrap_or_else(|violation| {
                panic!("{}: {violation}: {message:?}", self.id);
            });
            match folded {
                Folded::Snapshot(SnapshotReason::EpochChanged) => {
                    panic!("{}: it is the same journal", self.id)
                }
                _ if !(is_first && is_resumed) => {}
                Folded::Part | Folded::Snapshot(_) => resumes.expired += 1,
                Folded::Changes(_) | Folded::Confirmed => resumes.went_on += 1,
            }
            is_first = false;
            if copy.is_complete() {
                self.revision.send_replace(copy.revision());
            }
        }
    }
}
