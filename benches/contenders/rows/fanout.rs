//! One room and its watchers: as many changes as come through, with a window of
//! them under way; and 200 a second, to see how long one takes.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{self, Instant},
};

use super::{payload, present};
use crate::{
    Outcome,
    args::{Args, Row},
    contender::{Contender, Running},
    load::{sender::Sender, tracker::Tracker, watchers::Watchers},
    report::{Meter, Report},
};

const WATCHERS: usize = 1000;
const WINDOWS: [usize; 2] = [8, 256];

const CONTENDERS: [(Contender, &str); 5] = [
    (Contender::Memory, "headcount, memory journal"),
    (Contender::Disk, "headcount, disk journal"),
    (Contender::Bare, "bare tonic"),
    (Contender::Redis, "Redis HSET + PUBLISH"),
    (Contender::Etcd, "etcd watch"),
];

const WARM_UP: Duration = Duration::from_secs(1);

/// How long what is under way may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);

/// What a row does.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// The next change is made when one has reached every watcher.
    Window(usize),
    /// Changes are made at a fixed rate, also if earlier ones have not arrived.
    Every(Duration),
}

const LATENCY_PERIOD: Duration = Duration::from_millis(5);

/// Changes under way on their own connections, at a steady rate.
const LATENCY_SENDERS: usize = 64;

pub(crate) async fn run(args: &Args, report: &mut Report) -> Outcome<()> {
    let contenders = present(args, report, &CONTENDERS);
    let payload = payload::change(args).await?;
    report.note(format!(
        "One change is a message of {} bytes; a bare server sends the same.",
        payload.length()?
    ));
    let mut rows = Vec::new();
    if args.wants(Row::Fanout) {
        rows.extend(
            WINDOWS.map(|window| (format!("fan-out, window {window}"), Pace::Window(window))),
        );
    }
    if args.wants(Row::Latency) {
        rows.push(("latency, 200 changes/s".into(), Pace::Every(LATENCY_PERIOD)));
    }
    for (row, pace) in &rows {
        for round in 0..args.repeat {
            eprintln!("{row}, round {}", round + 1);
            for &(contender, name) in &contenders {
                let measured = measure(args, contender, *pace, payload.path(), (row, name), report);
                if let Err(error) = measured.await {
                    return Err(format!("{row}: {name}: {error}").into());
                }
            }
        }
    }
    Ok(())
}

async fn measure(
    args: &Args,
    contender: Contender,
    pace: Pace,
    payload: &Path,
    place: (&str, &str),
    report: &mut Report,
) -> Outcome<()> {
    let running = contender.start(args, Some(payload)).await?;
    let window = match pace {
        Pace::Window(window) => window,
        Pace::Every(_) => Semaphore::MAX_PERMITS / 2,
    };
    let tracker = Arc::new(Tracker::new(WATCHERS, window));
    let mut watchers = Watchers::start(contender, &running, &tracker, WATCHERS).await?;
    let mut changes = Changes::start(contender, &running, &tracker, pace).await?;
    time::sleep(WARM_UP).await;
    tracker.forget();
    let (begin, first, meter) = (Instant::now(), tracker.delivered(), Meter::start(&running));
    time::sleep(Duration::from_secs_f64(args.seconds)).await;
    let deliveries = (tracker.delivered() - first) as f64;
    let (elapsed, cpu) = (
        begin.elapsed().as_secs_f64(),
        meter.read(&running, deliveries),
    );
    watchers.check()?;
    let percentiles = [0.5, 0.99].map(|part| tracker.percentile(part));
    let last = changes.end().await?;
    all_arrived(&tracker, last).await?;
    if let Pace::Window(_) = pace {
        report.add(place, "deliveries/s", deliveries / elapsed, Some(cpu));
    } else {
        report.add(place, "ms p50", percentiles[0], Some(cpu));
        report.add(place, "ms p99", percentiles[1], None);
    }
    Ok(())
}

/// Every watcher has to get every change once, or the figures are worth nothing.
async fn all_arrived(tracker: &Tracker, last: usize) -> Outcome<()> {
    let begin = Instant::now();
    while tracker.incomplete(1, last) > 0 {
        if begin.elapsed() > ARRIVAL {
            let incomplete = tracker.incomplete(1, last);
            return Err(
                format!("{incomplete} of {last} changes did not reach every watcher").into(),
            );
        }
        time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Makes changes until it is told to end.
struct Changes {
    made: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    making: JoinSet<Outcome<()>>,
}

impl Changes {
    async fn start(
        contender: Contender,
        running: &Running,
        tracker: &Arc<Tracker>,
        pace: Pace,
    ) -> Outcome<Self> {
        let mut making = JoinSet::new();
        let (made, is_over) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let senders = match pace {
            Pace::Window(window) => window,
            Pace::Every(_) => LATENCY_SENDERS,
        };
        // At a steady rate, the senders take turns.
        let begin = Instant::now();
        for turn in 0..senders {
            let sender = Sender::open(contender, running).await?;
            let (tracker, made, is_over) =
                (Arc::clone(tracker), Arc::clone(&made), Arc::clone(&is_over));
            making.spawn(async move {
                match pace {
                    Pace::Window(_) => keep_window(sender, &tracker, &made, &is_over).await,
                    Pace::Every(period) => {
                        let begin = begin + period * turn as u32;
                        let turns = period * senders as u32;
                        keep_pace(sender, &tracker, &made, &is_over, (begin, turns)).await
                    }
                }
            });
        }
        Ok(Self {
            made,
            is_over,
            making,
        })
    }

    /// The last change that was made.
    async fn end(&mut self) -> Outcome<usize> {
        self.is_over.store(true, Relaxed);
        while let Some(made) = self.making.join_next().await {
            made??;
        }
        Ok(self.made.load(Relaxed))
    }
}

async fn keep_window(
    mut sender: Sender,
    tracker: &Tracker,
    made: &AtomicUsize,
    is_over: &AtomicBool,
) -> Outcome<()> {
    while !is_over.load(Relaxed) {
        tracker.admit().await;
        let change = made.fetch_add(1, Relaxed) + 1;
        tracker.sent(change);
        sender.send(change).await?;
    }
    Ok(())
}

async fn keep_pace(
    mut sender: Sender,
    tracker: &Tracker,
    made: &AtomicUsize,
    is_over: &AtomicBool,
    (mut at, turns): (Instant, Duration),
) -> Outcome<()> {
    while !is_over.load(Relaxed) {
        time::sleep_until(at).await;
        at += turns;
        let change = made.fetch_add(1, Relaxed) + 1;
        tracker.sent(change);
        sender.send(change).await?;
    }
    Ok(())
}
