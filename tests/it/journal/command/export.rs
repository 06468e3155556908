//! The entries, out and in again.

use std::{
    fs,
    io::{BufRead as _, BufReader},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use headcount::{
    domain::Time,
    journal::{Entry, Payload},
};
use serde_json::Value;

use super::folder::{
    APP, ENTRIES, HORIZON, Recipe, append, callback, entry, open, run, spawn, text,
};

fn lines(output: &[u8]) -> Vec<Value> {
    let lines = text(output).lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The entry that a line tells of.
fn parse(line: &Value) -> Entry {
    let received_at: std::time::SystemTime =
        humantime::parse_rfc3339(line["received_at"].as_str().unwrap()).unwrap();
    let millis = received_at.duration_since(std::time::UNIX_EPOCH).unwrap();
    let payload = match line["kind"].as_str().unwrap() {
        "tick" => Payload::Tick,
        "callback" => {
            assert_eq!(line["app"], APP);
            let product = line["product"].as_str().unwrap();
            let body = match &line["body_base64"] {
                Value::String(coded) => STANDARD.decode(coded).unwrap(),
                _ => line["body"].as_str().unwrap().as_bytes().to_vec(),
            };
            callback(product, line["query"].as_str().unwrap(), &body)
        }
        other => panic!("{other}"),
    };
    Entry {
        received_at: Time::from_millis(millis.as_millis() as u64).unwrap(),
        payload,
    }
}

#[test]
fn what_is_exported_adds_up_to_the_same() {
    let folder = Recipe::default().make();
    let output = run(&["export", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = lines(&output.stdout);
    let revisions: Vec<_> = lines.iter().map(|line| line["revision"].as_u64()).collect();
    assert_eq!(revisions, (1..=ENTRIES).map(Some).collect::<Vec<_>>());
    let entries: Vec<_> = lines.iter().map(parse).collect();
    for (told, n) in entries.iter().zip(1..) {
        assert_eq!(format!("{told:?}"), format!("{:?}", entry(n)));
    }

    let again = tempfile::tempdir().unwrap();
    let (journal, roster) = open(again.path(), HORIZON);
    append(&journal, &entries);
    for room in ["r0", "r1", "r2", "r3", "t1"] {
        let answers =
            [&roster, &folder.roster].map(|roster| roster.room(&APP.into(), &room.into()));
        assert_eq!(format!("{:?}", answers[0]), format!("{:?}", answers[1]));
    }
    let users = [&roster, &folder.roster].map(|roster| roster.user(&APP.into(), &"bob".into()));
    assert_eq!(users[0].1.devices.len(), 3);
    assert_eq!(users[0], users[1]);
}

#[test]
fn a_line_has_what_was_received() {
    let folder = Recipe::default().make();
    let output = run(&[
        "export",
        folder.path().to_str().unwrap(),
        "--from=6",
        "--to=10",
    ]);
    let lines = text(&output.stdout).lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), 5, "{lines:?}");
    let tencent = r#"{"revision":6,"received_at":"2023-11-14T22:13:26.000Z","kind":"callback","app":"arena","product":"tencent_room","query":"SdkAppid=9&Sign=x","body":"{"#;
    assert!(lines[0].starts_with(tencent), "{}", lines[0]);
    assert!(
        lines[2].ends_with(r#""query":"","body_base64":"/wA="}"#),
        "{}",
        lines[2]
    );
    let tick = r#"{"revision":10,"received_at":"2023-11-14T22:13:30.000Z","kind":"tick"}"#;
    assert_eq!(lines[4], tick);
}

#[test]
fn ranges_are_of_what_there_is() {
    let folder = Recipe {
        drops: true,
        ..Recipe::default()
    }
    .make();
    let path = folder.path().to_str().unwrap();
    let count = |flags: &[&str]| {
        let output = run(&[&["export", path], flags].concat());
        (lines(&output.stdout).len(), output.status.code())
    };
    assert_eq!(count(&[]), (100, Some(0)));
    assert_eq!(count(&["--from=299"]), (2, Some(0)));
    assert_eq!(count(&["--from=301"]), (0, Some(0)));
    assert_eq!(count(&["--from=900"]), (0, Some(0)));
    assert_eq!(count(&["--to=205"]), (5, Some(0)));
    assert_eq!(count(&["--from=250", "--to=249"]), (0, Some(0)));
    let gone = run(&["export", path, "--from=200"]);
    assert!(
        text(&gone.stderr).contains("revisions 200 to 200"),
        "{gone:?}"
    );
    assert_eq!(gone.status.code(), Some(1));
    assert_eq!(run(&["export", path, "--from=0"]).status.code(), Some(2));
}

#[test]
fn what_is_around_the_damage_is_exported() {
    let folder = Recipe::default().make();
    fs::write(&folder.files(".segment")[1], b"not a segment").unwrap();
    let output = run(&["export", folder.path().to_str().unwrap()]);
    assert_eq!(lines(&output.stdout).len(), 200);
    assert_eq!(output.status.code(), Some(1));
    let name = folder.files(".segment")[1].file_name().unwrap().to_owned();
    let told = text(&output.stderr);
    assert!(told.contains(name.to_str().unwrap()), "{told}");
    assert!(told.contains("revisions 101 to 200"), "{told}");
}

#[test]
fn of_a_damaged_segment_what_is_whole_is_exported() {
    let folder = Recipe::default().make();
    let segment = &folder.files(".segment")[1];
    let whole = fs::read(segment).unwrap();
    let mut counts = Vec::new();
    for part in 1..6 {
        let mut bytes = whole.clone();
        let at = bytes.len() * part / 6;
        bytes[at..at + 512].fill(0x55);
        fs::write(segment, bytes).unwrap();
        let output = run(&["export", folder.path().to_str().unwrap()]);
        let count = lines(&output.stdout).len();
        let is_harmless = count == ENTRIES as usize && output.stderr.is_empty();
        assert_eq!(output.status.code(), Some(i32::from(!is_harmless)));
        counts.push(count);
        fs::write(segment, &whole).unwrap();
    }
    // Of the 100 entries of the segment, the damage costs few.
    assert!(counts.iter().all(|count| *count > 250), "{counts:?}");
}

#[test]
fn nobody_reading_any_more_is_no_failure() {
    let folder = Recipe::default().make();
    let mut export = spawn(&["export", folder.path().to_str().unwrap()]);
    let mut first = String::new();
    let mut stdout = BufReader::with_capacity(64, export.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    assert!(first.starts_with(r#"{"revision":1,"#), "{first}");
    drop(stdout);
    let output = export.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}
