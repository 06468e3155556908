//! Tells a holder that what it holds is taken back.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

/// A signal that is given once, to one task.
#[derive(Debug, Default)]
pub(super) struct Recall {
    is_given: AtomicBool,
    waker: AtomicWaker,
}

impl Recall {
    pub(super) fn give(&self) {
        self.is_given.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Ready when the signal was given. The task that polled last is woken by it.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_given.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        // It may have been given in between.
        match self.is_given.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}
