//! Watches one room or user for as long as a run lasts, and checks at its end that the watch
//! has received everything.

use std::time::Duration;

use headcount_client::{Client, CopyOf, Folded, ParsedUpdate, Subject, WatchEvent, WatchOf};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::pb::SnapshotReason;

/// How long a watch may take to begin, and to receive everything at the end.
const BEGIN_MAX: Duration = Duration::from_secs(10);
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

/// How long to wait for events between two checks whether the watch has received everything.
const LISTEN: Duration = Duration::from_millis(100);

/// What to watch, and where.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Target {
    pub(in crate::simulate) client: Client,
    pub(in crate::simulate) app: String,
    /// Of the room or the user.
    pub(in crate::simulate) id: String,
    /// Cancelled when a watch is told that the server has another journal.
    pub(in crate::simulate) other_journal: CancellationToken,
}

/// A watch of one room or user.
#[derive(Debug)]
pub(in crate::simulate) struct Watcher<S: Subject> {
    target: Target,
    watch: WatchOf<S>,
    /// What was wrong with the stream.
    faults: Vec<String>,
}

/// The result of a watch.
#[derive(Debug)]
pub(in crate::simulate) struct WatchResult<S> {
    pub(in crate::simulate) copy: CopyOf<S>,
    /// What was wrong with the stream.
    pub(in crate::simulate) faults: Vec<String>,
}

impl<S: Subject> Watcher<S> {
    /// Begins to watch, and returns when it has a copy.
    pub(in crate::simulate) async fn begin(target: Target) -> Result<Self, Status> {
        let Target {
            client, app, id, ..
        } = target.clone();
        let mut watcher = Self {
            watch: WatchOf::new(client, app, id),
            target,
            faults: Vec::new(),
        };
        let deadline = Instant::now() + BEGIN_MAX;
        while !watcher.watch.copy().is_complete() {
            if !watcher.listen(deadline).await? {
                return Err(Status::deadline_exceeded("no snapshot came"));
            }
        }
        Ok(watcher)
    }

    /// Watches until the run is over, and then until nothing is missing.
    pub(in crate::simulate) async fn watch(mut self, over: CancellationToken) -> WatchResult<S> {
        let result = loop {
            let event = tokio::select! {
                biased;
                event = self.watch.next() => event,
                () = over.cancelled() => break self.catch_up().await,
            };
            if let Err(status) = event.map(|event| self.note(event)) {
                break Err(status);
            }
        };
        if let Err(status) = result {
            self.faults.push(format!("the watch failed: {status}"));
        }
        WatchResult {
            copy: self.watch.copy().clone(),
            faults: self.faults,
        }
    }

    /// Listens on until the server says that there is nothing after the copy.
    async fn catch_up(&mut self) -> Result<(), Status> {
        let deadline = Instant::now() + CATCH_UP_MAX;
        while Instant::now() < deadline {
            if self.is_up_to_date(deadline).await? {
                return Ok(());
            }
            let listen_until = Instant::now() + LISTEN;
            while self.listen(listen_until).await? {}
        }
        let revision = self.watch.copy().revision();
        let fault = format!("the watch stopped at revision {revision} and missed what came after");
        self.faults.push(fault);
        Ok(())
    }

    /// Asks with a second stream that resumes where the first is: it begins with
    /// the progress of one that missed nothing, or with what it missed.
    async fn is_up_to_date(&mut self, deadline: Instant) -> Result<bool, Status> {
        let copy = self.watch.copy();
        if !copy.is_complete() {
            return Ok(false);
        }
        let Target {
            client, app, id, ..
        } = self.target.clone();
        let token = copy.resume_token().to_owned();
        let mut resumed = copy.clone();
        let asked = timeout_at(deadline, async {
            let mut stream = S::watch(client, app, id, token).await?;
            loop {
                let Some(message) = stream.message().await? else {
                    return Err(Status::unavailable("the stream ended"));
                };
                let folded = resumed.apply(&message);
                match folded.map_err(|violation| Status::data_loss(violation.to_string()))? {
                    Folded::Part => {}
                    // What was forgotten has no history to resume from: the
                    // snapshot of it may still say nothing new.
                    Folded::Snapshot(_) => return Ok(resumed.is_same(copy)),
                    Folded::Confirmed => return Ok(true),
                    Folded::Changes(_) => return Ok(false),
                }
            }
        });
        asked.await.unwrap_or(Ok(false))
    }

    /// Waits for the watch's next event. False if there was none.
    async fn listen(&mut self, deadline: Instant) -> Result<bool, Status> {
        match timeout_at(deadline, self.watch.next()).await {
            Ok(event) => {
                self.note(event?);
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    /// A lost connection is no fault: watches resume.
    fn note(&mut self, event: WatchEvent<S::Message>) {
        match event {
            WatchEvent::Violated { violation, .. } => {
                let fault = format!("the stream broke its contract: {violation}");
                self.faults.push(fault);
            }
            WatchEvent::Message(message) if is_of_other_journal::<S>(&message) => {
                self.target.other_journal.cancel();
            }
            WatchEvent::Message(_) | WatchEvent::Lost { .. } => {}
        }
    }
}

/// Whether a message says that the server has another journal than before.
fn is_of_other_journal<S: Subject>(message: &S::Message) -> bool {
    let reason = match S::parse(message).map(|parsed| parsed.update) {
        Ok(ParsedUpdate::Part { reason, .. }) => reason,
        _ => return false,
    };
    reason == SnapshotReason::EpochChanged
}
