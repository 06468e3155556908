//! The watches of a run: of all of its rooms and all of its users.

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use headcount_client::{Subject, WatchedRoom, WatchedUser};

use crate::simulate::{
    callbacks::Place,
    options::CannotRun,
    watcher::{Target, Watched, Watcher},
};

use super::Run;

/// Watches under way.
pub(super) struct Watches {
    rooms: WatchesOf<WatchedRoom>,
    users: WatchesOf<WatchedUser>,
}

/// What all watches came to, by place.
pub(super) struct AllWatched {
    pub(super) rooms: Vec<Option<Watched<WatchedRoom>>>,
    pub(super) users: Vec<Option<Watched<WatchedUser>>>,
}

/// Watches under way, with their places.
type WatchesOf<S> = JoinSet<(usize, Watched<S>)>;

impl Watches {
    /// Watches everything until it is `over`. Returns when there is a copy of each.
    pub(super) async fn begin(run: &Run<'_>, over: &CancellationToken) -> Result<Self, CannotRun> {
        let rooms = (0..run.world.rooms.len()).map(Place::Room);
        let users = (0..run.world.users.len()).map(Place::User);
        Ok(Self {
            rooms: begin(run, rooms, over).await?,
            users: begin(run, users, over).await?,
        })
    }

    /// Waits until all watches have heard of everything.
    pub(super) async fn end(self, run: &Run<'_>) -> Result<AllWatched, CannotRun> {
        Ok(AllWatched {
            rooms: end(run, self.rooms, run.world.rooms.len()).await?,
            users: end(run, self.users, run.world.users.len()).await?,
        })
    }
}

impl AllWatched {
    pub(super) fn count(&self) -> usize {
        self.rooms.iter().flatten().count() + self.users.iter().flatten().count()
    }
}

async fn begin<S: Subject>(
    run: &Run<'_>,
    places: impl Iterator<Item = Place>,
    over: &CancellationToken,
) -> Result<WatchesOf<S>, CannotRun> {
    let mut begun = JoinSet::new();
    for (place, about) in places.enumerate() {
        let target = Target {
            client: run.client(about),
            app: run.app(about).to_owned(),
            id: run.world.id(about).to_owned(),
        };
        begun.spawn(async move { (place, Watcher::<S>::begin(target).await) });
    }
    let mut watches = JoinSet::new();
    while let Some(done) = begun.join_next().await {
        let (place, watcher) = done.map_err(|panic| run.unasked(panic.to_string()))?;
        let watcher = watcher.map_err(|status| run.refused(&status))?;
        let over = over.clone();
        watches.spawn(async move { (place, watcher.watch(over).await) });
    }
    Ok(watches)
}

async fn end<S: Subject>(
    run: &Run<'_>,
    mut watches: WatchesOf<S>,
    count: usize,
) -> Result<Vec<Option<Watched<S>>>, CannotRun> {
    let mut all: Vec<Option<Watched<S>>> = (0..count).map(|_| None).collect();
    while let Some(done) = watches.join_next().await {
        let (place, watched) = done.map_err(|panic| run.unasked(panic.to_string()))?;
        all[place] = Some(watched);
    }
    Ok(all)
}
