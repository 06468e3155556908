//! `headcount journal inspect`.

use std::fs;

use serde_json::{Value, json};

use super::folder::{ENTRIES, Folder, Recipe, run, text};

fn inspect(folder: &Folder) -> (Value, Option<i32>) {
    let output = run(&["inspect", folder.path().to_str().unwrap(), "--json"]);
    let report = serde_json::from_slice(&output.stdout);
    (
        report.unwrap_or_else(|_| panic!("{output:?}")),
        output.status.code(),
    )
}

#[test]
fn everything_is_counted() {
    let folder = Recipe::default().make();
    let files = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
    let bytes: u64 = files
        .filter(|file| file.file_name() != "lock")
        .map(|file| file.metadata().unwrap().len())
        .sum();
    let (report, code) = inspect(&folder);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["format"], 1);
    assert_eq!(report["epoch"], format!("{:016x}", folder.roster.epoch().0));
    assert_eq!(
        (&report["first_revision"], &report["last_revision"]),
        (&json!(1), &json!(ENTRIES))
    );
    assert_eq!(report["first_received_at"], "2023-11-14T22:13:21.000Z");
    assert_eq!(report["last_received_at"], "2023-11-14T22:18:20.000Z");
    assert_eq!(
        (&report["entries"], &report["ticks"]),
        (&json!(300), &json!(30))
    );
    assert_eq!(
        report["callbacks"],
        json!([
            {"app": "arena", "product": "tencent_room", "accepted": 30, "ignored": 0, "undecodable": 0},
            {"app": "arena", "product": "zego_room", "accepted": 150, "ignored": 30, "undecodable": 30},
            {"app": "arena", "product": "zim_presence", "accepted": 30, "ignored": 0, "undecodable": 0},
        ])
    );
    // Rooms 0 and 1 have eight visits, 2 and 3 seven; what came after the last is not known.
    assert_eq!(
        report["gaps"],
        json!([
            {"app": "arena", "product": "tencent_room", "numbered": false},
            {"app": "arena", "product": "zego_room", "numbered": true, "rooms": 4, "missing_callbacks": 26},
            {"app": "arena", "product": "zim_presence", "numbered": false},
        ])
    );
    let firsts = |list: &str, field: &str| {
        let list = report[list].as_array().unwrap().iter();
        list.map(|file| file[field].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(firsts("segments", "first_revision"), [1, 101, 201]);
    assert_eq!(firsts("checkpoints", "revision"), [200, 300]);
    assert_eq!(report["checkpoints"][0]["loads"], true);
    assert_eq!(report["bytes"], bytes);
    assert_eq!(report["damage"], json!([]));
}

#[test]
fn it_is_the_same_when_the_beginning_is_gone() {
    let dropping = Recipe {
        drops: true,
        ..Recipe::default()
    };
    let (report, code) = inspect(&dropping.make());
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(
        (&report["first_revision"], &report["entries"]),
        (&json!(201), &json!(100))
    );
    assert_eq!(report["gaps"][1]["missing_callbacks"], 26, "{report}");
}

#[test]
fn people_get_tables() {
    let folder = Recipe::default().make();
    let output = run(&["inspect", folder.path().to_str().unwrap()]);
    let told = text(&output.stdout);
    for line in [
        "revisions 1 to 300: 270 callbacks, 30 ticks, received 2023-11-14T22:13:21.000Z to 2023-11-14T22:18:20.000Z",
        "APP    PRODUCT       ACCEPTED  IGNORED  UNDECODABLE",
        "arena  zego_room     150       30       30",
        "arena  tencent_room  not numbered     not numbered",
        "arena  zego_room     4                26",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\nin\n{told}");
    }
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn damage_of_one_segment_is_named_and_hides_nothing_else() {
    let folder = Recipe::default().make();
    let segment = &folder.files(".segment")[1];
    let mut bytes = fs::read(segment).unwrap();
    // In every block.
    bytes
        .iter_mut()
        .skip(2048)
        .step_by(64)
        .for_each(|byte| *byte ^= 0x55);
    fs::write(segment, bytes).unwrap();
    let (report, code) = inspect(&folder);
    assert_eq!(code, Some(1));
    let damage = report["damage"].as_array().unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert!(
        damage.len() == 1 && damage[0].as_str().unwrap().contains(name),
        "{report}"
    );
    assert_eq!(
        (&report["entries"], &report["last_revision"]),
        (&json!(200), &json!(300))
    );
    assert!(
        report["gaps_unknown"].as_str().unwrap().contains(name),
        "{report}"
    );

    let output = run(&["inspect", folder.path().to_str().unwrap()]);
    assert!(text(&output.stdout).contains("\ndamage: "), "{output:?}");
    let error = text(&output.stderr).lines().last().unwrap();
    assert!(error.starts_with("headcount: the data folder "), "{error}");
    assert!(error.contains("is damaged"), "{error}");
}

#[test]
fn a_checkpoint_that_does_not_load_is_named() {
    let folder = Recipe::default().make();
    let checkpoint = &folder.files(".checkpoint")[0];
    let bytes = fs::read(checkpoint).unwrap();
    fs::write(checkpoint, &bytes[..bytes.len() / 2]).unwrap();
    let (report, code) = inspect(&folder);
    assert_eq!(code, Some(1));
    let loads = |n: usize| report["checkpoints"][n]["loads"].as_bool();
    assert_eq!((loads(0), loads(1)), (Some(false), Some(true)));
    let damage = report["damage"][0].as_str().unwrap();
    assert!(damage.contains("00200.checkpoint"), "{damage}");
    assert_eq!(report["gaps"][1]["missing_callbacks"], 26, "{report}");
}

#[test]
fn a_missing_segment_is_a_gap() {
    let folder = Recipe::default().make();
    fs::remove_file(&folder.files(".segment")[1]).unwrap();
    let (report, code) = inspect(&folder);
    assert_eq!((code, &report["entries"]), (Some(1), &json!(200)));
    let damage = report["damage"][0].as_str().unwrap();
    assert!(damage.contains("revisions 101 to 200"), "{damage}");
}

#[test]
fn an_end_that_is_gone_is_damage() {
    let folder = Recipe::default().make();
    let last = &folder.files(".segment")[2];
    fs::remove_file(last).unwrap();
    let (report, code) = inspect(&folder);
    assert_eq!((code, &report["last_revision"]), (Some(1), &json!(200)));
    let lost = "it is the last segment, with the entries from revision 201 on";
    let damage = report["damage"].as_array().unwrap();
    let told = damage[0].as_str().unwrap();
    let name = last.file_name().unwrap().to_str().unwrap();
    assert!(told.contains(name) && told.ends_with(lost), "{report}");
    let ends = "the journal ends before revision 300, at which there is a checkpoint";
    assert_eq!(damage[1..], [json!(ends)]);
    let output = run(&["replay", folder.path().to_str().unwrap()]);
    assert!(text(&output.stderr).contains(lost), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_journal_without_entries_is_whole() {
    let folder = Recipe {
        entries: 0,
        ..Recipe::default()
    }
    .make();
    let (report, code) = inspect(&folder);
    assert_eq!((code, &report["first_revision"]), (Some(0), &Value::Null));
    let output = run(&["inspect", folder.path().to_str().unwrap()]);
    assert_eq!(text(&output.stdout).lines().nth(1), Some("no entries"));
}
