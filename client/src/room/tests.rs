use super::*;
use crate::copy::Folded;
use crate::digest::digest;
use crate::pb::{Progress, RoomChange, Snapshot, SnapshotReason, UserRole, WatchRoomResponse};

fn mk_user(id: &str, session: &str) -> pb::RoomUser {
    pb::RoomUser {
        user_id: id.into(),
        session_id: session.into(),
        ..Default::default()
    }
}

fn mk_room(session: &str) -> pb::Room {
    pb::Room {
        room_id: "r".into(),
        session_id: session.into(),
        ..Default::default()
    }
}

fn mk_message(revision: u64, update: Update) -> WatchRoomResponse {
    let resume_token = format!("t{revision}");
    WatchRoomResponse {
        revision,
        resume_token,
        update: Some(update),
    }
}

/// A part of a snapshot of users who are all in session `s`.
fn mk_part(revision: u64, users: &[&str], complete: bool) -> WatchRoomResponse {
    let mut message = mk_message(
        revision,
        Update::Snapshot(Snapshot {
            room: Some(mk_room("1")),
            users: users.iter().map(|id| mk_user(id, "s")).collect(),
            reason: SnapshotReason::Initial.into(),
            complete,
        }),
    );
    if !complete {
        message.resume_token.clear();
    }
    message
}

fn mk_changes(revision: u64, changes: impl IntoIterator<Item = Change>) -> WatchRoomResponse {
    let changes = changes
        .into_iter()
        .map(|change| RoomChange {
            change: Some(change),
        })
        .collect();
    mk_message(revision, Update::Changes(pb::Changes { changes }))
}

fn mk_progress(revision: u64, user_count: u32, digest: u64) -> WatchRoomResponse {
    mk_message(revision, Update::Progress(Progress { user_count, digest }))
}

fn joined(id: &str) -> Change {
    Change::UserJoined(pb::UserJoined {
        user: Some(mk_user(id, "s")),
    })
}

fn updated(id: &str, session: &str) -> Change {
    Change::UserUpdated(pb::UserUpdated {
        user: Some(mk_user(id, session)),
    })
}

fn left(id: &str) -> Change {
    Change::UserLeft(pb::UserLeft {
        user: Some(mk_user(id, "s")),
        ..Default::default()
    })
}

fn opened(session: &str) -> Change {
    Change::RoomOpened(pb::RoomOpened {
        room: Some(mk_room(session)),
    })
}

fn closed(session: &str) -> Change {
    Change::RoomClosed(pb::RoomClosed {
        room: Some(mk_room(session)),
        ..Default::default()
    })
}

/// A copy at revision 5 with the users a and b.
#[track_caller]
fn mk_copy() -> RoomCopy {
    let mut copy = RoomCopy::new();
    assert_eq!(copy.open(), "");
    let folded = copy
        .apply(&mk_part(5, &["a", "b"], true))
        .map(|folded| format!("{folded:?}"));
    assert_eq!(folded, Ok("Snapshot(Initial)".into()));
    copy
}

#[track_caller]
fn assert_users(copy: &RoomCopy, users: &[&str]) {
    assert_eq!(copy.users().keys().collect::<Vec<_>>(), users);
    assert_eq!(
        copy.digest(),
        digest(copy.users().values()),
        "the digest is kept up to date"
    );
}

#[test]
fn changes_are_folded_in_order() {
    let mut copy = mk_copy();
    let message = mk_changes(7, [left("a"), joined("c"), updated("b", "s2")]);
    let folded = copy.apply(&message).unwrap();
    assert!(matches!(folded, Folded::Changes(changes) if changes.len() == 3));
    assert_users(&copy, &["b", "c"]);
    assert_eq!(copy.users()["b"].session_id, "s2");
    assert_eq!((copy.revision(), copy.resume_token()), (7, "t7"));
    let progress = mk_progress(9, 2, copy.digest());
    assert_eq!(copy.apply(&progress), Ok(Folded::Confirmed));
    assert_eq!(
        copy.apply(&progress),
        Ok(Folded::Confirmed),
        "progress may repeat"
    );
    assert_eq!((copy.revision(), copy.open()), (9, "t9"));
}

