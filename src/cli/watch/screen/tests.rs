//! Pictures: what a terminal shows, as text.

use std::time::Duration;

use headcount_client::{RoomCopy, UserCopy, Violation, WatchedRoom, WatchedUser};
use prost_types::Timestamp;
use tonic::Status;

use super::*;
use crate::pb::{
    self, Changes, RoomChange, RoomUser, Snapshot, SnapshotReason, UserRole, WatchRoomResponse,
    room_change::Change, watch_room_response::Update,
};

const SERVER: &str = "http://127.0.0.1:50051";

/// When the pictures are taken, in seconds.
const NOW: i64 = 1_790_000_000;

fn ago(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: NOW - seconds,
        nanos: 0,
    })
}

fn frame(width: usize, height: usize) -> Frame {
    Frame {
        width,
        height,
        now: Moment(NOW * 1000),
        paint: Paint::new(false),
    }
}

fn mk_user(number: i64, seconds: i64) -> RoomUser {
    let nicknames = ["Ann", "名前＋％", "sim-tour-user-7 v345 🦀 emoji", ""];
    let roles = [
        UserRole::Audience,
        UserRole::Host,
        UserRole::Audience,
        UserRole::Admin,
    ];
    let kind = usize::try_from(number).unwrap() % 4;
    RoomUser {
        user_id: format!("sim-tour-user-{number}"),
        nickname: nicknames[kind].into(),
        role: roles[kind].into(),
        session_id: format!("742938472938{number:04}"),
        login_time: ago(seconds),
        platform: ["IOS", "MINI_PROGRAM", "", "WEB"][kind].into(),
        custom_data: String::new(),
    }
}

fn mk_room(missing: u32) -> Room {
    Room {
        room_id: "sim-tour-0".into(),
        state: pb::RoomState::Open.into(),
        session_id: "6085791336856668982".into(),
        name: "Lobby".into(),
        open_time: ago(250),
        missing_callbacks: missing,
        ..Default::default()
    }
}

fn mk_message(revision: u64, update: Update) -> WatchRoomResponse {
    WatchRoomResponse {
        revision,
        resume_token: "t".into(),
        update: Some(update),
    }
}

/// A screen and a copy that took a snapshot of so many users.
fn mk_watch(users: i64) -> (Screen, RoomCopy) {
    let snapshot = Snapshot {
        room: Some(mk_room(0)),
        users: (0..users).map(|i| mk_user(i, 240 - i)).collect(),
        reason: SnapshotReason::Initial.into(),
        complete: true,
    };
    let (mut screen, mut copy) = (Screen::new("sim-tour-0", SERVER), RoomCopy::new());
    take(
        &mut screen,
        &mut copy,
        mk_message(12_345, Update::Snapshot(snapshot)),
    );
    (screen, copy)
}

fn take(screen: &mut Screen, copy: &mut RoomCopy, message: WatchRoomResponse) {
    copy.apply(&message).unwrap();
    let event = WatchEvent::Message(Box::new(message));
    screen.take::<WatchedRoom>(&event, Moment(NOW * 1000));
}

fn change(screen: &mut Screen, copy: &mut RoomCopy, changes: Vec<Change>) {
    let revision = copy.revision() + 1;
    let changes = changes.into_iter().map(|change| RoomChange {
        change: Some(change),
    });
    let changes = Changes {
        changes: changes.collect(),
    };
    take(screen, copy, mk_message(revision, Update::Changes(changes)));
}

fn joined(user: RoomUser) -> Change {
    Change::UserJoined(pb::UserJoined { user: Some(user) })
}

fn left(user: RoomUser, seconds: i64, reason: pb::LeaveReason) -> Change {
    Change::UserLeft(pb::UserLeft {
        user: Some(user),
        reason: reason.into(),
        leave_time: ago(seconds),
    })
}

fn lost(screen: &mut Screen, reason: &str, seconds_ago: i64) {
    let kind = std::io::ErrorKind::ConnectionRefused;
    let error = std::io::Error::new(kind, reason.to_owned());
    let event = WatchEvent::Lost {
        status: Status::from_error(Box::new(error)),
        wait: Duration::from_millis(1000 * seconds_ago.unsigned_abs() + 2_500),
    };
    screen.take::<WatchedRoom>(&event, Moment((NOW - seconds_ago) * 1000));
}

