//! Which news there is, by what was told before.

use std::time::Duration;

use crate::net::Unready;

/// How long a start may take after each step that it was seen to make. To load a checkpoint is
/// one step: some gigabytes from a slow disk. A start that hangs is ended after that.
const STEP_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The service serves.
    Ready,
    /// The configuration is read again.
    Reloading,
    /// The time of telling, by the monotonic clock. Goes with [`Reloading`](Self::Reloading).
    Now,
    /// The service ends.
    Stopping,
    /// How the service is, in words.
    Status(String),
    /// That what is under way may take so long from now.
    Wait(Duration),
    /// To the watchdog.
    Alive,
}

/// What was told.
#[derive(Debug)]
pub(super) struct Bulletin {
    is_watched: bool,
    phase: Phase,
    status: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Ready,
    Stopping,
}

impl Bulletin {
    /// Nothing was told yet. If the service `is_watched`, each look is told to the watchdog.
    pub(super) fn new(is_watched: bool) -> Self {
        Self {
            is_watched,
            phase: Phase::Starting,
            status: None,
        }
    }

    /// What is new when the service is found to be so.
    pub(super) fn look(&mut self, found: Result<(), Unready>) -> Vec<News> {
        let mut news = Vec::new();
        match (self.phase, &found) {
            (Phase::Starting, Ok(()) | Err(Unready::CannotJournal(_))) => {
                self.phase = Phase::Ready;
                news.push(News::Ready);
            }
            (Phase::Starting | Phase::Ready, Err(Unready::Draining)) => {
                self.phase = Phase::Stopping;
                news.push(News::Stopping);
            }
            _ => {}
        }
        let is_starting = self.phase == Phase::Starting;
        // It waits for an operator, however long that takes: another start would fail alike.
        let waits = is_starting && matches!(found, Err(Unready::Stopped(_)));
        let status = found.map_or_else(|unready| unready.to_string(), |()| "serving".to_owned());
        // A line is one thing to tell.
        let status = status.replace(['\r', '\n'], " ");
        let is_step = self.status.as_ref() != Some(&status);
        if is_step {
            news.push(News::Status(status.clone()));
            self.status = Some(status);
        }
        if waits || (is_starting && is_step) {
            news.push(News::Wait(STEP_TIMEOUT));
        }
        if self.is_watched {
            news.push(News::Alive);
        }
        news
    }

    /// What is told before the configuration is read again. A service that is not ready stays so.
    pub(super) fn begin_reload(&self) -> Vec<News> {
        match self.phase {
            Phase::Ready => vec![News::Reloading, News::Now],
            Phase::Starting | Phase::Stopping => Vec::new(),
        }
    }

    /// What is told after it.
    pub(super) fn end_reload(&self) -> Vec<News> {
        match self.phase {
            Phase::Ready => vec![News::Ready],
            Phase::Starting | Phase::Stopping => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starting(far: &str) -> Result<(), Unready> {
        Err(Unready::Starting(Some(far.to_owned())))
    }

    fn status(text: &str) -> News {
        News::Status(text.to_owned())
    }

    #[test]
    fn a_start_may_take_long_as_long_as_it_comes_on() {
        let mut bulletin = Bulletin::new(false);
        let wait = News::Wait(STEP_TIMEOUT);
        assert_eq!(
            bulletin.look(starting("1 of 9")),
            [status("starting: 1 of 9"), wait.clone()]
        );
        assert_eq!(bulletin.look(starting("1 of 9")), [], "it hangs");
        assert_eq!(
            bulletin.look(starting("2 of 9")),
            [status("starting: 2 of 9"), wait]
        );
        assert_eq!(bulletin.begin_reload(), []);
        assert_eq!(bulletin.end_reload(), [], "it is not ready yet");
        assert_eq!(bulletin.look(Ok(())), [News::Ready, status("serving")]);
        assert_eq!(bulletin.look(Ok(())), []);
    }

    #[test]
    fn a_start_that_waits_for_an_operator_is_not_started_again() {
        let mut bulletin = Bulletin::new(false);
        let stopped = || Err(Unready::Stopped("revision\n7".to_owned()));
        let wait = News::Wait(STEP_TIMEOUT);
        assert_eq!(
            bulletin.look(stopped()),
            [status("revision 7"), wait.clone()]
        );
        assert_eq!(bulletin.look(stopped()), [wait]);
    }

    #[test]
    fn ready_is_told_once_and_after_each_reload() {
        let mut bulletin = Bulletin::new(false);
        bulletin.look(Ok(()));
        assert_eq!(bulletin.begin_reload(), [News::Reloading, News::Now]);
        assert_eq!(bulletin.end_reload(), [News::Ready]);
        let full = || Err(Unready::CannotJournal("full".to_owned()));
        assert_eq!(bulletin.look(full()), [status("cannot journal: full")]);
        assert_eq!(bulletin.look(Ok(())), [status("serving")]);
        bulletin.begin_reload();
        let draining = bulletin.look(Err(Unready::Draining));
        assert_eq!(draining, [News::Stopping, status("draining")]);
        assert_eq!(bulletin.end_reload(), [], "it ends");
        assert_eq!(bulletin.look(Err(Unready::Draining)), []);
    }

    #[test]
    fn a_watchdog_is_told_at_each_look() {
        let mut bulletin = Bulletin::new(true);
        bulletin.look(Ok(()));
        assert_eq!(bulletin.look(Ok(())), [News::Alive]);
    }
}
