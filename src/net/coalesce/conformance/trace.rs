//! Records the calls of h2 to its transport, and the bytes that reach the socket.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What happened to the transport of one connection, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The connection's task runs.
    Run,
    /// The connection's task goes to sleep.
    Sleep,
    Read,
    Write {
        slices: usize,
        is_ready: bool,
    },
    Flush {
        is_ready: bool,
    },
    Shutdown {
        is_ready: bool,
    },
    /// A write, a flush or a shutdown failed.
    Failed,
    Drop,
}

impl Event {
    fn is_write_of(self, count: usize) -> bool {
        matches!(self, Self::Write { slices, is_ready: true } if slices == count)
    }
}

#[derive(Debug, Default)]
struct Notes {
    events: Vec<Event>,
    /// Bytes that were accepted from h2, and those that reached the socket.
    accepted: usize,
    written: usize,
    socket_writes: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Trace(Arc<Mutex<Notes>>);

impl Trace {
    pub(super) fn note(&self, event: Event) {
        self.0.lock().events.push(event);
    }

    fn note_write<T>(&self, polled: &Poll<io::Result<T>>, event: impl Fn(bool) -> Event) {
        self.note(match polled {
            Poll::Ready(Err(_)) => Event::Failed,
            polled => event(polled.is_ready()),
        });
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().events.len()
    }

    pub(super) fn socket_writes(&self) -> usize {
        self.0.lock().socket_writes
    }

    #[track_caller]
    pub(super) fn assert_all_written(&self) {
        let notes = self.0.lock();
        assert_eq!(notes.written, notes.accepted, "bytes were left behind");
    }

    /// How many writes since `from` had two slices and were followed by a flush.
    pub(super) fn writes_of_two_slices_flushed(&self, from: usize) -> usize {
        let is_flush = |event: &Event| matches!(event, Event::Flush { .. });
        self.count_after(from, |event| event.is_write_of(2), is_flush)
    }

    /// How many flushes since `from` came right after a flush.
    pub(super) fn flushes_after_flushes(&self, from: usize) -> usize {
        let is_flush = |event: &Event| matches!(event, Event::Flush { .. });
        self.count_after(from, is_flush, is_flush)
    }

    fn count_after(
        &self,
        from: usize,
        first: impl Fn(&Event) -> bool,
        second: impl Fn(&Event) -> bool,
    ) -> usize {
        let notes = self.0.lock();
        let pairs = notes.events[from..].windows(2);
        pairs
            .filter(|pair| first(&pair[0]) && second(&pair[1]))
            .count()
    }

    #[track_caller]
    pub(super) fn assert_shut_down_before_dropped(&self) {
        let notes = self.0.lock();
        let last = notes.events.iter().rev().take(2).collect::<Vec<_>>();
        let shutdown = Event::Shutdown { is_ready: true };
        assert_eq!(last, [&Event::Drop, &shutdown]);
    }

    #[track_caller]
    pub(super) fn assert_habits(&self) {
        check_habits(&self.0.lock().events).unwrap();
    }
}

/// Habits 3 and 4 that the module relies on.
fn check_habits(events: &[Event]) -> Result<(), String> {
    for run in events.split(|event| *event == Event::Run) {
        let Some(end) = run.iter().position(|event| *event == Event::Sleep) else {
            continue;
        };
        let run = &run[..end];
        let waits = matches!(
            run.last(),
            Some(
                Event::Write {
                    is_ready: false,
                    ..
                } | Event::Flush { is_ready: false }
                    | Event::Shutdown { is_ready: false }
            )
        );
        if !waits && !run.contains(&Event::Read) {
            return Err(format!("it went to sleep and did not read: {run:?}"));
        }
        let is_write = |event: &Event| matches!(event, Event::Write { .. });
        let is_flush = |event: &Event| matches!(event, Event::Flush { .. });
        let (write, flush) = (
            run.iter().rposition(is_write),
            run.iter().rposition(is_flush),
        );
        if !waits && write > flush {
            return Err(format!(
                "it wrote, did not flush and went to sleep: {run:?}"
            ));
        }
    }
    Ok(())
}

/// Which flushes of h2 the wrapper under test gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushes {
    All,
    /// Not those that no write came before. h2 ends every burst with one; without it only the
    /// wake-up can end the burst.
    AfterWrites,
}

/// Between h2 and the wrapper under test.
#[derive(Debug)]
pub(super) struct Above<IO> {
    io: IO,
    trace: Trace,
    flushes: Flushes,
    is_flushed: bool,
}

impl<IO> Above<IO> {
    pub(super) fn new(io: IO, trace: Trace, flushes: Flushes) -> Self {
        Self {
            io,
            trace,
            flushes,
            is_flushed: false,
        }
    }
}

/// Between the wrapper under test and the socket.
#[derive(Debug)]
pub(super) struct Below<IO> {
    pub(super) io: IO,
    pub(super) trace: Trace,
}

impl<IO> Drop for Above<IO> {
    fn drop(&mut self) {
        self.trace.note(Event::Drop);
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Above<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.trace.note(Event::Read);
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Above<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_flushed = false;
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        let slices = slices.len();
        self.trace
            .note_write(&polled, |is_ready| Event::Write { slices, is_ready });
        if let Poll::Ready(Ok(count)) = &polled {
            self.trace.0.lock().accepted += count;
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushes == Flushes::AfterWrites && self.is_flushed {
            self.trace.note(Event::Flush { is_ready: true });
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut self.io).poll_flush(cx);
        self.is_flushed = polled.is_ready();
        self.trace
            .note_write(&polled, |is_ready| Event::Flush { is_ready });
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_shutdown(cx);
        self.trace
            .note_write(&polled, |is_ready| Event::Shutdown { is_ready });
        polled
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Below<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Below<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?;
        let mut notes = self.trace.0.lock();
        notes.written += count;
        notes.socket_writes += 1;
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[test]
fn other_habits_are_noticed() {
    use Event::{Flush, Read, Run, Sleep, Write};
    let (written, flushed) = (
        Write {
            slices: 2,
            is_ready: true,
        },
        Flush { is_ready: true },
    );
    let blocked = Write {
        slices: 2,
        is_ready: false,
    };
    for good in [
        &[Run, Read, written, flushed, Sleep][..],
        &[Run, Read, Sleep, Run, Read, written, blocked, Sleep],
        &[Run, blocked, Sleep],
        &[
            Run,
            Read,
            written,
            flushed,
            written,
            Flush { is_ready: false },
            Sleep,
        ],
    ] {
        assert_eq!(check_habits(good), Ok(()));
    }
    for bad in [
        &[Run, Sleep][..],
        &[Run, written, flushed, Sleep],
        &[Run, Read, written, Sleep],
        &[Run, Read, flushed, written, Sleep],
        &[Run, Read, Sleep, Run, Read, written, Sleep],
    ] {
        assert!(check_habits(bad).is_err(), "{bad:?}");
    }
}
