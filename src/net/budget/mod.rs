//! A budget that many peers share, of which none can hold everything.
//!
//! What strangers hold is lent: it is recalled, the oldest first, when there is no room for
//! something new. So an attack that holds on to what it has loses it to whoever comes, and one
//! that comes again and again loses it to itself. The order is:
//!
//! 1. A stranger who would have more than the share of one peer loses what they took first.
//! 2. If the budget is used up, the stranger who took something first loses it.
//! 3. What a [trusted](Trust) peer holds is recalled only for another trusted peer. Trusted
//!    peers have no share: a proxy brings what all vendors send from one address. Proxies that the
//!    configuration knows are trusted as one peer.
//! 4. What is [kept](Holding::keep) is not recalled at all.
//!
//! Only what can be neither had nor recalled is refused.

mod book;
mod recall;
mod trust;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use tokio::{sync::Notify, time::Instant};
use tracing::warn;

use self::{
    book::{Book, Number},
    recall::Recall,
};
use super::{Peer, Throttle};

pub use self::trust::Trust;

/// How much may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// By all peers together.
    pub all_max: usize,
    /// By one peer that is not trusted.
    pub peer_max: usize,
}

/// A budget. Clones are the same budget.
#[derive(Clone)]
pub struct Budget(Arc<Shared>);

struct Shared {
    purpose: &'static str,
    limits: Limits,
    book: Mutex<Book>,
    /// How many holdings were recalled.
    recalled: Counter,
    /// How many of them have not been dropped yet.
    ending: AtomicUsize,
    /// Tells that one of these was dropped.
    ended: Notify,
    began: Instant,
    log: Throttle,
}

/// A part of a budget. It goes back when this is dropped.
#[derive(Debug)]
pub struct Holding {
    budget: Budget,
    number: Number,
    recall: Arc<Recall>,
}

// === impl Budget ===

impl Budget {
    /// A budget that nobody holds anything of. It counts in `recalled` what it recalls, and logs
    /// that with its purpose.
    pub fn new(purpose: &'static str, limits: Limits, trust: Trust, recalled: Counter) -> Self {
        Self(Arc::new(Shared {
            purpose,
            limits,
            book: Mutex::new(Book::new(limits, trust)),
            recalled,
            ending: AtomicUsize::new(0),
            ended: Notify::new(),
            began: Instant::now(),
            log: Throttle::default(),
        }))
    }

    /// Takes `amount` for a peer; `None` if there is no room.
    pub fn take(&self, peer: Peer, amount: usize) -> Option<Holding> {
        let recall = Arc::<Recall>::default();
        let number = self.change(|book| book.take(peer, amount, Arc::clone(&recall)))?;
        Some(Holding {
            budget: self.clone(),
            number,
            recall,
        })
    }

    /// What is held of it now.
    pub fn held(&self) -> usize {
        self.0.book.lock().held()
    }

    /// How many holdings were recalled and have not been dropped yet.
    pub fn ending(&self) -> usize {
        self.0.ending.load(Relaxed)
    }

    /// Waits until fewer than so many holdings were recalled and have not been dropped yet.
    pub async fn until_ending_below(&self, most: usize) {
        loop {
            // It hears of all that end from now on.
            let ended = self.0.ended.notified();
            if self.ending() < most {
                return;
            }
            ended.await;
        }
    }

    /// Changes the book, and tells those from whom that recalled something.
    fn change<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        let mut book = self.0.book.lock();
        let outcome = change(&mut book);
        let recalled = book.recalled();
        self.0.ending.fetch_add(recalled.len(), Relaxed);
        drop(book);
        if !recalled.is_empty() {
            self.note_recalled(recalled.len());
            recalled.iter().for_each(|recall| recall.give());
        }
        outcome
    }

    fn note_recalled(&self, count: usize) {
        let Shared {
            purpose,
            limits: Limits { all_max, peer_max },
            recalled,
            began,
            log,
            ..
        } = &*self.0;
        recalled.inc_by(count as u64);
        if let Some(held_back) = log.pass_after(began.elapsed()) {
            warn!(
                purpose,
                all_max,
                peer_max,
                held_back,
                "a limit is reached: gave up the oldest that proved nothing"
            );
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held();
        f.debug_struct("Budget").field("held", &held).finish()
    }
}

// === impl Holding ===

impl Holding {
    /// Takes so much more. Returns whether it is had: not if there is no room, or if this was
    /// recalled.
    pub fn grow(&self, amount: usize) -> bool {
        (self.budget).change(|book| book.grow(self.number, amount))
    }

    /// From now on this is not recalled.
    pub fn keep(&self) {
        self.budget.0.book.lock().keep(self.number);
    }

    /// Ready when this was recalled: then its holder has to drop it soon. The task that polled
    /// last is woken.
    pub fn poll_recalled(&self, cx: &Context<'_>) -> Poll<()> {
        self.recall.poll(cx)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let Shared {
            book,
            ending,
            ended,
            ..
        } = &*self.budget.0;
        let is_recalled = book.lock().remove(self.number).is_none();
        if is_recalled {
            ending.fetch_sub(1, Relaxed);
            ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
