//! The pieces of a body as they arrive, within limits on those that are slow.
//!
//! Nobody is authentic before their body is there. So a body that comes with its head needs
//! nothing that others may have used up, and one that has to be waited for takes a part of a
//! budget of its own, from which strangers who came before it may have to go.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame};
use tokio::{
    task::yield_now,
    time::{Instant, Sleep, sleep_until},
};

use crate::net::{
    Peer,
    budget::{Budget, Holding},
    head_bytes,
};

/// How long a body that is waited for may bring nothing: a lost packet is sent again within
/// this time.
const GRACE: Duration = Duration::from_secs(2);

/// What a request takes besides its head and body: its task and the buffers of its stream.
const REQUEST_BYTES: usize = 4 * 1024;

/// How often to look again for what the connection has read already. The HTTP library hands a
/// piece over only once it was asked for, and then runs its task again.
const LOOKS: usize = 2;

/// On which terms a body is waited for.
#[derive(Clone, Copy, Debug)]
pub(in crate::webhook) struct Terms<'a> {
    /// What bodies that are waited for take, with their requests.
    pub(in crate::webhook) budget: &'a Budget,
    pub(in crate::webhook) peer: Peer,
    pub(in crate::webhook) headers: &'a HeaderMap,
    /// For how long.
    pub(in crate::webhook) within: Duration,
    /// The least bytes a second, after a grace.
    pub(in crate::webhook) rate_min: usize,
}

/// Why there are no more pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The sender broke off.
    BrokeOff,
    /// The sender is too slow.
    TooSlow,
    /// There is no room to wait, or others need it.
    NoRoom,
}

/// The pieces of a body.
pub(super) struct Pieces<'a, B> {
    body: Pin<&'a mut B>,
    terms: Terms<'a>,
    /// What has come.
    received: usize,
    /// What is held in memory of that.
    kept: usize,
    waiting: Option<Waiting>,
}

/// What a body has that is waited for.
struct Waiting {
    holding: Holding,
    since: Instant,
    limit: Pin<Box<Sleep>>,
}

type NextFrame<B> = Option<Result<Frame<Bytes>, <B as Body>::Error>>;

impl<'a, B: Body<Data = Bytes>> Pieces<'a, B> {
    pub(super) fn new(body: Pin<&'a mut B>, terms: Terms<'a>) -> Self {
        Self {
            body,
            terms,
            received: 0,
            kept: 0,
            waiting: None,
        }
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Stop> {
        loop {
            let frame = match self.at_once().await {
                Some(frame) => frame,
                None => self.wait().await?,
            };
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|_| Stop::BrokeOff)?;
            // Trailers say nothing about a callback.
            if let Ok(data) = frame.into_data() {
                self.received += data.len();
                return Ok(Some(data));
            }
        }
    }

    /// Notes that so many bytes more are kept in memory until the body is complete.
    pub(super) fn keep(&mut self, bytes: usize) -> Result<(), Stop> {
        self.kept += bytes;
        match &self.waiting {
            Some(Waiting { holding, .. }) if !holding.grow(bytes) => Err(Stop::NoRoom),
            _ => Ok(()),
        }
    }

    /// The next frame, if it is there.
    async fn at_once(&mut self) -> Option<NextFrame<B>> {
        for _ in 0..LOOKS {
            let look = poll_fn(|cx| Poll::Ready(self.body.as_mut().poll_frame(cx)));
            if let Poll::Ready(frame) = look.await {
                return Some(frame);
            }
            yield_now().await;
        }
        None
    }

    /// The next frame when it comes.
    async fn wait(&mut self) -> Result<NextFrame<B>, Stop> {
        if self.waiting.is_none() {
            self.waiting = Some(self.begin_waiting()?);
        }
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    fn begin_waiting(&self) -> Result<Waiting, Stop> {
        let Terms {
            budget,
            peer,
            headers,
            ..
        } = self.terms;
        let taken = REQUEST_BYTES + head_bytes(headers) + self.kept;
        let since = Instant::now();
        Ok(Waiting {
            holding: budget.take(peer, taken).ok_or(Stop::NoRoom)?,
            since,
            limit: Box::pin(sleep_until(since)),
        })
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<NextFrame<B>, Stop>> {
        if let Poll::Ready(frame) = self.body.as_mut().poll_frame(cx) {
            return Poll::Ready(Ok(frame));
        }
        let patience = self.patience();
        let Some(waiting) = &mut self.waiting else {
            return Poll::Pending;
        };
        if waiting.holding.poll_recalled(cx).is_ready() {
            return Poll::Ready(Err(Stop::NoRoom));
        }
        let due = waiting.since + patience;
        if waiting.limit.deadline() != due {
            waiting.limit.as_mut().reset(due);
        }
        waiting.limit.as_mut().poll(cx).map(|()| Err(Stop::TooSlow))
    }

    /// For how long the body is waited for in all, as much as has come.
    fn patience(&self) -> Duration {
        let Terms {
            within, rate_min, ..
        } = self.terms;
        let earned = Duration::from_secs_f64(self.received as f64 / rate_min.max(1) as f64);
        within.min(GRACE.saturating_add(earned))
    }
}

#[cfg(test)]
mod tests;