#[test]
fn a_new_life_begins_empty() {
    let mut copy = mk_copy();
    copy.apply(&mk_changes(6, [closed("1"), opened("2"), joined("c")]))
        .unwrap();
    assert_users(&copy, &["c"]);
    assert_eq!(copy.room().unwrap().session_id, "2");
    let renamed = pb::Room {
        name: "Lobby".into(),
        ..mk_room("2")
    };
    let renamed = Change::RoomUpdated(pb::RoomUpdated {
        room: Some(renamed),
    });
    copy.apply(&mk_changes(7, [renamed])).unwrap();
    assert_eq!(copy.room().unwrap().name, "Lobby");
    assert_users(&copy, &["c"]);
}

#[test]
fn admins_are_in_the_digest_but_not_counted() {
    let mut copy = mk_copy();
    let admin = pb::RoomUser {
        role: UserRole::Admin.into(),
        ..mk_user("z", "s")
    };
    let change = Change::UserJoined(pb::UserJoined { user: Some(admin) });
    copy.apply(&mk_changes(6, [change])).unwrap();
    assert_eq!(copy.user_count(), 2);
    assert_users(&copy, &["a", "b", "z"]);
    // The same user as a person.
    copy.apply(&mk_changes(7, [updated("z", "s")])).unwrap();
    assert_eq!(copy.user_count(), 3);
    copy.apply(&mk_changes(8, [left("z"), left("a")])).unwrap();
    assert_eq!(copy.user_count(), 1);
}

#[test]
fn a_snapshot_in_parts_is_complete_with_the_last() {
    let mut copy = mk_copy();
    assert_eq!(copy.apply(&mk_part(8, &["x"], false)), Ok(Folded::Part));
    assert!(!copy.is_complete());
    assert_eq!(copy.resume_token(), "", "half a copy cannot be resumed");
    assert_eq!(copy.apply(&mk_part(8, &["y"], false)), Ok(Folded::Part));
    let last = mk_part(8, &["z"], true);
    assert_eq!(
        copy.apply(&last),
        Ok(Folded::Snapshot(SnapshotReason::Initial))
    );
    assert!(copy.is_complete());
    assert_users(&copy, &["x", "y", "z"]);
    assert_eq!(copy.resume_token(), "t8");
}

#[test]
fn a_stream_cut_within_a_snapshot_begins_again() {
    let mut copy = mk_copy();
    copy.apply(&mk_part(8, &["x"], false)).unwrap();
    assert_eq!(copy.open(), "");
    // Another revision, and the same user again: nothing is left of before.
    copy.apply(&mk_part(3, &["x", "y"], true)).unwrap();
    assert_users(&copy, &["x", "y"]);
}

#[test]
fn a_resumed_stream_goes_on_with_changes_or_progress_or_a_snapshot() {
    let copy = mk_copy();
    let next = [
        mk_changes(6, [joined("c")]),
        mk_progress(5, 2, copy.digest()),
        mk_part(5, &["q"], true),
    ];
    for message in next {
        let mut copy = copy.clone();
        assert_eq!(copy.open(), "t5");
        assert!(copy.apply(&message).is_ok(), "{message:?}");
    }
}

#[test]
fn only_another_epoch_may_count_from_the_beginning() {
    let mut copy = mk_copy();
    let mut message = mk_part(1, &["q"], true);
    let back = Violation::RevisionBack { before: 5, now: 1 };
    assert_eq!(copy.clone().apply(&message), Err(back));
    if let Some(Update::Snapshot(part)) = &mut message.update {
        part.set_reason(SnapshotReason::EpochChanged);
    }
    assert_eq!(
        copy.apply(&message),
        Ok(Folded::Snapshot(SnapshotReason::EpochChanged))
    );
    assert_eq!(copy.revision(), 1);
}

