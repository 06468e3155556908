//! `headcount journal replay`.

use headcount::domain::Decoded;
use std::{fs, path::Path};

use headcount::{
    checkpoint::{self, CheckpointStore as _, DiskCheckpoints, RecordSink},
    journal::{DiskJournal, Journal as _, Revision},
};
use serde_json::{Value, json};

use super::archive;
use super::folder::{
    APP, ENTRIES, Folder, HORIZON, Recipe, append, decode, entry, open, run, text, undisturbed,
};

fn replay(folder: &Path, flags: &[&str]) -> (Value, Option<i32>) {
    let output = run(&[&["replay", folder.to_str().unwrap(), "--json"], flags].concat());
    let replayed = serde_json::from_slice(&output.stdout);
    (
        replayed.unwrap_or_else(|_| panic!("{output:?}")),
        output.status.code(),
    )
}

/// A folder of a time when logouts of u3, and Tencent's v106, were not understood,
/// and nicknames of u4 were not as they are.
fn misunderstood() -> Folder {
    let recipe = Recipe {
        decode: |callback| {
            let body = String::from_utf8_lossy(&callback.body);
            let is_logout = body.contains("room_logout") && body.contains(r#""u3""#);
            if is_logout || body.contains(r#""v106""#) {
                return Decoded::undecodable("not yet");
            }
            let body = match body.contains(r#""u4""#) {
                true => body.replace('é', "").into_bytes(),
                false => callback.body.to_vec(),
            };
            decode(callback, &body)
        },
        ..Recipe::default()
    };
    recipe.make()
}

#[test]
fn history_that_is_understood_as_it_was_does_not_differ() {
    for drops in [false, true] {
        let recipe = Recipe {
            drops,
            ..Recipe::default()
        };
        let folder = recipe.make();
        let (replayed, code) = replay(folder.path(), &[]);
        assert_eq!(code, Some(0), "{replayed}");
        let after = if drops { 200 } else { 0 };
        assert_eq!(replayed["after"], after);
        assert_eq!(replayed["compared_with"], ENTRIES);
        assert_eq!(
            (&replayed["rooms"], &replayed["users"]),
            (&json!([]), &json!([]))
        );
        assert_eq!(replayed["users_online"], 1);
    }
}

#[test]
fn what_was_not_understood_then_differs() {
    let folder = misunderstood();
    let (replayed, code) = replay(folder.path(), &[]);
    assert_eq!(code, Some(1), "{replayed}");
    let counts = (&replayed["room_count"], &replayed["user_count"]);
    assert_eq!(counts, (&json!(5), &json!(0)));
    let rooms = replayed["rooms"].as_array().unwrap();
    let names = |room: &Value, kind: &str| {
        let names = room[kind]["first"].as_array().unwrap().iter();
        names
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(",")
    };
    let told = rooms.iter().map(|room| {
        let kinds = ["only_recorded", "only_replayed", "changed"].map(|kind| names(room, kind));
        format!("{}: {}", room["room_id"].as_str().unwrap(), kinds.join("/"))
    });
    // The last visits of the first two rooms end in logouts, those of the others do not.
    let expected = ["r0: u3//", "r1: u3//", "r2: //u4", "r3: //u4", "t1: /v106/"];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn people_get_a_line_for_each_and_a_verdict() {
    let folder = misunderstood();
    let output = run(&["replay", folder.path().to_str().unwrap()]);
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    assert_eq!(lines[3], "room r3 of arena: changed: u4");
    assert_eq!(lines[4], "room t1 of arena: only replayed: v106");
    assert!(lines[0].starts_with("room r0 of arena: ") && lines[0].ends_with("only recorded: u3"));
    assert_eq!(
        *lines.last().unwrap(),
        "replay: from the beginning through revision 300, compared with the checkpoint at 300: \
         5 rooms and 0 users differ"
    );
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
}

#[test]
fn the_rules_are_those_of_the_configuration() {
    let folder = Recipe {
        horizon: 30,
        ..Recipe::default()
    }
    .make();
    // Tencent's callbacks were too late then, and are not by default.
    let (replayed, code) = replay(folder.path(), &[]);
    assert_eq!(
        (code, &replayed["room_count"]),
        (Some(1), &json!(1)),
        "{replayed}"
    );
    let room = &replayed["rooms"][0];
    assert_eq!(
        (
            &room["room_id"],
            &room["recorded_open"],
            &room["replayed_open"]
        ),
        (&json!("t1"), &json!(false), &json!(true))
    );
    // Of many names, some.
    let names = &room["only_replayed"];
    assert_eq!(
        (&names["count"], names["first"].as_array().unwrap().len()),
        (&json!(30), 20)
    );

    let config = |name: &str| {
        let file = folder.path().join(format!("{name}.toml"));
        let text = format!(
            "[journal]\npath = \".\"\n[webhook]\nfreshness_window = \"30s\"\n[roster]\nreorder_horizon = \"30s\"\n[[apps]]\nname = \"{name}\"\n\
             zego = {{ app_id = 1, callback_secret = \"x\" }}\n"
        );
        fs::write(&file, text).unwrap();
        format!("--config={}", file.to_str().unwrap())
    };
    let (replayed, code) = replay(folder.path(), &[&config(APP)]);
    assert_eq!(code, Some(0), "{replayed}");
    // The folder is that of the configuration, if none is named.
    let output = run(&["replay", &config(APP)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // Of an app that is not configured, nothing is replayed.
    let (replayed, _) = replay(folder.path(), &[&config("other")]);
    assert_eq!(
        (&replayed["left_out"], &replayed["open_rooms"]),
        (&json!(270), &json!(0))
    );
}

#[test]
fn without_a_checkpoint_there_is_nothing_to_compare_with() {
    let folder = Recipe {
        entries: 90,
        ..Recipe::default()
    }
    .make();
    let (replayed, code) = replay(folder.path(), &[]);
    assert_eq!((code, &replayed["compared_with"]), (Some(0), &Value::Null));
    assert_eq!(
        (&replayed["through"], &replayed["users_online"]),
        (&json!(90), &json!(1))
    );
    let output = run(&["replay", folder.path().to_str().unwrap()]);
    let last = text(&output.stdout).lines().last().unwrap();
    assert!(
        last.ends_with("no later checkpoint to compare with"),
        "{last}"
    );
}

/// The revisions of its checkpoints, the latest first.
fn checkpoints(journal: &DiskJournal) -> Vec<Revision> {
    DiskCheckpoints::new(journal.folder()).list().unwrap()
}

#[test]
fn a_new_folder_goes_on_from_what_is_understood_now() {
    let folder = misunderstood();
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("new");
    let into = format!("--into={}", new.to_str().unwrap());
    let (replayed, code) = replay(folder.path(), &[&into]);
    assert_eq!(
        (code, &replayed["room_count"]),
        (Some(0), &json!(5)),
        "{replayed}"
    );

    let (journal, roster) = open(&new, HORIZON);
    assert_ne!(journal.epoch(), folder.roster.epoch());
    assert_eq!(
        replayed["written"]["epoch"],
        format!("{:016x}", journal.epoch().0)
    );
    assert_eq!(
        (journal.last(), checkpoints(&journal)),
        (ENTRIES, vec![ENTRIES])
    );
    let is_in = |room: &str, user: &str| {
        let view = roster.room(&APP.into(), &room.into()).view;
        view.members
            .iter()
            .any(|member| member.user().as_str() == user)
    };
    assert!(is_in("t1", "v106") && !is_in("r0", "u3"));
    append(&journal, &[entry(ENTRIES + 6)]);
    assert_eq!(roster.applied(), ENTRIES + 1);
    undisturbed(|| drop((journal, roster)));

    let exported = [folder.path(), &new].map(|path| {
        let range = ["export", path.to_str().unwrap(), "--to=300"];
        run(&range).stdout
    });
    assert_eq!(text(&exported[0]), text(&exported[1]));
    let (replayed, code) = replay(&new, &[]);
    assert_eq!(
        (code, &replayed["compared_with"]),
        (Some(0), &json!(300)),
        "{replayed}"
    );
}

#[test]
fn a_new_folder_begins_where_the_old_one_does() {
    let folder = Recipe {
        drops: true,
        ..Recipe::default()
    }
    .make();
    let dir = tempfile::tempdir().unwrap();
    let into = format!("--into={}", dir.path().to_str().unwrap());
    let (replayed, code) = replay(folder.path(), &[&into]);
    assert_eq!(code, Some(0), "{replayed}");
    assert_eq!(replayed["written"]["first_revision"], 201);
    let (journal, roster) = open(dir.path(), HORIZON);
    assert_eq!(checkpoints(&journal), [300, 200]);
    assert_eq!(roster.applied(), 300);
    undisturbed(|| drop((journal, roster)));
    let (replayed, code) = replay(dir.path(), &[]);
    assert_eq!(
        (code, &replayed["after"]),
        (Some(0), &json!(200)),
        "{replayed}"
    );
}

#[test]
fn a_new_folder_is_a_journal_like_any_other() {
    let folder = Recipe {
        drops: true,
        ..Recipe::default()
    }
    .make();
    let dir = tempfile::tempdir().unwrap();
    let into = format!("--into={}", dir.path().to_str().unwrap());
    let (replayed, code) = replay(folder.path(), &[&into]);
    assert_eq!(code, Some(0), "{replayed}");
    // Entries of its own, in blocks that go on from those that were copied; and checkpoints
    // that know them.
    for last in [320, 340] {
        let (journal, roster) = open(dir.path(), HORIZON);
        let entries: Vec<_> = (last - 19..=last).map(entry).collect();
        append(&journal, &entries);
        let capture = roster.begin_capture().unwrap();
        let records = |sink: RecordSink<'_>| checkpoint::write(capture, sink).map(|_| ());
        let store = DiskCheckpoints::new(journal.folder());
        store.write(last, Box::new(records)).unwrap();
        undisturbed(|| drop((journal, roster)));
    }
    // From each checkpoint: those that were copied, and those that came later.
    for expected in [
        &[340, 320, 300, 200][..],
        &[320, 300, 200],
        &[300, 200],
        &[200],
    ] {
        let (journal, roster) = open(dir.path(), HORIZON);
        let there = checkpoints(&journal);
        assert_eq!((&there[..], roster.applied()), (expected, 340));
        let latest = DiskCheckpoints::new(journal.folder());
        latest.remove(&there[..1]).unwrap();
        undisturbed(|| drop((journal, latest, roster)));
    }
}

#[test]
fn a_new_folder_replaces_nothing() {
    let folder = Recipe {
        entries: 20,
        ..Recipe::default()
    }
    .make();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("mine"), "x").unwrap();
    let into = format!("--into={}", other.path().to_str().unwrap());
    let output = run(&["replay", folder.path().to_str().unwrap(), &into]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("it is not empty"),
        "{output:?}"
    );
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
}

#[test]
fn entries_behind_a_loss_are_replayed_but_not_written_under_other_revisions() {
    let folder = Recipe::default().make();
    fs::remove_file(&folder.files(".segment")[1]).unwrap();
    undisturbed(|| {
        let archive = archive::open(folder.path()).unwrap();
        let losses = archive.losses(0, None).unwrap();
        assert_eq!(losses.lost.len(), 1, "{losses:?}");
        drop(archive.accept(&losses).unwrap());
    });
    let (replayed, _) = replay(folder.path(), &[]);
    assert_eq!(replayed["through"], ENTRIES, "{replayed}");
    let into = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let output = run(&["replay", path, "--into", into.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("entries from revision 101 on were lost"),
        "{told}"
    );
}