/// A busy room: 22 users, of whom 2 came and 2 left lately.
fn mk_busy() -> (Screen, RoomCopy) {
    let (mut screen, mut copy) = mk_watch(22);
    change(
        &mut screen,
        &mut copy,
        vec![
            left(mk_user(1, 239), 41, pb::LeaveReason::Timeout),
            joined(mk_user(100, 38)),
            Change::UserUpdated(pb::UserUpdated {
                user: Some(mk_user(2, 30)),
            }),
        ],
    );
    lost(&mut screen, "connection refused", 21);
    change(
        &mut screen,
        &mut copy,
        vec![
            left(mk_user(4, 236), 19, pb::LeaveReason::Logout),
            joined(mk_user(102, 3)),
        ],
    );
    screen.refresh(mk_room(3));
    (screen, copy)
}

#[track_caller]
fn assert_picture<S: Shown>(screen: &Screen, copy: &CopyOf<S>, frame: &Frame, expected: &str) {
    let lines = screen.picture(copy, frame);
    assert!(lines.len() < frame.height, "the line of the cursor is free");
    for line in &lines {
        assert!(measure_text_width(line) <= frame.width, "{line}");
    }
    let picture = lines.join("\n");
    assert_eq!(picture, expected.trim_matches('\n'), "\n{picture}\n");
}

#[test]
fn a_picture_of_60_columns() {
    let (screen, copy) = mk_busy();
    assert_picture(&screen, &copy, &frame(60, 16), include_str!("60x16.txt"));
}

#[test]
fn a_picture_of_80_columns() {
    let (screen, copy) = mk_busy();
    assert_picture(&screen, &copy, &frame(80, 24), include_str!("80x24.txt"));
}

#[test]
fn a_picture_of_120_columns() {
    let (screen, copy) = mk_busy();
    assert_picture(&screen, &copy, &frame(120, 30), include_str!("120x30.txt"));
}

#[test]
fn a_room_is_named_before_the_first_answer() {
    let screen = Screen::new("r\x07", SERVER);
    let lines = screen.picture(&RoomCopy::new(), &frame(80, 24));
    assert_eq!(lines, ["r\\u{7}", "connecting · http://127.0.0.1:50051"]);
}

#[test]
fn a_server_that_was_never_there_is_not_lost() {
    let mut screen = Screen::new("r", SERVER);
    lost(&mut screen, "connection refused", 1);
    let lines = screen.picture(&RoomCopy::new(), &frame(110, 24));
    assert_eq!(
        lines,
        [
            "r",
            "never connected · next try in 3s · http://127.0.0.1:50051 · connection refused (is `headcount serve` running?)"
        ]
    );
}

#[test]
fn a_server_that_was_there_is_lost_and_the_room_is_still_shown() {
    let (mut screen, copy) = mk_watch(1);
    lost(&mut screen, "connection refused", 12);
    let lines = screen.picture(&copy, &frame(80, 12));
    assert_eq!(
        lines[2],
        "LOST 12s ago · next try in 3s · connection refused · http://127.0.0.1:50051"
    );
    assert!(lines[4].starts_with("sim-tour-user-0 "), "{lines:?}");
    assert_eq!(lines[6], " 12s  LOST     connection refused");
    let violation = Violation::SnapshotExpected;
    let wait = Duration::from_secs(1);
    let event = WatchEvent::Violated { violation, wait };
    screen.take::<WatchedRoom>(&event, Moment(NOW * 1000));
    let lines = screen.picture(&copy, &frame(80, 12));
    assert_eq!(
        lines[2],
        "WRONG · a new snapshot in 1s · a stream must begin with a snapshot"
    );
}

#[test]
fn the_loss_signal_is_first_and_of_this_life() {
    let (mut screen, copy) = mk_watch(1);
    let first = |screen: &Screen| screen.picture(&copy, &frame(80, 12))[0].clone();
    assert_eq!(first(&screen), "0 callbacks missing · 1 user · open for 4m");
    let mut room = mk_room(1);
    room.reported_user_count = 7;
    screen.refresh(room.clone());
    assert_eq!(
        first(&screen),
        "1 callback missing · 1 user · the vendor counts 7 · open for 4m"
    );
    room.session_id = "another".into();
    screen.refresh(room);
    assert!(first(&screen).starts_with("0 callbacks missing"));
}

#[test]
fn an_empty_room_and_a_snapshot_that_was_not_asked_for_are_said() {
    let (mut screen, mut copy) = mk_watch(0);
    let snapshot = Snapshot {
        room: Some(mk_room(0)),
        reason: SnapshotReason::EpochChanged.into(),
        complete: true,
        ..Default::default()
    };
    take(
        &mut screen,
        &mut copy,
        mk_message(1, Update::Snapshot(snapshot)),
    );
    let lines = screen.picture(&copy, &frame(80, 12));
    assert_eq!(
        lines[3..],
        [
            "nobody is here",
            " AGO  CHANGE",
            "  0s  anew     the server has another journal",
        ]
    );
}

