//! What systemd, or another service manager that speaks as it does, is told of the service.
//!
//! It is told only if it asked for that: it names a socket in the variable `NOTIFY_SOCKET`.

mod news;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use self::news::{Bulletin, News};
use super::parts::{self, Parts};
use crate::net::Readiness;

/// How often the service is looked at. Its status changes no more often, and the least time
/// that a watchdog is set to is some seconds.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Tells the service manager how the service is. Clones are of the same service.
#[derive(Clone, Debug)]
pub(super) struct ServiceManager {
    ready: Readiness,
    bulletin: Arc<Mutex<Bulletin>>,
}

impl ServiceManager {
    pub(super) fn new(ready: Readiness) -> Self {
        let bulletin = Bulletin::new(socket::is_watched());
        Self {
            ready,
            bulletin: Arc::new(Mutex::new(bulletin)),
        }
    }

    /// Tells what is new.
    pub(super) fn look(&self) {
        let news = self.bulletin.lock().look(self.ready.check());
        socket::tell(&news);
    }

    /// Looks again and again until `drain` is cancelled. That this task runs is what the watchdog
    /// is told: that the runtime runs tasks. A restart helps with nothing that this does not show.
    pub(super) fn spawn(&self, parts: &mut Parts, drain: &CancellationToken) {
        let manager = self.clone();
        let part = "telling the service manager";
        parts::spawn_looks(parts, drain, part, LOOK_INTERVAL, move || manager.look());
    }

    /// Tells that the configuration is read again while `reload` runs.
    pub(super) fn during_reload<T>(&self, reload: impl FnOnce() -> T) -> T {
        socket::tell(&self.bulletin.lock().begin_reload());
        let reloaded = reload();
        socket::tell(&self.bulletin.lock().end_reload());
        reloaded
    }
}

#[cfg(unix)]
mod socket {
    use sd_notify::NotifyState;
    use tracing::debug;

    use super::News;

    /// Whether a watchdog waits for news.
    pub(super) fn is_watched() -> bool {
        sd_notify::watchdog_enabled().is_some()
    }

    pub(super) fn tell(news: &[News]) {
        if news.is_empty() {
            return;
        }
        let states: Vec<_> = news.iter().filter_map(state).collect();
        // A manager that went away does not matter to those who are served.
        if let Err(error) = sd_notify::notify(&states) {
            debug!(%error, "cannot tell the service manager");
        }
    }

    fn state(news: &News) -> Option<NotifyState<'_>> {
        Some(match news {
            News::Ready => NotifyState::Ready,
            News::Reloading => NotifyState::Reloading,
            News::Now => NotifyState::monotonic_usec_now().ok()?,
            News::Stopping => NotifyState::Stopping,
            News::Status(status) => NotifyState::Status(status),
            News::Wait(wait) => {
                let micros = u32::try_from(wait.as_micros()).unwrap_or(u32::MAX);
                NotifyState::ExtendTimeoutUsec(micros)
            }
            News::Alive => NotifyState::Watchdog,
        })
    }
}

#[cfg(not(unix))]
mod socket {
    use super::News;

    pub(super) fn is_watched() -> bool {
        false
    }

    pub(super) fn tell(_news: &[News]) {}
}
