//! What SIGHUP means.

use std::process::{Command, Stdio};

use crate::common::child::{BINARY, Process, Site, metric};

#[tokio::test]
async fn a_server_with_a_file_reads_it_again() {
    let site = Site::new("");
    let mut process = site.start().await;
    process.signal("HUP");
    process.says("reloaded the configuration").await;
    let successes = "headcount_reloads_total{result=\"success\"}";
    assert_eq!(metric(&site, successes), "1");
    process.signal("TERM");
    assert_eq!(process.ends().await.0, Some(0));
}

fn dev() -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(["serve", "--dev", "--webhook-listen", "127.0.0.1:0"])
        .args(["--grpc-listen", "127.0.0.1:0"]);
    command
}

#[tokio::test]
async fn a_server_that_is_tried_ends_with_its_terminal() {
    let mut process = Process::spawn(dev());
    process.says("serving callbacks on").await;
    process.signal("HUP");
    let (code, said) = process.ends().await;
    assert_eq!(code, Some(0), "{said:#?}");
    assert!(said.last().unwrap().contains("drained"), "{said:#?}");
}

#[tokio::test]
async fn it_ends_in_order_also_when_nobody_reads_its_log_any_more() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let mut command = tokio::process::Command::from(dev());
    command.env_remove("RUST_LOG").stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut folder = None;
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, named)) = line.split_once("folder=") {
            folder = Some(named.to_owned());
        }
        if line.contains("serving callbacks on") {
            break;
        }
    }
    drop(lines);
    let id = child.id().unwrap().to_string();
    Command::new("kill").args(["-HUP", &id]).status().unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    let folder = folder.expect("it names its temporary folder");
    assert!(!std::path::Path::new(&folder).exists(), "{folder}");
}