#[test]
fn ids_are_whole_wherever_they_fit() {
    let id = "x".repeat(58);
    let (mut screen, mut copy) = mk_watch(0);
    let user = RoomUser {
        user_id: format!("{id}-1"),
        ..mk_user(0, 5)
    };
    change(&mut screen, &mut copy, vec![joined(user.clone())]);
    let lines = screen.picture(&copy, &frame(60, 16));
    assert_eq!(lines[4], user.user_id, "nothing else fits");
    // Only a terminal that is too narrow cuts it, and keeps what tells it from others.
    let lines = screen.picture(&copy, &frame(40, 16));
    assert!(
        lines[4].ends_with("-1") && lines[4].contains('…'),
        "{lines:?}"
    );
    assert!(lines[6].ends_with("-1"), "{lines:?}");
}

#[test]
fn the_lines_are_shared_and_none_is_wasted() {
    // Of 10 lines: all fit; many rows; many changes; many of both; nothing to show.
    assert_eq!(share(10, 4, 6), (4, 6));
    assert_eq!(share(10, 40, 1), (8, 1));
    assert_eq!(share(10, 2, 40), (2, 8));
    assert_eq!(share(10, 40, 40), (6, 3));
    assert_eq!(share(10, 0, 0), (0, 0));
    assert_eq!(share(0, 3, 3), (0, 1));
}

#[test]
fn terminals_of_every_size_are_filled_and_not_overfilled() {
    let (mut screen, mut copy) = mk_busy();
    for i in 0..2 * RECENT_MAX as i64 {
        change(&mut screen, &mut copy, vec![joined(mk_user(1000 + i, 1))]);
    }
    for height in 1..40 {
        for width in [1, 10, 60, 200] {
            let lines = screen.picture(&copy, &frame(width, height));
            assert_eq!(lines.len(), height - 1, "{width} x {height}");
            for line in lines {
                assert!(measure_text_width(&line) <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn colours_tell_who_came_and_left_and_what_is_lost() {
    let (screen, copy) = mk_busy();
    let mut frame = frame(80, 24);
    let plain = screen.draw(&copy, &frame);
    frame.paint = Paint::new(true);
    let drawn = screen.draw(&copy, &frame);
    for part in [
        "\x1b[31m3 callbacks missing\x1b[0m",
        "\x1b[32mlive\x1b[0m",
        "\x1b[32mjoined  \x1b[0m sim-tour-user-102",
        "\x1b[33mleft    \x1b[0m sim-tour-user-4",
        "\x1b[31mLOST    \x1b[0m connection refused",
    ] {
        assert!(drawn.contains(part), "{drawn}");
    }
    assert_eq!(
        console::strip_ansi_codes(&drawn),
        console::strip_ansi_codes(&plain)
    );
    assert!(!plain.contains("\x1b[3"), "{plain}");
}

#[test]
fn a_user_is_shown_with_rooms_and_devices() {
    let user = pb::User {
        user_id: "ann".into(),
        name: "Ann".into(),
        online: true,
        devices: vec![pb::Device {
            session_id: "7".into(),
            platform: "WEB".into(),
            login_time: ago(5),
        }],
        rooms: vec![pb::UserRoom {
            room_id: "lobby".into(),
            login_time: ago(70),
        }],
    };
    let message = pb::WatchUserResponse {
        revision: 9,
        resume_token: "t".into(),
        update: Some(pb::watch_user_response::Update::Snapshot(
            pb::UserSnapshot {
                user: Some(user),
                reason: SnapshotReason::Initial.into(),
                complete: true,
            },
        )),
    };
    let (mut screen, mut copy) = (Screen::new("ann", SERVER), UserCopy::new());
    copy.apply(&message).unwrap();
    let event = WatchEvent::Message(Box::new(message));
    screen.take::<WatchedUser>(&event, Moment(NOW * 1000));
    assert_eq!(
        screen.picture(&copy, &frame(60, 12)),
        [
            "online on 1 device, in 1 room",
            "ann · Ann",
            "live · revision 9 · http://127.0.0.1:50051",
            "PLACE  FOR  KIND    PLATFORM",
            "lobby   1m  room",
            "7       5s  device  WEB",
        ]
    );
}
