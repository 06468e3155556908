//! Makes a callback durable and visible, if there is room for it.

use std::{io, panic, sync::Arc};

use tokio::task;

use super::{
    answers::{Reason, Refused, not_ready},
    carried_on::CarriedOn,
    front::{Full, Held, WebhookFront},
    ingest::Place,
};
use crate::{
    domain::{Time, Times},
    journal::{AppendError, Callback, Entry, Payload, io_kind},
    net::RequestId,
};

/// The most events of a callback for which room is looked for on a thread that serves others. Near
/// a limit that takes as long as to apply them: tens of milliseconds for tens of thousands.
const EVENTS_HELD_AT_ONCE: usize = 1_000;

impl WebhookFront {
    /// Makes a callback durable and visible. A sender who gives up takes back nothing: the entry
    /// may be in the journal's queue, so its place and its room are kept until it is applied.
    pub(super) async fn keep(
        &self,
        times: &Times,
        callback: Callback,
        place: Place,
        request_id: &RequestId,
    ) -> Result<(), Refused> {
        let entry = Entry {
            received_at: times.received_at(),
            payload: Payload::Callback(callback),
        };
        // Asked before the entry is appended. When it is applied it cannot be refused.
        let (entry, held) = self.hold(entry).await?;
        let journal = Arc::clone(&self.parts.journal);
        let visibility = Arc::clone(&self.parts.visibility);
        let kept = CarriedOn::new(async move {
            let _until_applied = (held, place);
            let revision = journal.append(entry).await?;
            visibility.applied(revision).await;
            Ok(())
        });
        kept.await
            .map_err(|error: AppendError| self.unavailable(&error, times.own, request_id))
    }

    /// Holds room for what an entry would add.
    async fn hold(&self, entry: Entry) -> Result<(Entry, Held), Refused> {
        let is_long = match &entry.payload {
            Payload::Callback(callback) => callback.decoded.event_count() > EVENTS_HELD_AT_ONCE,
            Payload::Tick => false,
        };
        let capacity = Arc::clone(&self.parts.capacity);
        let hold = move || {
            let held = Held::of(&entry, &capacity);
            (entry, held)
        };
        let (entry, held) = match is_long {
            false => hold(),
            true => match task::spawn_blocking(hold).await {
                Ok(done) => done,
                Err(failed) => match failed.try_into_panic() {
                    Ok(panic) => panic::resume_unwind(panic),
                    // The runtime ends.
                    Err(_) => return Err(not_ready()),
                },
            },
        };
        match held {
            Ok(held) => Ok((entry, held)),
            Err(full) => Err(no_room(&entry, full)),
        }
    }

    fn unavailable(&self, error: &AppendError, now: Time, request_id: &RequestId) -> Refused {
        if let Some(held_back) = self.unavailable_log.pass(now) {
            let request_id = request_id.as_str();
            tracing::error!(request_id, held_back, "callback not taken: {error}");
        }
        // The store's own words are for the operator, not for the sender.
        Reason::Unavailable.because(match io_kind(error) {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                "the callback could not be made durable: the disk is full, or journal.bytes_max is reached"
            }
            _ => "the callback could not be made durable",
        })
    }
}

fn no_room(entry: &Entry, Full { limit }: Full) -> Refused {
    let app = match &entry.payload {
        Payload::Callback(callback) => callback.app.as_str(),
        Payload::Tick => "",
    };
    Reason::RosterFull.because(format!(
        "{limit} is reached, and this callback of {app} would add to it: send it again later"
    ))
}