#[test]
fn what_breaks_the_contract_is_named() {
    let copy = mk_copy();
    let fits_not = |change: &str, present| {
        let change = change.to_owned();
        Violation::DoesNotFit { change, present }
    };
    let no_token = |message: WatchRoomResponse| WatchRoomResponse {
        resume_token: String::new(),
        ..message
    };
    let nobody = Change::UserLeft(pb::UserLeft::default());
    let nowhere = Change::RoomClosed(pb::RoomClosed::default());
    let cases = [
        (
            mk_changes(5, [joined("c")]),
            Violation::ChangesNotAbove { before: 5, now: 5 },
        ),
        (
            mk_changes(4, []),
            Violation::ChangesNotAbove { before: 5, now: 4 },
        ),
        (
            mk_progress(4, 2, copy.digest()),
            Violation::RevisionBack { before: 5, now: 4 },
        ),
        (
            mk_changes(6, [joined("a")]),
            fits_not("user_joined of \"a\"", true),
        ),
        (
            mk_changes(6, [updated("c", "s")]),
            fits_not("user_updated of \"c\"", false),
        ),
        (
            mk_changes(6, [left("c")]),
            fits_not("user_left of \"c\"", false),
        ),
        (
            mk_changes(6, [opened("2")]),
            fits_not("room_opened of \"r\"", true),
        ),
        (
            mk_part(6, &["a", "a"], true),
            fits_not("snapshot of \"a\"", true),
        ),
        (
            no_token(mk_changes(6, [])),
            Violation::ResumeToken { present: false },
        ),
        (
            no_token(mk_progress(6, 2, 0)),
            Violation::ResumeToken { present: false },
        ),
        (
            no_token(mk_part(6, &[], true)),
            Violation::ResumeToken { present: false },
        ),
        (
            WatchRoomResponse {
                resume_token: "t".into(),
                ..mk_part(6, &[], false)
            },
            Violation::ResumeToken { present: true },
        ),
        (
            mk_changes(6, [nobody]),
            Violation::Missing(MissingPart::User),
        ),
        (
            mk_changes(6, [nowhere]),
            Violation::Missing(MissingPart::Room),
        ),
        (
            mk_message(
                6,
                Update::Changes(pb::Changes {
                    changes: vec![RoomChange::default()],
                }),
            ),
            Violation::Missing(MissingPart::Change),
        ),
        (
            mk_message(6, Update::Snapshot(Snapshot::default())),
            Violation::Missing(MissingPart::Room),
        ),
        (
            WatchRoomResponse::default(),
            Violation::Missing(MissingPart::Update),
        ),
    ];
    for (message, violation) in cases {
        let mut copy = copy.clone();
        assert_eq!(copy.apply(&message), Err(violation), "{message:?}");
        assert!(!copy.is_complete());
        assert_eq!(copy.open(), "", "after {message:?} only a snapshot helps");
    }
}

#[test]
fn drift_is_found_and_a_snapshot_heals_it() {
    let mut copy = mk_copy();
    let drift = Violation::Drift {
        count: 2,
        digest: copy.digest(),
        server_count: 2,
        server_digest: 1,
    };
    assert_eq!(copy.apply(&mk_progress(6, 2, 1)), Err(drift));
    let miscounted = mk_progress(6, 3, copy.digest());
    assert!(matches!(
        mk_copy().apply(&miscounted),
        Err(Violation::Drift { .. })
    ));
    assert_users(&copy, &["a", "b"]);
    assert_eq!(
        copy.apply(&mk_changes(7, [])),
        Err(Violation::SnapshotExpected)
    );
    assert_eq!(copy.open(), "");
    copy.apply(&mk_part(6, &["a"], true)).unwrap();
    assert_users(&copy, &["a"]);
}

#[test]
fn a_stream_that_does_not_resume_begins_with_a_whole_snapshot() {
    for message in [mk_changes(1, []), mk_progress(1, 0, 0)] {
        let mut copy = RoomCopy::new();
        copy.open();
        assert_eq!(copy.apply(&message), Err(Violation::SnapshotExpected));
        copy.open();
        copy.apply(&mk_part(1, &[], false)).unwrap();
        assert_eq!(copy.apply(&message), Err(Violation::SnapshotCut(1)));
    }
}

#[test]
fn parts_of_one_snapshot_are_of_one_revision_and_room() {
    let mut other_room = mk_part(5, &["b"], true);
    if let Some(Update::Snapshot(part)) = &mut other_room.update {
        part.room = Some(mk_room("2"));
    }
    for (message, part) in [(mk_part(6, &["b"], true), 6), (other_room, 5)] {
        let mut copy = RoomCopy::new();
        copy.apply(&mk_part(5, &["a"], false)).unwrap();
        assert_eq!(
            copy.apply(&message),
            Err(Violation::PartsDiffer { before: 5, part })
        );
    }
}
