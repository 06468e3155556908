//! Verifies and decodes a callback, and appends it to the journal.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::HeaderMap;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{
    answers::{Reason, Refused, not_ready},
    carried_on::CarriedOn,
    front::{Full, Held, NonceReuse, WebhookFront},
    media,
    nonces::Content,
    routes::Route,
};
use crate::{
    domain::{AppName, Decoded, Outcome, Time, Times},
    journal::{AppendError, Callback, Entry, Payload, io_kind},
    net::Caller,
    providers::{EventTime, Malformed, NoncePair, Offset, Request, Terms, Text},
};

/// A request whose body has arrived.
pub(super) struct Arrival<'a> {
    pub(super) route: &'a Route,
    pub(super) caller: &'a Caller,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Arc<str>,
    pub(super) body: Bytes,
}

/// An authentic callback.
struct Read {
    app: AppName,
    times: Times,
    decoded: Decoded,
    /// Why it may have no effect, if its time is too far from its receipt.
    untimely: Option<Box<str>>,
}

/// A callback that the vendor need not send again.
pub(super) struct Taken {
    pub(super) outcome: Outcome,
    /// What is wrong with it, if something is.
    pub(super) message: Option<Box<str>>,
}

impl WebhookFront {
    /// Takes a callback. When this returns without an error, the callback is authentic, and
    /// unless it was ignored, it is durable and visible.
    pub(super) async fn ingest(&self, arrival: Arrival<'_>) -> Result<Taken, Refused> {
        let Read {
            app,
            times,
            decoded,
            untimely,
        } = self.read(&arrival)?;
        let permit = self.begin().await?;
        let route = arrival.route;
        let outcome = decoded.outcome();
        let message = match &decoded {
            Decoded::Undecodable { message } => Some(message.clone()),
            Decoded::Room(_) | Decoded::User(_) | Decoded::Ignored { .. } => untimely,
        };
        if outcome == Outcome::Ignored {
            tracing::debug!(app = app.as_str(), ?decoded, "callback ignored");
        } else if outcome == Outcome::Undecodable && !self.keeps(&app, &arrival, times.own) {
            route.metrics.undecodables_dropped.inc();
        } else {
            let callback = Callback {
                app,
                product: route.product.name,
                query: arrival.query,
                body: arrival.body,
                decoded: Arc::new(decoded),
            };
            self.keep(&times, callback, permit).await?;
        }
        route.metrics.taken(outcome).inc();
        Ok(Taken { outcome, message })
    }

    /// A place among the requests in work. Only an authentic callback gets to take one. It waits
    /// a while for a service that is starting: the vendor need not send it again.
    async fn begin(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let permit = Arc::clone(&self.requests)
            .try_acquire_owned()
            .map_err(|_| Reason::Overloaded.because("too many requests at once"))?;
        let ready = &self.parts.ready;
        if !ready.is_ready() {
            let waited = timeout(self.parts.settings.start_wait, ready.wait()).await;
            waited.map_err(|_| not_ready())?;
        }
        Ok(permit)
    }

    /// The app and the content of the callback, if it is authentic. Until that is certain, only
    /// the fields that prove it are read.
    fn read(&self, arrival: &Arrival<'_>) -> Result<Read, Refused> {
        let Route {
            product,
            accounts,
            undecodable_log,
            ..
        } = arrival.route;
        let unreadable =
            |malformed: Malformed| media::unreadable(arrival.headers, malformed.into());
        let text = Text::read(&arrival.body).map_err(unreadable)?;
        let fields = text.fields().map_err(unreadable)?;
        let request = Request {
            headers: arrival.headers,
            query: &arrival.query,
            body: &arrival.body,
            fields: &fields,
        };
        let proof = (product.verify)(&request, &Terms { accounts })?;
        let times = self.receive(&proof, product, &fields);
        if let Some(signed) = proof.signed {
            self.check_signature_time(signed, &times)?;
        }
        arrival.caller.trust();
        let decoded = (product.decode)(&arrival.query, &fields);
        self.check_event_times(&decoded, &times)?;
        if let Decoded::Undecodable { message } = &decoded
            && let Some(held_back) = undecodable_log.pass(times.own)
        {
            tracing::warn!(
                app = proof.app.as_str(),
                product = product.name.as_str(),
                held_back,
                "authentic callback cannot be decoded: {message}"
            );
        }
        if let Some(nonce) = &proof.nonce {
            let content = Content {
                decoded: &decoded,
                fields: &fields,
                signature_fields: product.signature_fields,
            };
            self.check_nonce(&proof.app, nonce, &content, times.own)?;
        }
        let untimely = match decoded.outcome() {
            Outcome::Accepted => {
                let event = (product.event_time)(&fields);
                self.untimely(&proof.app, event, &times, arrival.route)
            }
            Outcome::Ignored | Outcome::Undecodable => None,
        };
        Ok(Read {
            app: proof.app,
            times,
            decoded,
            untimely,
        })
    }

