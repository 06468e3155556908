//! How far the sending of a run is, and how fast the server is.

use std::{
    fmt,
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval_at},
};

/// How often a bar and its numbers are drawn: few enough to be read.
const BAR_INTERVAL: Duration = Duration::from_millis(500);

/// How often a line is printed where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Of how many answers between two readings the time is kept. It bounds the memory of a run
/// that is fast; the first so many are as good as all.
const LATENCIES_MAX: usize = 100_000;

/// Counts what was taken in.
#[derive(Debug)]
pub(super) struct Meter {
    planned: usize,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    taken: u64,
    /// What came since the last reading.
    window: Window,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    taken: u64,
    latencies: Vec<Duration>,
    /// The most that a callback was sent after its time.
    behind: Option<Duration>,
}

/// How far the sending is, and how it went since the last reading.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    taken: u64,
    planned: usize,
    elapsed: Duration,
    pace: Pace,
}

/// How the sending goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pace {
    per_second: f64,
    /// How long the server took to answer: half of the callbacks, and 99 of 100.
    latency: Option<(Duration, Duration)>,
    /// How long after its time a callback was sent, at most. `None` if callbacks have no time.
    behind: Option<Duration>,
}

// === impl Meter ===

impl Meter {
    pub(super) fn new(planned: usize) -> Self {
        let began = Instant::now();
        let window = Window::new(began);
        Self {
            planned,
            began,
            state: Mutex::new(State { taken: 0, window }),
        }
    }

    /// Counts a callback that was taken in: how long the answer took, and how long after its
    /// time it was sent, if it has one.
    pub(super) fn take(&self, latency: Duration, behind: Option<Duration>) {
        let mut state = self.state.lock();
        state.taken += 1;
        let window = &mut state.window;
        window.taken += 1;
        window.behind = window.behind.max(behind);
        if window.latencies.len() < LATENCIES_MAX {
            window.latencies.push(latency);
        }
    }

    /// How many were taken in.
    pub(super) fn taken(&self) -> u64 {
        self.state.lock().taken
    }

    /// How far it is, and how it went since the last call.
    pub(super) fn read(&self) -> Reading {
        let now = Instant::now();
        let (taken, window) = {
            let mut state = self.state.lock();
            let window = std::mem::replace(&mut state.window, Window::new(now));
            (state.taken, window)
        };
        Reading {
            taken,
            planned: self.planned,
            elapsed: now - self.began,
            pace: window.pace(now),
        }
    }
}

// === impl Window ===

impl Window {
    fn new(began: Instant) -> Self {
        Self {
            began,
            taken: 0,
            latencies: Vec::new(),
            behind: None,
        }
    }

    fn pace(mut self, now: Instant) -> Pace {
        self.latencies.sort_unstable();
        let last = self.latencies.len().saturating_sub(1);
        let at = |percent: usize| self.latencies.get(last * percent / 100).copied();
        let seconds = (now - self.began).as_secs_f64();
        Pace {
            per_second: if seconds > 0.0 {
                self.taken as f64 / seconds
            } else {
                0.0
            },
            latency: at(50).zip(at(99)),
            behind: self.behind,
        }
    }
}

/// Shows on stderr how far sending is, until this is dropped.
#[derive(Debug)]
pub(super) struct Display {
    task: JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Display {
    /// A bar on a terminal, else a line every 10 seconds.
    pub(super) fn begin(meter: Arc<Meter>) -> Self {
        if !io::stderr().is_terminal() {
            let print = |reading: &Reading| eprintln!("simulate: {reading}");
            let task = tokio::spawn(tell(meter, LINE_INTERVAL, print));
            return Self { task, bar: None };
        }
        let bar = bar(meter.planned);
        let shown = bar.clone();
        let draw = move |reading: &Reading| {
            shown.set_position(reading.taken);
            shown.set_message(reading.pace.to_string());
        };
        Self {
            task: tokio::spawn(tell(meter, BAR_INTERVAL, draw)),
            bar: Some(bar),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Reads the meter again and again, and passes the readings on.
async fn tell(meter: Arc<Meter>, every: Duration, mut show: impl FnMut(&Reading)) {
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        show(&meter.read());
    }
}

fn bar(planned: usize) -> ProgressBar {
    let bar = ProgressBar::new(planned as u64);
    let style = "{wide_bar} {pos}/{len}  {msg}";
    // The template is a constant. If it were wrong, the default bar would be shown.
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.tick();
    bar
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            taken,
            planned,
            elapsed,
            pace,
        } = self;
        let seconds = elapsed.as_secs();
        write!(f, "{taken} of {planned} callbacks in {seconds} s: {pace}")
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}/s", self.per_second)?;
        if let Some((half, most)) = self.latency {
            write!(f, ", {} (p99 {})", short(half), short(most))?;
        }
        match self.behind {
            Some(behind) => write!(f, ", {} late", short(behind)),
            None => Ok(()),
        }
    }
}

/// A time with as much of it as matters.
fn short(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        ..10.0 => format!("{millis:.1} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_every_ten_seconds_says_how_it_goes() {
        let meter = Arc::new(Meter::new(2_600));
        let (lines_tx, mut lines_rx) = tokio::sync::mpsc::unbounded_channel();
        let show = move |reading: &Reading| drop(lines_tx.send(reading.to_string()));
        let telling = tokio::spawn(tell(Arc::clone(&meter), LINE_INTERVAL, show));
        let began = Instant::now();
        for i in 0..200 {
            let late = Duration::from_millis(i / 10);
            meter.take(Duration::from_micros(1_000 + i), Some(late));
        }
        let first = lines_rx.recv().await.unwrap();
        assert_eq!(
            first,
            "200 of 2600 callbacks in 10 s: 20/s, 1.1 ms (p99 1.2 ms), 19 ms late"
        );
        assert_eq!(began.elapsed(), LINE_INTERVAL);
        // What came before is no longer counted in the pace.
        meter.take(Duration::from_secs(2), None);
        let second = lines_rx.recv().await.unwrap();
        assert_eq!(
            second,
            "201 of 2600 callbacks in 20 s: 0/s, 2.0 s (p99 2.0 s)"
        );
        assert_eq!(meter.taken(), 201);
        telling.abort();
    }
}
