//! `headcount simulate` as a process: its exit codes, and its verdict on the
//! last line of stdout.

use std::process::{Command, Output};

use super::real_server::serve;

async fn simulate(flags: &[String], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
    command.arg("simulate").args(flags).args(more);
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.unwrap().unwrap()
}

fn last_line(output: &Output) -> &str {
    let stdout = std::str::from_utf8(&output.stdout).unwrap();
    stdout.lines().last().unwrap_or_default()
}

#[tokio::test]
async fn exit_codes_tell_the_verdict() {
    let server = serve().await;
    let flags = server.flags();
    let small = ["--seed=7", "--callbacks=600", "--rooms=20"];

    let right = simulate(&flags, &small).await;
    assert_eq!(right.status.code(), Some(0), "{right:?}");
    let line = last_line(&right);
    assert!(
        line.starts_with("simulate: seed 7, ") && line.ends_with(": 0 differences"),
        "{line}"
    );

    let lossy = simulate(&flags, &[&small[..], &["--loss=0.2"]].concat()).await;
    assert_eq!(lossy.status.code(), Some(1), "{lossy:?}");
    let line = last_line(&lossy);
    assert!(
        line.contains("flagged") && line.ends_with(" 0 unexplained"),
        "{line}"
    );

    let nowhere = ["--server=http://127.0.0.1:9".to_owned()];
    let unasked = simulate(&nowhere, &small).await;
    assert_eq!(unasked.status.code(), Some(2), "{unasked:?}");
    let told = String::from_utf8(unasked.stderr).unwrap();
    assert!(told.contains("cannot ask http://127.0.0.1:9"), "{told}");
    assert_eq!(unasked.stdout, b"");
}
