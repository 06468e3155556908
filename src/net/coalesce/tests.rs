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

fn coalesced(room: usize) -> Coalesced<Writes> {
    let written = Vec::new();
    Coalesced::new(Writes { written, room })
}

/// Writes a frame as the protocol does: its head and what is in it, then a flush.
fn poll_frame(
    coalesced: &mut Coalesced<Writes>,
    cx: &mut Context<'_>,
    frame: &str,
) -> Poll<io::Result<()>> {
    let (head, payload) = frame.split_at(1);
    let slices = [head, payload].map(|part| IoSlice::new(part.as_bytes()));
    let count = ready!(Pin::new(&mut *coalesced).poll_write_vectored(cx, &slices))?;
    assert_eq!(count, frame.len());
    Pin::new(coalesced).poll_flush(cx)
}

#[tokio::test]
async fn what_tasks_that_are_ready_send_is_written_together() {
    let mut coalesced = coalesced(usize::MAX);
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
            Pin::new(&mut coalesced).poll_write(cx, waiting.as_bytes())
        })
        .await
        .unwrap();
        coalesced.flush().await.unwrap();
        // As the protocol does when it is woken next.
        let _ = coalesced.read(&mut [0]).await.unwrap();
    }
    assert_eq!(coalesced.io.written, ["abc", "def"]);
}

#[tokio::test]
async fn a_burst_waits_once_however_often_it_is_flushed() {
    let mut coalesced = coalesced(usize::MAX);
    coalesced.write_all(b"a").await.unwrap();
    for _ in 0..3 {
        coalesced.flush().await.unwrap();
        let mut writing = task::spawn(coalesced.write(b"b"));
        assert_ready_ok!(writing.poll());
    }
}

#[tokio::test]
async fn what_is_enough_is_written_at_once() {
    let mut coalesced = coalesced(usize::MAX);
    let enough = vec![b'.'; LARGE_WRITE_BYTES];
    let mut writing = task::spawn(coalesced.write(&enough));
    assert_ready_ok!(writing.poll());
    drop(writing);
    assert_eq!(coalesced.io.written.len(), 1);
}

#[test]
fn frames_that_are_flushed_one_by_one_are_written_together() {
    let mut protocol = task::spawn(coalesced(usize::MAX));
    for frames in [["abc", "def", "ghi"], ["jkl", "mno", "pqr"]] {
        protocol.enter(|cx, mut coalesced| {
            assert_pending!(poll_frame(&mut coalesced, cx, frames[0]));
        });
        protocol.enter(|cx, mut coalesced| {
            for frame in frames {
                assert_ready_ok!(poll_frame(&mut coalesced, cx, frame));
            }
            // The end of them.
            assert_ready_ok!(coalesced.as_mut().poll_flush(cx));
            assert_ready_ok!(coalesced.poll_read(cx, &mut ReadBuf::new(&mut [])));
        });
    }
    assert_eq!(protocol.io.written, ["abcdefghi", "jklmnopqr"]);
    assert_eq!(protocol.gathered.capacity(), 0, "between coalesced");
}

#[test]
fn what_was_flushed_once_goes_out_when_the_protocol_is_woken_which_it_is() {
    let mut protocol = task::spawn(coalesced(usize::MAX));
    protocol.enter(|cx, mut coalesced| {
        assert_pending!(poll_frame(&mut coalesced, cx, "abc"));
    });
    assert!(protocol.is_woken());
    protocol.enter(|cx, mut coalesced| {
        assert_ready_ok!(poll_frame(&mut coalesced, cx, "abc"));
        assert!(coalesced.io.written.is_empty());
    });
    assert!(protocol.is_woken());
    protocol.enter(|cx, coalesced| {
        assert_ready_ok!(coalesced.poll_read(cx, &mut ReadBuf::new(&mut [])));
    });
    assert_eq!(protocol.io.written, ["abc"]);
}

#[test]
fn what_is_gathered_goes_out_before_the_connection_ends() {
    let mut protocol = task::spawn(coalesced(usize::MAX));
    protocol.enter(|cx, mut coalesced| {
        assert_pending!(poll_frame(&mut coalesced, cx, "abc"));
        assert_ready_ok!(poll_frame(&mut coalesced, cx, "abc"));
        assert_ready_ok!(coalesced.poll_shutdown(cx));
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
    fn nothing_is_lost_or_overtaken_and_what_is_gathered_is_bounded(
        acts in prop::collection::vec(acts(), 1..60),
    ) {
        let mut protocol = task::spawn(coalesced(0));
        let mut sent = String::new();
        let mut letters = ('a'..='z').cycle();
        for act in acts {
            protocol.enter(|cx, mut coalesced| {
                let (Act::Frame(count) | Act::Piece(count)) = act else {
                    match act {
                        Act::Read => {
                            let polled = coalesced.poll_read(cx, &mut ReadBuf::new(&mut []));
                            assert_ready_ok!(polled);
                        }
                        Act::Room(more) => coalesced.io.room += more,
                        _ => drop(coalesced.poll_flush(cx)),
                    }
                    return;
                };
                let text: String = letters.by_ref().take(count).collect();
                let (head, payload) = text.split_at(count / 2);
                let mut slices = vec![IoSlice::new(head.as_bytes()), IoSlice::new(payload.as_bytes())];
                if matches!(act, Act::Piece(_)) {
                    slices = vec![IoSlice::new(text.as_bytes())];
                }
                match coalesced.as_mut().poll_write_vectored(cx, &slices) {
                    Poll::Ready(written) => sent.push_str(&text[..written.unwrap()]),
                    // To be written again later.
                    Poll::Pending => {}
                }
                assert!(coalesced.gathered.len() <= GATHERED_BYTES_MAX);
            });
        }
        protocol.enter(|cx, mut coalesced| {
            coalesced.io.room = usize::MAX;
            let _ = assert_ready!(coalesced.as_mut().poll_flush(cx));
            assert_ready_ok!(coalesced.poll_flush(cx));
        });
        prop_assert_eq!(protocol.io.written.concat(), sent);
    }
}
