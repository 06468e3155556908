use super::*;
use crate::copy::Folded;
use crate::pb::{Progress, SnapshotReason, UserSnapshot, WatchUserResponse};

fn mk_device(session: &str, login_at: i64) -> pb::Device {
    pb::Device {
        session_id: session.into(),
        platform: "WEB".into(),
        login_time: Some(prost_types::Timestamp {
            seconds: login_at,
            nanos: 0,
        }),
    }
}

fn mk_room(id: &str) -> pb::UserRoom {
    pb::UserRoom {
        room_id: id.into(),
        login_time: None,
    }
}

fn mk_message(revision: u64, update: Update) -> WatchUserResponse {
    WatchUserResponse {
        revision,
        resume_token: format!("t{revision}"),
        update: Some(update),
    }
}

fn mk_snapshot(revision: u64, user: pb::User) -> WatchUserResponse {
    let snapshot = UserSnapshot {
        user: Some(user),
        reason: SnapshotReason::Initial.into(),
        complete: true,
    };
    mk_message(revision, Update::Snapshot(snapshot))
}

fn mk_changes(revision: u64, changes: impl IntoIterator<Item = Change>) -> WatchUserResponse {
    let changes = changes.into_iter().map(|change| pb::UserChange {
        change: Some(change),
    });
    let changes = pb::UserChanges {
        changes: changes.collect(),
    };
    mk_message(revision, Update::Changes(changes))
}

fn mk_progress(revision: u64, user_count: u32, digest: u64) -> WatchUserResponse {
    let progress = Progress { user_count, digest };
    mk_message(revision, Update::Progress(progress))
}

fn online(session: &str, login_at: i64) -> Change {
    Change::DeviceOnline(pb::DeviceOnline {
        device: Some(mk_device(session, login_at)),
    })
}

fn offline(session: &str) -> Change {
    Change::DeviceOffline(pb::DeviceOffline {
        device: Some(mk_device(session, 0)),
        ..Default::default()
    })
}

fn entered(id: &str) -> Change {
    Change::RoomEntered(pb::RoomEntered {
        room: Some(mk_room(id)),
    })
}

fn left(id: &str) -> Change {
    Change::RoomLeft(pb::RoomLeft {
        room: Some(mk_room(id)),
        ..Default::default()
    })
}

/// A user called Ann with the devices b (since 1) and a (since 2), in the room r.
fn mk_user() -> pb::User {
    pb::User {
        user_id: "u".into(),
        name: "Ann".into(),
        online: true,
        devices: vec![mk_device("b", 1), mk_device("a", 2)],
        rooms: vec![mk_room("r")],
    }
}

/// A copy of that user at revision 5.
#[track_caller]
fn mk_copy() -> UserCopy {
    let mut copy = UserCopy::new();
    let snapshot = mk_snapshot(5, mk_user());
    let folded = copy.apply(&snapshot);
    assert_eq!(folded, Ok(Folded::Snapshot(SnapshotReason::Initial)));
    copy
}

fn digest(sessions: &[&str]) -> u64 {
    let hashes = sessions.iter().map(|session| session_hash("u", session));
    hashes.fold(0, u64::wrapping_add)
}

#[test]
fn a_snapshot_is_the_user_as_get_user_tells() {
    let copy = mk_copy();
    assert_eq!(copy.user(), mk_user());
    assert_eq!((copy.revision(), copy.resume_token()), (5, "t5"));
    assert_eq!(copy.digest(), digest(&["a", "b"]));
}

