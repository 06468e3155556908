use std::{
    future::{pending, ready},
    sync::atomic::AtomicU64,
};

use tokio::task::{self, JoinSet};
use tokio_test::{assert_pending, assert_ready, task as test};

use super::*;

/// How long an operation may take that should take a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// A subject that changes when a test says so.
#[derive(Default)]
struct Subject {
    changed: Notify,
    last_change: AtomicU64,
}

impl Subject {
    fn change(&self) {
        self.last_change.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }
}

impl ChangeSignal for Subject {
    fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    fn last_change(&self) -> Revision {
        self.last_change.load(Ordering::Acquire)
    }
}

fn wakeup_of(subject: &Arc<Subject>) -> Arc<SharedWakeup> {
    let signal: Arc<dyn ChangeSignal> = Arc::clone(subject) as _;
    Arc::new(Wakeups::default()).of(signal)
}

/// The wake-up of a subject that nothing else changes.
fn wakeup() -> Arc<SharedWakeup> {
    wakeup_of(&Arc::default())
}

/// Waits for as long as it takes, with nothing to send.
async fn wait(wakeup: &Arc<SharedWakeup>) -> bool {
    wakeup.wait(|| false, pending()).await
}

#[test]
fn the_watches_of_a_subject_have_one_wakeup_which_goes_with_the_last() {
    let wakeups = Arc::new(Wakeups::default());
    let signals: [Arc<dyn ChangeSignal>; 2] =
        [Arc::new(Subject::default()), Arc::new(Subject::default())];
    let [a, other] = signals
        .clone()
        .map(|signal| (wakeups.of(Arc::clone(&signal)), wakeups.of(signal)));
    assert!(Arc::ptr_eq(&a.0, &a.1));
    assert!(!Arc::ptr_eq(&a.0, &other.0));
    drop((a, other.0));
    assert_eq!(wakeups.by_signal.lock().len(), 1);
    drop(other.1);
    assert!(wakeups.by_signal.lock().is_empty());
}

#[test]
fn there_is_one_task_and_it_wakes_all_watches() {
    let wakeup = wakeup();
    let mut task = wakeup.take_task().unwrap();
    assert!(wakeup.take_task().is_none());
    let mut waiting = [(); 3].map(|()| test::spawn(wait(&wakeup)));
    for watch in &mut waiting {
        assert_pending!(watch.poll());
    }
    task.wake();
    for watch in &mut waiting {
        assert!(watch.is_woken());
        assert!(assert_ready!(watch.poll()));
    }
}

#[test]
fn the_end_of_a_task_wakes_all_watches_and_another_may_begin() {
    let wakeup = wakeup();
    let first = wakeup.take_task().unwrap();
    let mut waiting = test::spawn(wait(&wakeup));
    assert_pending!(waiting.poll());
    drop(first);
    assert!(waiting.is_woken());
    assert!(assert_ready!(waiting.poll()));
    assert!(wakeup.take_task().is_some());
}

#[test]
fn a_task_hears_of_each_change_for_which_it_did_not_wake() {
    let subject = Arc::<Subject>::default();
    let wakeup = wakeup_of(&subject);
    let mut task = wakeup.take_task().unwrap();
    for _ in 0..2 {
        {
            let mut waiting_task = test::spawn(task.change_or_request());
            assert_pending!(waiting_task.poll());
            subject.change();
            assert!(waiting_task.is_woken());
            assert_ready!(waiting_task.poll());
        }
        assert_ready!(test::spawn(task.change_or_request()).poll());
        task.wake();
    }
}

#[test]
fn a_watch_that_has_something_to_send_asks_for_another_wakeup() {
    let subject = Arc::<Subject>::default();
    let wakeup = wakeup_of(&subject);
    let mut task = wakeup.take_task().unwrap();
    subject.change();
    task.wake();
    let mut waiting_task = test::spawn(task.change_or_request());
    assert_pending!(waiting_task.poll());
    let mut up_to_date = test::spawn(wait(&wakeup));
    assert_pending!(up_to_date.poll());
    assert!(!waiting_task.is_woken());
    let mut late = test::spawn(wakeup.wait(|| true, pending()));
    assert_pending!(late.poll());
    assert!(waiting_task.is_woken());
    assert_ready!(waiting_task.poll());
}

#[test]
fn a_task_learns_whether_any_watch_waits() {
    let wakeup = wakeup();
    let mut task = wakeup.take_task().unwrap();
    assert!(!task.wake());
    assert_pending!(test::spawn(wait(&wakeup)).poll());
    assert!(task.wake());
    assert!(!task.wake());
}

#[test]
fn a_watch_waits_no_longer_than_until_it_is_idle() {
    let wakeup = wakeup();
    let _task = wakeup.take_task().unwrap();
    let mut waiting = test::spawn(wakeup.wait(|| false, ready(())));
    assert!(!assert_ready!(waiting.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_no_watch_needs_ends_and_keeps_nothing() {
    let subject = Arc::<Subject>::default();
    let wakeup = wakeup_of(&subject);
    // The wait starts a task, and the end of that task wakes it.
    let waited = time::timeout(2 * QUIET_AFTER, wait(&wakeup)).await;
    assert_eq!(waited, Ok(true));
    drop(wakeup);
    task::yield_now().await;
    assert_eq!(Arc::strong_count(&subject), 1);
}

/// A watch that is not woken would wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_watch_that_waits_is_forgotten() {
    let wakeup = wakeup();
    let mut waiting = JoinSet::new();
    for _ in 0..16 {
        let wakeup = Arc::clone(&wakeup);
        waiting.spawn(async move {
            for _ in 0..2_000 {
                let woken = wakeup.woken();
                if let Some(wakeup_task) = wakeup.take_task() {
                    task::yield_now().await;
                    drop(wakeup_task);
                } else {
                    woken.await;
                }
            }
        });
    }
    time::timeout(PATIENCE, waiting.join_all()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_watch_that_waits_hears_of_every_change() {
    const CHANGES: u64 = 1_000;
    let subject = Arc::<Subject>::default();
    let wakeup = wakeup_of(&subject);
    let mut waiting = JoinSet::new();
    for _ in 0..8 {
        let (subject, wakeup) = (Arc::clone(&subject), Arc::clone(&wakeup));
        waiting.spawn(async move {
            let mut told = 0;
            while told < CHANGES {
                if let Some(wakeup_task) = wakeup.take_task() {
                    tokio::spawn(run_at_once(wakeup_task));
                }
                let has_next = || subject.last_change() > told;
                wakeup.wait(has_next, pending()).await;
                told = subject.last_change();
            }
        });
    }
    for n in 0..CHANGES {
        subject.change();
        // Yields often enough that a watch does not see all changes at once.
        if n % 4 == 0 {
            task::yield_now().await;
        }
    }
    time::timeout(PATIENCE, waiting.join_all()).await.unwrap();
}

/// Like [`WakeupTask::run`], but without the time in between.
async fn run_at_once(mut wakeup_task: WakeupTask) {
    loop {
        wakeup_task.change_or_request().await;
        task::yield_now().await;
        if !wakeup_task.wake() {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn send_times_are_an_interval_apart_and_never_at_once() {
    let mut times = SendTimes::new();
    let begin = Instant::now();
    for number in 1..=250 {
        times.next().await;
        assert_eq!(begin.elapsed(), number * MESSAGE_INTERVAL);
    }
    time::advance(SAVED_MIN).await;
    let late = Instant::now();
    times.next().await;
    assert_eq!(late.elapsed(), Duration::from_millis(1));
}
