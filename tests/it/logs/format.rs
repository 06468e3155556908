//! How lines are written.

use std::process::Command;

use serde_json::Value;

use super::{post, send};
use crate::common::child::{BINARY, Site};

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[tokio::test]
async fn a_json_log_has_one_flat_object_a_line_from_the_first_to_the_last() {
    let site = Site::new("");
    site.configure(
        "[journal]",
        "[log]\nformat = \"json\"\nfilter = \"debgu\"\n[journal]",
    );
    let mut process = site.spawn();
    let typo = json(&process.says("debgu").await);
    let message = typo["message"].as_str().unwrap();
    assert!(
        message.contains("line 6: log.filter: `debgu` is neither"),
        "{message}"
    );
    process.says("serving callbacks on").await;
    let answer = send(&site, post(&site, "/nowhere", ""), false).await;
    let line = json(&process.says("refused a request").await);
    let id = answer.headers()["x-request-id"].to_str().unwrap();
    assert_eq!(line["request_id"], id, "{line}");
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["target"], "headcount::webhook::refusal_log");
    assert_eq!(line["reason"], "not_found");
    assert_eq!(line["path"], "/nowhere");
    let time = line["timestamp"].as_str().unwrap();
    humantime::parse_rfc3339(time).unwrap();
    assert!(time.ends_with('Z'), "{time}");
    process.signal("TERM");
    let (_, lines) = process.ends().await;
    lines.iter().for_each(|line| drop(json(line)));

    // Why it ends is a line as well.
    let taken = std::net::TcpListener::bind(site.grpc_address()).unwrap();
    let (code, lines) = site.spawn().ends().await;
    assert_eq!(code, Some(1));
    let last = json(lines.last().unwrap());
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .contains(&site.grpc_address().to_string()),
        "{last}"
    );
    drop(taken);
}

#[tokio::test]
async fn the_variable_comes_before_the_configuration() {
    let site = Site::new("");
    site.configure("[journal]", "[log]\nfilter = \"off\"\n[journal]");
    let mut command = Command::new("env");
    command.args(["RUST_LOG=info,tonci", BINARY]);
    let mut process = site.spawn_by(command);
    process.says("RUST_LOG: `tonci` is neither").await;
    process.says("serving callbacks on").await;
    process.signal("HUP");
    process
        .says("log.filter has no effect: RUST_LOG is set")
        .await;
}
