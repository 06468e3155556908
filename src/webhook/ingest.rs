//! Verifies and decodes a callback, and appends it to the journal.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{
    answers::{Reason, Refused, not_ready},
    front::{NonceReuse, WebhookFront},
    media,
    nonces::Content,
    routes::Route,
    turns::Turn,
};
use crate::{
    domain::{AppName, Decoded, Outcome, Time, Times},
    journal::Callback,
    net::{Caller, RequestId, Sender},
    providers::{EventTime, Fields, Malformed, NoncePair, Offset, Proof, Request, Terms, Text},
};

/// A request whose body has arrived.
pub(super) struct Arrival<'a> {
    pub(super) route: &'a Route,
    pub(super) caller: &'a Caller,
    pub(super) sender: Sender,
    pub(super) request_id: &'a RequestId,
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

/// A callback whose sender proved who they are.
struct Authentic<'f> {
    proof: Proof<'f>,
    times: Times,
}

/// What a callback has while it is in work.
pub(super) struct Place {
    _request: OwnedSemaphorePermit,
    _turn: Turn,
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
        let (place, read) = self.read(&arrival).await?;
        let Read {
            app,
            times,
            decoded,
            untimely,
        } = read;
        let route = arrival.route;
        let outcome = decoded.outcome();
        let message = match &decoded {
            Decoded::Undecodable { message } => Some(message.clone()),
            Decoded::Room(_) | Decoded::User(_) | Decoded::Ignored { .. } => untimely,
        };
        if outcome == Outcome::Ignored {
            let request_id = arrival.request_id.as_str();
            tracing::debug!(app = app.as_str(), request_id, ?decoded, "callback ignored");
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
            self.keep(&times, callback, place, arrival.request_id)
                .await?;
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

    /// The content of the callback, if it is authentic, and a place to work on it. Until that is
    /// certain, only the fields that prove it are read.
    async fn read(&self, arrival: &Arrival<'_>) -> Result<(Place, Read), Refused> {
        let unreadable =
            |malformed: Malformed| media::unreadable(arrival.headers, malformed.into());
        let text = Text::read(&arrival.body).map_err(unreadable)?;
        let fields = text.fields().map_err(unreadable)?;
        let authentic = self.verify(arrival, &fields)?;
        match arrival.sender.is_disputed {
            false => arrival.caller.trust(arrival.sender.peer),
            true => arrival.caller.keep(),
        }
        let place = Place {
            _request: self.begin().await?,
            _turn: self.turns.take(arrival.body.len()).await?,
        };
        let read = self.decode(arrival, &fields, authentic)?;
        Ok((place, read))
    }

    fn verify<'f>(
        &self,
        arrival: &'f Arrival<'f>,
        fields: &'f Fields<'f>,
    ) -> Result<Authentic<'f>, Refused> {
        let Route {
            product, accounts, ..
        } = arrival.route;
        let request = Request {
            headers: arrival.headers,
            query: &arrival.query,
            body: &arrival.body,
            fields,
        };
        let proof = (product.verify)(&request, &Terms { accounts })?;
        let times = self.receive(&proof, product, fields);
        if let Some(signed) = proof.signed {
            self.check_signature_time(signed, &times)?;
        }
        Ok(Authentic { proof, times })
    }

    fn decode(
        &self,
        arrival: &Arrival<'_>,
        fields: &Fields<'_>,
        Authentic { proof, times }: Authentic<'_>,
    ) -> Result<Read, Refused> {
        let Route {
            product,
            undecodable_log,
            ..
        } = arrival.route;
        let decoded = (product.decode)(&arrival.query, fields);
        self.check_event_times(&decoded, &times)?;
        if let Decoded::Undecodable { message } = &decoded
            && let Some(held_back) = undecodable_log.pass(times.own)
        {
            tracing::warn!(
                app = proof.app.as_str(),
                product = product.name.as_str(),
                request_id = arrival.request_id.as_str(),
                held_back,
                "authentic callback cannot be decoded: {message}"
            );
        }
        if let Some(nonce) = &proof.nonce {
            let content = Content {
                decoded: &decoded,
                fields,
                signature_fields: product.signature_fields,
            };
            self.check_nonce(&proof.app, nonce, &content, times.own, arrival.request_id)?;
        }
        let untimely = match decoded.outcome() {
            Outcome::Accepted => {
                let event = (product.event_time)(fields);
                if let Some(event) = &event {
                    arrival.route.metrics.note_lateness(event, &times);
                }
                self.untimely(&proof.app, event, &times, arrival)
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
        arrival: &Arrival<'_>,
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
        } = arrival.route;
        metrics.untimely(off).inc();
        let horizon = humantime::format_duration(horizon);
        let message = format!(
            "{field} is {off} the receipt, more than roster.reorder_horizon ({horizon}): the callback may have no effect"
        );
        if let Some(held_back) = untimely_log.pass(times.own) {
            let (app, product) = (app.as_str(), product.name.as_str());
            let request_id = arrival.request_id.as_str();
            tracing::warn!(app, product, request_id, held_back, "{message}");
        }
        Some(message.into())
    }

    fn check_nonce(
        &self,
        app: &AppName,
        nonce: &NoncePair<'_>,
        content: &Content<'_>,
        now: Time,
        request_id: &RequestId,
    ) -> Result<(), Refused> {
        if !self.nonces.is_reused(app, nonce, content) {
            return Ok(());
        }
        self.metrics().nonce_reuse.inc();
        if let Some(held_back) = self.reuse_log.pass(now) {
            tracing::warn!(
                app = app.as_str(),
                request_id = request_id.as_str(),
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
                request_id = arrival.request_id.as_str(),
                held_back,
                "undecodable callback not kept: those of this hour take as much of the journal as they may"
            );
        }
        is_kept
    }
}
