//! Checks what [`Coalesced`] relies on, with the real h2 and hyper on both sides of a pipe.
//!
//! `trace.rs` notes every call that h2 makes, `harness.rs` runs the two sides. Time is paused, so
//! `settle` returns when no task can run any more: what is not delivered then would wait for
//! another wake-up. A client that is frozen reads and writes nothing, so it wakes no task.

mod harness;
mod trace;

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use self::{
    harness::{Client, Pair, Windows, settle},
    trace::Flushes,
};

/// Small enough to be gathered, long enough for h2 not to gather it itself.
const FRAME: usize = 300;
/// Holds everything that these tests send.
const BIG_PIPE: usize = 1 << 20;
/// With and without the flush that ends every burst: the wake-up is enough without it.
const BOTH: [Flushes; 2] = [Flushes::All, Flushes::AfterWrites];
const WIDE: Windows = Windows {
    stream: 1 << 20,
    connection: 1 << 24,
};

#[tokio::test(start_paused = true)]
async fn frames_of_many_streams_are_delivered_in_one_write_and_nothing_is_left() {
    for flushes in BOTH {
        let mut pair = Pair::new(BIG_PIPE, WIDE, flushes).await;
        pair.open_streams(32).await;
        for round in 0..3 {
            pair.client.freeze();
            let writes = pair.trace().socket_writes();
            pair.send_to_all(FRAME);
            settle().await;
            pair.trace().assert_all_written();
            assert_eq!(pair.trace().socket_writes() - writes, 1, "round {round}");
            pair.client.thaw();
            pair.assert_received().await;
        }
        pair.trace().assert_habits();
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_comes_as_head_and_payload_and_is_flushed_by_itself_and_the_last_one_twice() {
    let mut pair = Pair::new(BIG_PIPE, WIDE, Flushes::All).await;
    pair.open_streams(8).await;
    let before = pair.trace().len();
    pair.send_to_all(FRAME);
    settle().await;
    assert_eq!(pair.trace().writes_of_two_slices_flushed(before), 8);
    assert_eq!(pair.trace().flushes_after_flushes(before), 1);
    let before = pair.trace().len();
    pair.send_to_all(100);
    settle().await;
    assert_eq!(pair.trace().writes_of_two_slices_flushed(before), 0);
    pair.assert_received().await;
}

#[tokio::test(start_paused = true)]
async fn one_message_into_an_idle_connection_is_delivered_whatever_its_size() {
    for flushes in BOTH {
        let mut pair = Pair::new(BIG_PIPE, WIDE, flushes).await;
        pair.open_streams(1).await;
        for size in [
            0, 1, 100, 255, 256, 257, FRAME, 8_000, 8_192, 16_384, 100_000,
        ] {
            pair.client.freeze();
            pair.send(0, size);
            settle().await;
            pair.trace().assert_all_written();
            pair.client.thaw();
            pair.assert_received().await;
        }
        pair.trace().assert_habits();
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_longer_than_what_is_gathered_is_delivered() {
    for flushes in BOTH {
        let mut pair = Pair::new(BIG_PIPE, WIDE, flushes).await;
        pair.open_streams(64).await;
        pair.client.freeze();
        for size in [8_000, 50, FRAME, 20_000, 1_000] {
            pair.send_to_all(size);
        }
        settle().await;
        // h2 sends more than its default window only when the client allows it, which it does.
        pair.trace().assert_all_written();
        pair.client.thaw();
        pair.assert_received().await;
        pair.trace().assert_habits();
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_blocks_in_a_burst_delivers_the_rest_when_it_may() {
    for flushes in BOTH {
        for pipe in [64, 333, 1_000, 5_000] {
            let mut pair = Pair::new(pipe, WIDE, flushes).await;
            pair.open_streams(16).await;
            for sizes in [&[FRAME][..], &[FRAME, 10, 2_000], &[9_000, FRAME]] {
                pair.client.freeze();
                for size in sizes {
                    pair.send_to_all(*size);
                }
                settle().await;
                // From here on only the socket wakes the server: such windows need no update.
                pair.client.thaw();
                pair.assert_received().await;
                pair.trace().assert_all_written();
            }
            pair.trace().assert_habits();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_that_closes_in_a_burst_holds_back_nothing_that_fits() {
    for flushes in BOTH {
        let narrow = Windows {
            stream: 700,
            connection: 65_535,
        };
        let mut pair = Pair::new(BIG_PIPE, narrow, flushes).await;
        pair.open_streams(8).await;
        for _ in 0..3 {
            pair.client.freeze();
            for _ in 0..5 {
                pair.send_to_all(FRAME);
            }
            settle().await;
            pair.trace().assert_all_written();
            pair.client.thaw();
            pair.assert_received().await;
        }
        pair.trace().assert_habits();
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_a_graceful_end_is_delivered_before_it() {
    for flushes in BOTH {
        for (pipe, streams) in [(BIG_PIPE, 1), (BIG_PIPE, 16), (500, 16)] {
            let mut pair = Pair::new(pipe, WIDE, flushes).await;
            pair.open_streams(streams).await;
            pair.client.freeze();
            pair.send_to_all(FRAME);
            pair.end_all_streams();
            pair.shut_down();
            settle().await;
            pair.client.thaw();
            pair.assert_received_and_ended().await;
            pair.assert_server_ended().await;
            pair.trace().assert_all_written();
            pair.trace().assert_shut_down_before_dropped();
            pair.trace().assert_habits();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_the_connection_in_order() {
    for flushes in BOTH {
        let mut pair = Pair::new(BIG_PIPE, WIDE, flushes).await;
        pair.open_streams(4).await;
        pair.send_to_all(FRAME);
        pair.assert_received().await;
        pair.leave();
        pair.assert_server_ended().await;
        pair.trace().assert_shut_down_before_dropped();
        pair.trace().assert_habits();
    }
}

#[tokio::test(start_paused = true)]
async fn streams_that_begin_and_end_in_a_burst_are_delivered() {
    for flushes in BOTH {
        let mut pair = Pair::new(BIG_PIPE, WIDE, flushes).await;
        for _ in 0..20 {
            pair.open_streams(3).await;
            pair.client.freeze();
            pair.send_to_all(FRAME);
            pair.end_all_streams();
            settle().await;
            pair.trace().assert_all_written();
            pair.client.thaw();
            pair.assert_received_and_ended().await;
        }
        pair.trace().assert_habits();
    }
}

/// The same over TCP, with senders on other threads, so that wake-ups race with writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_real_socket_with_senders_on_other_threads_everything_is_delivered() {
    const STREAMS: usize = 32;
    const MESSAGES: usize = 200;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(connecting, listener.accept());
    let (server, mut opened) = harness::serve_plain(accepted.unwrap().0);
    let mut client = Client::connect(client.unwrap(), WIDE).await;
    for stream in 0..STREAMS {
        let received = client.open().await;
        let sender = opened.recv().await.unwrap();
        let sent = tokio::spawn(async move {
            for message in 0..MESSAGES {
                let size = 1 + (stream * 7919 + message * 104_729) % 1_500;
                sender.send(Bytes::from(vec![stream as u8; size])).unwrap();
                tokio::task::yield_now().await;
            }
        });
        client.expect(received, async move {
            sent.await.unwrap();
            (0..MESSAGES)
                .map(|message| 1 + (stream * 7919 + message * 104_729) % 1_500)
                .sum()
        });
    }
    timeout(Duration::from_secs(30), client.all_received())
        .await
        .expect("bytes were left behind");
    client.leave();
    timeout(Duration::from_secs(30), server)
        .await
        .unwrap()
        .unwrap();
}
