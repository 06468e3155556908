//! `headcount watch` and `headcount watch-user`.

use std::io::{self, Write};

use headcount::cli::{CliError, WatchArgs, WatchFormat, WatchUserArgs, watch, watch_user};
use headcount_client::{PROGRESS_INTERVAL, RoomWatch, Violation, WatchEvent};
use tonic::{Code, Status};

use super::script::*;

/// What `headcount watch` prints until the script ends.
async fn watch_to_end(script: &Script, format: WatchFormat) -> String {
    let args = WatchArgs {
        room_id: "r".into(),
        progress_interval: PROGRESS_INTERVAL,
        client: mk_client_args(false),
    };
    let mut out = Vec::new();
    let error = watch(serve(script), args, format, &mut out)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the script ended");
    String::from_utf8(out).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_where_it_was_when_the_server_comes_back() {
    let script = mk_script([
        Ok(vec![
            mk_snapshot(5, &["a"]),
            mk_join(6, "b"),
            Err(Status::unavailable("draining")),
        ]),
        Err(Status::unavailable("starting")),
        Err(Status::resource_exhausted("too many watches")),
        // A stream may also just end.
        Ok(vec![mk_join(8, "c")]),
        Ok(vec![mk_progress(9, &["a", "b", "c"])]),
    ]);
    let shown = watch_to_end(&script, WatchFormat::Lines).await;
    assert_eq!(
        shown.lines().collect::<Vec<_>>(),
        [
            "5 snapshot room r: 0 missing callbacks, open, 1 user (initial)",
            "5 present  a",
            "6 joined   b",
            "8 joined   c",
        ]
    );
    assert_eq!(script.asked(), ["", "t6", "t6", "t6", "t8", "t9"]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_drifted_is_made_anew() {
    let script = mk_script([
        Ok(vec![
            mk_snapshot(5, &["a"]),
            mk_progress(6, &["b"]),
            mk_join(7, "never seen"),
        ]),
        Ok(vec![mk_snapshot(7, &["b"])]),
    ]);
    let mut watch = RoomWatch::new(serve(&script), "demo", "r");
    assert!(matches!(watch.next().await, Ok(WatchEvent::Message(_))));
    let Ok(WatchEvent::Violated { violation, wait }) = watch.next().await else {
        panic!("drift")
    };
    assert!(matches!(
        violation,
        Violation::Drift {
            count: 1,
            server_count: 1,
            ..
        }
    ));
    assert!(!wait.is_zero());
    assert!(!watch.copy().is_complete());
    assert!(matches!(watch.next().await, Ok(WatchEvent::Message(_))));
    assert_eq!(watch.copy().users().keys().collect::<Vec<_>>(), ["b"]);
    assert!(matches!(watch.next().await, Ok(WatchEvent::Lost { .. })));
    assert_eq!(watch.next().await.unwrap_err().code(), Code::NotFound);
    assert_eq!(script.asked(), ["", "", "t7"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_when_waiting_for_the_next_event_is_given_up() {
    let broken = || Ok(vec![Err(Status::unavailable("draining"))]);
    let script = mk_script([
        broken(),
        broken(),
        Ok(vec![mk_snapshot(1, &[]), mk_join(2, "a")]),
    ]);
    let mut watch = RoomWatch::new(serve(&script), "demo", "r");
    let mut messages = 0;
    // Shorter than any wait, so that each is given up many times.
    let patience = std::time::Duration::from_millis(1);
    loop {
        match tokio::time::timeout(patience, watch.next()).await {
            Ok(Ok(WatchEvent::Message(_))) => messages += 1,
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(_)) => break,
        }
    }
    assert_eq!((messages, watch.copy().revision()), (2, 2));
    assert_eq!(script.asked(), ["", "", "", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn json_has_a_line_for_each_message() {
    let script = mk_script([Ok(vec![mk_snapshot(5, &["a"]), mk_progress(6, &["a"])])]);
    let shown = watch_to_end(&script, WatchFormat::Json).await;
    let lines: Vec<serde_json::Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["revision"], "5");
    assert_eq!(lines[0]["snapshot"]["users"][0]["user_id"], "a");
    assert_eq!(lines[0]["snapshot"]["reason"], "SNAPSHOT_REASON_INITIAL");
    assert_eq!(lines[1]["progress"]["user_count"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_shows_who_is_there_and_what_happened() {
    let script = mk_script([
        Ok(vec![mk_snapshot(5, &["a"]), mk_join(6, "b")]),
        Err(Status::unavailable("")),
    ]);
    let shown = watch_to_end(&script, WatchFormat::Screen).await;
    let last = shown.rsplit("\x1b[H").next().unwrap().replace("\x1b[K", "");
    let lines: Vec<_> = last.lines().collect();
    assert_eq!(lines[..2], ["0 callbacks missing · 2 users · open", "r"]);
    assert!(
        lines[2].starts_with("LOST ")
            && lines[2].contains(" · The service is currently unavailable"),
        "{}",
        lines[2]
    );
    let table = lines.iter().position(|line| line.starts_with("USER"));
    assert_eq!(lines[table.unwrap() + 1..][..2], ["a", "b"]);
    assert!(lines.contains(&"  0s  joined   b"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_shown_as_lost() {
    let script = mk_script([Ok(vec![mk_snapshot(5, &["a"])])]).that_hangs();
    let shown = watch_to_end(&script, WatchFormat::Screen).await;
    assert!(shown.contains("LOST "), "{shown}");
    assert!(shown.contains("silent for 30s"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_user_can_be_watched() {
    let args = WatchUserArgs {
        user_id: "ann".into(),
        progress_interval: PROGRESS_INTERVAL,
        client: mk_client_args(false),
    };
    let mut out = Vec::new();
    let server = serve(&Script::default());
    let ended = watch_user(server, args, WatchFormat::Lines, &mut out).await;
    assert_eq!(ended.unwrap_err().to_string(), "the script ended");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "5 snapshot user ann: offline, in 1 room (initial)\n5 present  room lobby\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_output_ends_the_watch() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let script = mk_script([Ok(vec![mk_snapshot(5, &["a"])])]);
    let args = WatchArgs {
        room_id: "r".into(),
        progress_interval: PROGRESS_INTERVAL,
        client: mk_client_args(false),
    };
    let ended = watch(serve(&script), args, WatchFormat::Lines, Closed).await;
    let Err(CliError::Write(error)) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}