#[test]
fn a_user_in_many_rooms_comes_in_parts() {
    let part = |rooms: &[&str], devices: Vec<pb::Device>, complete| {
        let rooms = rooms.iter().map(|id| mk_room(id)).collect();
        let user = pb::User {
            rooms,
            devices,
            ..mk_user()
        };
        let snapshot = pb::UserSnapshot {
            user: Some(user),
            reason: pb::SnapshotReason::Initial.into(),
            complete,
        };
        let token = if complete { "t7" } else { "" };
        WatchUserResponse {
            resume_token: token.into(),
            ..mk_message(7, Update::Snapshot(snapshot))
        }
    };
    let mut copy = UserCopy::new();
    copy.apply(&part(&["p", "q"], mk_user().devices, false))
        .unwrap();
    assert!(!copy.is_complete());
    copy.apply(&part(&["r"], vec![], true)).unwrap();
    assert!(copy.is_complete());
    let rooms: Vec<_> = copy.rooms().keys().collect();
    assert_eq!(rooms, ["p", "q", "r"]);
    assert_eq!(copy.user().devices, mk_user().devices);
}

#[test]
fn changes_are_folded_in_order() {
    let mut copy = mk_copy();
    let renamed = Change::UserUpdated(pb::UserRenamed {
        user: Some(pb::User {
            name: "Bea".into(),
            ..Default::default()
        }),
    });
    let message = mk_changes(
        7,
        [
            renamed,
            offline("a"),
            // Anew, and new.
            online("b", 3),
            online("c", 2),
            left("r"),
            entered("r"),
            entered("q"),
        ],
    );
    copy.apply(&message).unwrap();
    let user = pb::User {
        name: "Bea".into(),
        devices: vec![mk_device("c", 2), mk_device("b", 3)],
        rooms: vec![mk_room("q"), mk_room("r")],
        ..mk_user()
    };
    assert_eq!(copy.user(), user);
    let progress = mk_progress(8, 2, digest(&["b", "c"]));
    assert_eq!(copy.apply(&progress), Ok(Folded::Confirmed));
    copy.apply(&mk_changes(9, [offline("b"), offline("c")]))
        .unwrap();
    assert!(!copy.user().online);
    assert_eq!(
        copy.apply(&mk_progress(9, 0, 0)),
        Ok(Folded::Confirmed),
        "rooms are not counted"
    );
}

#[test]
fn what_breaks_the_contract_is_named() {
    let copy = mk_copy();
    let fits_not = |change: &str, present| {
        let change = change.to_owned();
        Violation::DoesNotFit { change, present }
    };
    let with = |change: fn(&mut pb::User)| {
        let mut user = mk_user();
        change(&mut user);
        mk_snapshot(6, user)
    };
    let drift = Violation::Drift {
        count: 2,
        digest: copy.digest(),
        server_count: 1,
        server_digest: 0,
    };
    let mut cut = mk_snapshot(6, mk_user());
    if let Some(Update::Snapshot(snapshot)) = &mut cut.update {
        snapshot.complete = false;
    }
    let cases = [
        (
            mk_changes(5, [online("c", 3)]),
            Violation::ChangesNotAbove { before: 5, now: 5 },
        ),
        (
            mk_changes(6, [offline("c")]),
            fits_not("device_offline of \"c\"", false),
        ),
        (
            mk_changes(6, [left("q")]),
            fits_not("room_left of \"q\"", false),
        ),
        (
            with(|user| user.devices.push(mk_device("a", 9))),
            fits_not("snapshot of \"a\"", true),
        ),
        (
            with(|user| user.rooms.push(mk_room("r"))),
            fits_not("snapshot of \"r\"", true),
        ),
        (
            with(|user| user.online = false),
            fits_not("snapshot of \"u\"", true),
        ),
        (
            with(|user| user.devices.clear()),
            fits_not("snapshot of \"u\"", false),
        ),
        (cut, Violation::ResumeToken { present: true }),
        (mk_progress(6, 1, 0), drift),
        (
            mk_changes(6, [Change::DeviceOnline(pb::DeviceOnline::default())]),
            Violation::Missing(MissingPart::Device),
        ),
        (
            mk_changes(6, [Change::RoomEntered(pb::RoomEntered::default())]),
            Violation::Missing(MissingPart::Room),
        ),
        (
            mk_changes(6, [Change::UserUpdated(pb::UserRenamed::default())]),
            Violation::Missing(MissingPart::User),
        ),
        (
            WatchUserResponse::default(),
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
