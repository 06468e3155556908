//! What is written at once, in which order, and when.

use std::future::poll_fn;

use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};

use super::*;

/// Notes what is written at once, and takes so many bytes before it is full. There is
/// nothing to read.
struct Writes {
    written: Vec<String>,
    room: usize,
}

impl AsyncRead for Writes {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Writes {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = bytes.len().min(self.room);
        if count == 0 {
            return Poll::Pending;
        }
        self.room -= count;
        let text = String::from_utf8_lossy(&bytes[..count]);
        self.written.push(text.into_owned());
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn bursts(room: usize) -> Bursts<Writes> {
    let written = Vec::new();
    Bursts::new(Writes { written, room })
}

/// Writes a frame as the protocol does: its head and what is in it, then a flush.
fn poll_frame(
    bursts: &mut Bursts<Writes>,
    cx: &mut Context<'_>,
    frame: &str,
) -> Poll<io::Result<()>> {
    let (head, payload) = frame.split_at(1);
    let slices = [head, payload].map(|part| IoSlice::new(part.as_bytes()));
    let count = ready!(Pin::new(&mut *bursts).poll_write_vectored(cx, &slices))?;
    assert_eq!(count, frame.len());
    Pin::new(bursts).poll_flush(cx)
}

#[tokio::test]
async fn what_tasks_that_are_ready_send_is_written_together() {
    let mut bursts = bursts(usize::MAX);
    let (senders, mut sent) = mpsc::unbounded_channel();
    for burst in ["abc", "def"] {
        let mut texts = burst.chars();
        let mut waiting = String::from_iter(texts.next());
        for text in texts {
            let senders = senders.clone();
            tokio::spawn(async move { senders.send(text) });
        }
        poll_fn(|cx| {
            while let Poll::Ready(Some(text)) = sent.poll_recv(cx) {
                waiting.push(text);
            }
            Pin::new(&mut bursts).poll_write(cx, waiting.as_bytes())
        })
        .await
        .unwrap();
        bursts.flush().await.unwrap();
        // As the protocol does when it is woken next.
        let _ = bursts.read(&mut [0]).await.unwrap();
    }
    assert_eq!(bursts.io.written, ["abc", "def"]);
}

#[tokio::test]
async fn a_burst_waits_once_however_often_it_is_flushed() {
    let mut bursts = bursts(usize::MAX);
    bursts.write_all(b"a").await.unwrap();
    for _ in 0..3 {
        bursts.flush().await.unwrap();
        let mut writing = task::spawn(bursts.write(b"b"));
        assert_ready_ok!(writing.poll());
    }
}

#[tokio::test]
async fn what_is_enough_is_written_at_once() {
    let mut bursts = bursts(usize::MAX);
    let enough = vec![b'.'; ENOUGH_BYTES];
    let mut writing = task::spawn(bursts.write(&enough));
    assert_ready_ok!(writing.poll());
    drop(writing);
    assert_eq!(bursts.io.written.len(), 1);
}

#[test]
fn frames_that_are_flushed_one_by_one_are_written_together() {
    let mut protocol = task::spawn(bursts(usize::MAX));
    for frames in [["abc", "def", "ghi"], ["jkl", "mno", "pqr"]] {
        protocol.enter(|cx, mut bursts| {
            assert_pending!(poll_frame(&mut bursts, cx, frames[0]));
        });
        protocol.enter(|cx, mut bursts| {
            for frame in frames {
                assert_ready_ok!(poll_frame(&mut bursts, cx, frame));
            }
            // The end of them.
            assert_ready_ok!(bursts.as_mut().poll_flush(cx));
            assert_ready_ok!(bursts.poll_read(cx, &mut ReadBuf::new(&mut [])));
        });
    }
    assert_eq!(protocol.io.written, ["abcdefghi", "jklmnopqr"]);
    assert_eq!(protocol.held.capacity(), 0, "between bursts");
}

#[test]
fn what_was_flushed_once_goes_out_when_the_protocol_is_woken_which_it_is() {
    let mut protocol = task::spawn(bursts(usize::MAX));
    protocol.enter(|cx, mut bursts| {
        assert_pending!(poll_frame(&mut bursts, cx, "abc"));
    });
    assert!(protocol.is_woken());
    protocol.enter(|cx, mut bursts| {
        assert_ready_ok!(poll_frame(&mut bursts, cx, "abc"));
        assert!(bursts.io.written.is_empty());
    });
    assert!(protocol.is_woken());
    protocol.enter(|cx, bursts| {
        assert_ready_ok!(bursts.poll_read(cx, &mut ReadBuf::new(&mut [])));
    });
    assert_eq!(protocol.io.written, ["abc"]);
}

#[test]
fn what_is_held_goes_out_before_the_connection_ends() {
    let mut protocol = task::spawn(bursts(usize::MAX));
    protocol.enter(|cx, mut bursts| {
        assert_pending!(poll_frame(&mut bursts, cx, "abc"));
        assert_ready_ok!(poll_frame(&mut bursts, cx, "abc"));
        assert_ready_ok!(bursts.poll_shutdown(cx));
    });
    assert_eq!(protocol.io.written, ["abc"]);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Frame(usize),
    Piece(usize),
    Flush,
    Read,
    Room(usize),
}

fn acts() -> impl Strategy<Value = Act> {
    let bytes = || prop_oneof![1..300_usize, 1..20_000_usize, 60_000..70_000_usize];
    prop_oneof![
        4 => bytes().prop_map(Act::Frame),
        1 => bytes().prop_map(Act::Piece),
        2 => Just(Act::Flush),
        2 => Just(Act::Read),
        2 => (0..100_000_usize).prop_map(Act::Room),
    ]
}

proptest! {
    /// However full the connection is, and whatever the protocol does.
    #[test]
    fn nothing_is_lost_or_overtaken_and_what_is_held_is_bounded(
        acts in prop::collection::vec(acts(), 1..60),
    ) {
        let mut protocol = task::spawn(bursts(0));
        let mut sent = String::new();
        let mut letters = ('a'..='z').cycle();
        for act in acts {
            protocol.enter(|cx, mut bursts| {
                let (Act::Frame(count) | Act::Piece(count)) = act else {
                    match act {
                        Act::Read => {
                            let polled = bursts.poll_read(cx, &mut ReadBuf::new(&mut []));
                            assert_ready_ok!(polled);
                        }
                        Act::Room(more) => bursts.io.room += more,
                        _ => drop(bursts.poll_flush(cx)),
                    }
                    return;
                };
                let text: String = letters.by_ref().take(count).collect();
                let (head, payload) = text.split_at(count / 2);
                let mut slices = vec![IoSlice::new(head.as_bytes()), IoSlice::new(payload.as_bytes())];
                if matches!(act, Act::Piece(_)) {
                    slices = vec![IoSlice::new(text.as_bytes())];
                }
                match bursts.as_mut().poll_write_vectored(cx, &slices) {
                    Poll::Ready(written) => sent.push_str(&text[..written.unwrap()]),
                    // To be written again later.
                    Poll::Pending => {}
                }
                assert!(bursts.held.len() <= HELD_BYTES_MAX);
            });
        }
        protocol.enter(|cx, mut bursts| {
            bursts.io.room = usize::MAX;
            let _ = assert_ready!(bursts.as_mut().poll_flush(cx));
            assert_ready_ok!(bursts.poll_flush(cx));
        });
        prop_assert_eq!(protocol.io.written.concat(), sent);
    }
}
