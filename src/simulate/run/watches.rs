//! The watches of a run: of all of its rooms and all of its users.

use headcount_client::{Subject, WatchedRoom, WatchedUser};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::simulate::observe::{Target, WatchResult, Watcher};

/// Watches under way.
pub(super) struct Watches {
    rooms: WatchesOf<WatchedRoom>,
    users: WatchesOf<WatchedUser>,
}

/// The results of all watches, by the index of the room or the user.
pub(super) struct WatchResults {
    pub(super) rooms: Vec<Option<WatchResult<WatchedRoom>>>,
    pub(super) users: Vec<Option<WatchResult<WatchedUser>>>,
}

/// Watches of one kind, each with its index.
struct WatchesOf<S> {
    count: usize,
    tasks: JoinSet<(usize, WatchResult<S>)>,
}

impl Watches {
    /// Watches all targets until `over` is cancelled. Returns when there is a copy of each.
    pub(super) async fn begin(
        rooms: Vec<Target>,
        users: Vec<Target>,
        over: &CancellationToken,
    ) -> Result<Self, Status> {
        Ok(Self {
            rooms: WatchesOf::begin(rooms, over).await?,
            users: WatchesOf::begin(users, over).await?,
        })
    }

    /// Waits until every watch is up to date.
    pub(super) async fn end(self) -> Result<WatchResults, Status> {
        Ok(WatchResults {
            rooms: self.rooms.end().await?,
            users: self.users.end().await?,
        })
    }
}

impl WatchResults {
    pub(super) fn count(&self) -> usize {
        self.rooms.iter().flatten().count() + self.users.iter().flatten().count()
    }
}

impl<S: Subject> WatchesOf<S> {
    async fn begin(targets: Vec<Target>, over: &CancellationToken) -> Result<Self, Status> {
        let count = targets.len();
        let mut begun = JoinSet::new();
        for (index, target) in targets.into_iter().enumerate() {
            begun.spawn(async move { (index, Watcher::<S>::begin(target).await) });
        }
        let mut tasks = JoinSet::new();
        while let Some(done) = begun.join_next().await {
            let (index, watcher) = done.map_err(panicked)?;
            let (watcher, over) = (watcher?, over.clone());
            tasks.spawn(async move { (index, watcher.watch(over).await) });
        }
        Ok(Self { count, tasks })
    }

    async fn end(mut self) -> Result<Vec<Option<WatchResult<S>>>, Status> {
        let mut all: Vec<_> = (0..self.count).map(|_| None).collect();
        while let Some(done) = self.tasks.join_next().await {
            let (index, result) = done.map_err(panicked)?;
            all[index] = Some(result);
        }
        Ok(all)
    }
}

fn panicked(panic: JoinError) -> Status {
    Status::internal(panic.to_string())
}