    /// Why a callback may have no effect: its event's time is too far from its receipt. It is
    /// taken all the same, since the vendor cannot mend it.
    fn untimely(
        &self,
        app: &AppName,
        event: Option<EventTime>,
        times: &Times,
        route: &Route,
    ) -> Option<Box<str>> {
        let EventTime { field, at } = event?;
        let off = Offset::between(at.as_millis(), times.received_at());
        let horizon = self.parts.settings.reorder_horizon;
        if off.distance() <= horizon {
            return None;
        }
        let Route {
            product,
            metrics,
            untimely_log,
            ..
        } = route;
        metrics.untimely(off).inc();
        let horizon = humantime::format_duration(horizon);
        let message = format!(
            "{field} is {off} the receipt, more than roster.reorder_horizon ({horizon}): the callback may have no effect"
        );
        if let Some(held_back) = untimely_log.pass(times.own) {
            let (app, product) = (app.as_str(), product.name.as_str());
            tracing::warn!(app, product, held_back, "{message}");
        }
        Some(message.into())
    }

    fn check_nonce(
        &self,
        app: &AppName,
        nonce: &NoncePair<'_>,
        content: &Content<'_>,
        now: Time,
    ) -> Result<(), Refused> {
        if !self.nonces.is_reused(app, nonce, content) {
            return Ok(());
        }
        self.metrics().nonce_reuse.inc();
        if let Some(held_back) = self.reuse_log.pass(now) {
            tracing::warn!(
                app = app.as_str(),
                held_back,
                "a signature came back with other events"
            );
        }
        match self.parts.settings.nonce_reuse {
            NonceReuse::Count => Ok(()),
            NonceReuse::Refuse => {
                Err(Reason::NonceReused.because("the nonce came before, with other events"))
            }
        }
    }

    /// Whether an undecodable callback is kept. If not, it is answered alike: the vendor cannot
    /// mend it.
    fn keeps(&self, app: &AppName, arrival: &Arrival<'_>, now: Time) -> bool {
        let Route {
            product,
            undecodables,
            ..
        } = arrival.route;
        let bytes = arrival.query.len() + arrival.body.len();
        let is_kept = undecodables.admits(app, bytes, now);
        if !is_kept && let Some(held_back) = undecodables.dropped_log.pass(now) {
            tracing::warn!(
                app = app.as_str(),
                product = product.name.as_str(),
                bytes,
                held_back,
                "undecodable callback not kept: those of this hour take as much of the journal as they may"
            );
        }
        is_kept
    }

    /// Makes a callback durable and visible. A sender who gives up takes back nothing: the entry
    /// may be in the journal's queue, so its place and its room are kept until it is applied.
    async fn keep(
        &self,
        times: &Times,
        callback: Callback,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refused> {
        let entry = Entry {
            received_at: times.received_at(),
            payload: Payload::Callback(callback),
        };
        // Asked before the entry is appended. When it is applied it cannot be refused.
        let held = Held::of(&entry, &self.parts.capacity).map_err(|full| no_room(&entry, full))?;
        let journal = Arc::clone(&self.parts.journal);
        let visibility = Arc::clone(&self.parts.visibility);
        let kept = CarriedOn::new(async move {
            let _until_applied = (held, permit);
            let revision = journal.append(entry).await?;
            visibility.applied(revision).await;
            Ok(())
        });
        kept.await
            .map_err(|error: AppendError| self.unavailable(&error, times.own))
    }

    fn unavailable(&self, error: &AppendError, now: Time) -> Refused {
        if let Some(held_back) = self.unavailable_log.pass(now) {
            tracing::error!(held_back, "callback not taken: {error}");
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
