//! Runs writers and watchers against each other.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use headcount::{
    grpc::{GrpcMetrics, Outgoing, Presence, PresenceService as _, request_from_within},
    journal::Revision,
    net::Readiness,
    pb::{GetRoomUsersRequest, GetRoomUsersResponse, SnapshotReason},
    reconcile::Rules,
    roster::Roster,
};
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;
use tokio_test::task;

use super::watcher::{Replica, Watcher};
use crate::common::in_process::World;

const WRITERS: u64 = 3;

/// What is watched: an app, and in it a room or a user.
pub(crate) type Subject = (&'static str, &'static str);

/// All that a watcher ever held of a subject, by revision.
pub(crate) type Looks<L> = (Subject, Vec<(Revision, L)>);

/// Rules by which much is forgotten while a run lasts.
pub(crate) fn forgetful_rules() -> Rules {
    Rules {
        reorder_horizon: Duration::from_millis(200),
        evidence_grace: Duration::ZERO,
        empty_room_ttl: Duration::from_millis(100),
        ..Rules::default()
    }
}

/// What happened over a run, by name.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<BTreeMap<&'static str, usize>>);

impl Seen {
    pub(crate) fn count(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }

    /// Asserts that all this happened, and every kind of snapshot.
    #[track_caller]
    pub(crate) fn assert_all(&self, names: &[&'static str]) {
        let seen = self.0.lock().unwrap();
        println!("{seen:?}");
        let reasons = [
            SnapshotReason::Initial,
            SnapshotReason::Lagged,
            SnapshotReason::ResumeExpired,
            SnapshotReason::Replaced,
            SnapshotReason::EpochChanged,
        ];
        let reasons = reasons.map(|reason| reason.as_str_name());
        let common = [
            "changes",
            "changes on resume",
            "progress",
            "progress on resume",
        ];
        for what in reasons.iter().chain(&common).chain(names) {
            assert!(seen.contains_key(what), "{what} never happened: {seen:?}");
        }
    }
}

/// A service over a roster. Its watches are told of the silence after `silence`.
pub(crate) fn presence(roster: &Arc<Roster>, silence: Duration) -> Presence {
    let ready = Readiness::new(true);
    Presence::new(
        Arc::clone(roster),
        ready,
        silence,
        1000,
        GrpcMetrics::default(),
    )
}

pub(crate) fn get_users(presence: &Presence, (app, room): Subject) -> GetRoomUsersResponse {
    let request = GetRoomUsersRequest {
        app: app.to_owned(),
        room_id: room.to_owned(),
        ..GetRoomUsersRequest::default()
    };
    let answer = presence.get_room_users(request_from_within(request));
    // A long answer is made in steps.
    let mut answer = task::spawn(answer);
    loop {
        if let Poll::Ready(answer) = answer.poll() {
            return decoded(answer.unwrap().into_inner());
        }
    }
}

/// What a client makes of a message.
pub(crate) fn decoded<M: prost::Message + Default>(outgoing: Outgoing<M>) -> M {
    outgoing.into_message().unwrap()
}

/// A resume token of another journal.
fn foreign_token() -> String {
    let elsewhere = World::new();
    let presence = presence(&elsewhere.roster, Duration::ZERO);
    get_users(&presence, (crate::common::in_process::APP, "r")).resume_token
}

/// What writers and watchers of a run share.
pub(crate) struct RunContext<'w> {
    pub(crate) world: &'w World,
    /// Two services: one sends progress at every silence at once, the other never.
    pub(crate) presences: [Presence; 2],
    /// A resume token of another journal.
    pub(crate) foreign: String,
    pub(crate) seen: &'w Seen,
    /// How many writers have not finished.
    writing: AtomicUsize,
}

impl RunContext<'_> {
    pub(crate) fn is_done(&self) -> bool {
        self.writing.load(Ordering::Acquire) == 0
    }
}

/// What the writers and watchers of a run do.
pub(crate) struct Workload<W, L> {
    /// What each watcher watches.
    pub(crate) watched: Vec<Subject>,
    /// What each of some writers does meanwhile.
    pub(crate) write: W,
    /// A last change of every subject, when nothing else happens any more.
    pub(crate) last: L,
}

/// Runs a workload. Returns what the watchers held. In the end they have everything.
pub(crate) fn run<R: Replica>(
    world: &World,
    seen: &Seen,
    workload: Workload<impl Fn(&mut Pcg64Mcg) + Sync, impl FnOnce()>,
) -> Vec<Looks<R::Look>> {
    // For its clock only.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build();
    let runtime = runtime.unwrap();
    let _entered = runtime.enter();
    let silences = [Duration::ZERO, Duration::from_secs(3600)];
    let context = RunContext {
        world,
        presences: silences.map(|silence| presence(&world.roster, silence)),
        foreign: foreign_token(),
        seen,
        writing: AtomicUsize::new(WRITERS as usize),
    };
    let watch = |seed: u64, subject: Subject| {
        let _entered = runtime.handle().enter();
        let mut watcher = Watcher::<R>::new(&context, subject);
        watcher.run(&mut Pcg64Mcg::seed_from_u64(seed));
        watcher
    };
    let watchers: Vec<_> = thread::scope(|scope| {
        for seed in 0..WRITERS {
            let (write, writing) = (&workload.write, &context.writing);
            scope.spawn(move || {
                // However it ends: the watchers wait for it.
                let _wrote = Wrote(writing);
                write(&mut Pcg64Mcg::seed_from_u64(seed));
            });
        }
        let watch = &watch;
        let watchers: Vec<_> = (100..)
            .zip(&workload.watched)
            .map(|(seed, subject)| scope.spawn(move || watch(seed, *subject)))
            .collect();
        watchers.into_iter().map(|it| it.join().unwrap()).collect()
    });
    (workload.last)();
    watchers.into_iter().map(Watcher::wake).collect()
}

/// Counts a writer as done when dropped.
struct Wrote<'w>(&'w AtomicUsize);

impl Drop for Wrote<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
