//! Work that goes on when whoever waits for it is gone.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

/// Work that goes on in a task of its own if this is dropped before it is done: what it holds is
/// held until then. As long as somebody waits, there is no such task.
pub(super) struct CarriedOn<T: Send + 'static> {
    /// `None` once it is done.
    work: Option<BoxFuture<'static, T>>,
}

impl<T: Send + 'static> CarriedOn<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            work: Some(Box::pin(work)),
        }
    }
}

impl<T: Send + 'static> Future for CarriedOn<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for CarriedOn<T> {
    fn drop(&mut self) {
        // Without a runtime, the process ends.
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

impl<T: Send + 'static> fmt::Debug for CarriedOn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CarriedOn").finish_non_exhaustive()
    }
}
