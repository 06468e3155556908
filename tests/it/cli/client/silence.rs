//! Watches of servers that fall silent.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use headcount_client::{Client, Credentials, RoomWatch, WatchEvent, from_connector};
use tokio::sync::mpsc;

use super::script::*;

/// What a watch tells until the script ends: revisions, and why streams were lost.
async fn told(mut watch: RoomWatch) -> Vec<String> {
    let mut told = Vec::new();
    while let Ok(event) = watch.next().await {
        told.push(match event {
            WatchEvent::Message(message) => message.revision.to_string(),
            WatchEvent::Lost { status, .. } => status.message().to_owned(),
            WatchEvent::Violated { violation, .. } => violation.to_string(),
        });
    }
    told
}

fn mk_watch(client: &Client) -> RoomWatch {
    RoomWatch::new(client.clone(), "demo", "r")
}

/// A client whose first connection is accepted and then not served, as by a proxy whose
/// server hangs. Later ones are served. Also counts the connections.
fn serve_after_a_hang(script: &Script) -> (Client, Arc<AtomicUsize>) {
    let (hung_tx, mut hung_rx) = mpsc::unbounded_channel();
    // Keeps what is connected, and reads nothing.
    tokio::spawn(async move {
        let mut hung = Vec::new();
        while let Some(pipe) = hung_rx.recv().await {
            hung.push(pipe);
        }
        std::future::pending::<()>().await;
    });
    let (hung, served) = (Pipes(hung_tx), accept(script));
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    // The proxy answers pings, so they find nothing: without them it is the same.
    let endpoint = tonic::transport::Endpoint::from_static("http://script");
    let connect = move || {
        let pipes = match counted.fetch_add(1, Ordering::Relaxed) {
            0 => hung.clone(),
            _ => served.clone(),
        };
        endpoint.connect_with_connector_lazy(pipes)
    };
    (from_connector(connect, Credentials::none()), connections)
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_given_up_and_resumed() {
    let script = mk_script([
        Ok(vec![mk_snapshot(5, &["a"]), mk_join(6, "b")]),
        Ok(vec![mk_join(8, "c")]),
    ])
    .that_hangs();
    let told = told(mk_watch(&serve(&script))).await;
    assert_eq!(told, ["5", "6", "silent for 30s", "8", "silent for 30s"]);
    assert_eq!(script.asked(), ["", "t6", "t8"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_stays_silent_from_its_beginning_is_given_up() {
    let script = mk_script([Ok(vec![]), Ok(vec![mk_snapshot(5, &[])])]).that_hangs();
    let told = told(mk_watch(&serve(&script))).await;
    assert_eq!(told, ["silent for 30s", "5", "silent for 30s"]);
}

#[tokio::test(start_paused = true)]
async fn each_message_begins_the_silence_anew() {
    let messages = vec![
        mk_snapshot(5, &["a"]),
        mk_progress(5, &["a"]),
        mk_progress(5, &["a"]),
    ];
    let script = mk_script([Ok(messages)]).that_pauses(Duration::from_secs(25));
    let told = told(mk_watch(&serve(&script))).await;
    assert_eq!(told, ["5", "5", "5", "the stream ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_longer_interval_allows_for_longer_silence() {
    let pause = Duration::from_secs(50);
    let script = || mk_script([Ok(vec![mk_snapshot(5, &[])])]).that_pauses(pause);
    let watch = mk_watch(&serve(&script()));
    let told_with_default = told(watch).await;
    assert_eq!(told_with_default, ["silent for 30s"]);
    let watch = mk_watch(&serve(&script())).with_progress_interval(Duration::from_secs(30));
    assert_eq!(told(watch).await, ["5", "the stream ended"]);
}

#[tokio::test(start_paused = true)]
async fn silence_goes_on_while_waiting_is_given_up_again_and_again() {
    let script = mk_script([Ok(vec![mk_snapshot(5, &[])])]).that_hangs();
    let mut watch = mk_watch(&serve(&script));
    let lost = async {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(1), watch.next());
            if let Ok(Ok(WatchEvent::Lost { status, .. })) = next.await {
                return status;
            }
        }
    };
    let lost = tokio::time::timeout(Duration::from_secs(300), lost).await;
    assert_eq!(lost.unwrap().message(), "silent for 30s");
}

#[tokio::test(start_paused = true)]
async fn watches_that_lose_one_silent_connection_make_one_other() {
    let whole = || Ok(vec![mk_snapshot(5, &[])]);
    // Each gets one of them, as both hold their streams until both are silent again.
    let script = mk_script([whole(), whole()]).that_hangs();
    let (client, connections) = serve_after_a_hang(&script);
    let (one, other) = tokio::join!(told(mk_watch(&client)), told(mk_watch(&client)));
    for told in [one, other] {
        assert_eq!(told, ["silent for 30s", "5", "silent for 30s"]);
    }
    // The first, and one for each silence that both had.
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}
