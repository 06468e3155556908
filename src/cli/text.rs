//! Rooms, users and changes as people read them.
//!
//! Ids and names come from the outside: control characters are shown and never
//! sent, so that nobody's nickname moves an operator's cursor.

use std::borrow::Cow;

use comfy_table::{ContentArrangement, Table, presets};
use prost_types::Timestamp;

use crate::pb::{self, room_change::Change};

/// Text without control characters.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unsafe) {
        let shown = |c: char| {
            if is_unsafe(c) {
                c.escape_unicode().to_string()
            } else {
                c.into()
            }
        };
        text.chars().map(shown).collect::<String>().into()
    } else {
        text.into()
    }
}

/// Whether a character moves the cursor, or changes the order of others.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A room on one line; `user_count` may be newer than the room's own.
pub(super) fn room_line(room: &pb::Room, user_count: u32) -> String {
    let mut line = format!("room {}", clean(&room.room_id));
    if !room.name.is_empty() {
        line += &format!(" ({})", clean(&room.name));
    }
    line += &format!(": {}", word(room.state().as_str_name(), "ROOM_STATE_"));
    if let Some(time) = &room.open_time {
        line += &format!(", opened {time}");
    }
    if let Some(time) = &room.close_time {
        line += &format!(", closed {time}");
    }
    if !room.session_id.is_empty() {
        line += &format!(", session {}", clean(&room.session_id));
    }
    line += &format!(", {}", count(user_count, "user"));
    line += &format!(", {}", count(room.missing_callbacks, "missing callback"));
    line
}

/// Rooms as a table.
pub(super) fn rooms_table<'a>(rooms: impl IntoIterator<Item = &'a pb::Room>) -> Table {
    let mut table = table(&["ROOM", "USERS", "MISSING", "OPENED", "SESSION", "NAME"]);
    for room in rooms {
        table.add_row([
            clean(&room.room_id),
            room.user_count.to_string().into(),
            room.missing_callbacks.to_string().into(),
            time(room.open_time.as_ref()).into(),
            clean(&room.session_id),
            clean(&room.name),
        ]);
    }
    table
}

/// Users as a table.
pub(super) fn users_table<'a>(users: impl IntoIterator<Item = &'a pb::RoomUser>) -> Table {
    let mut table = table(&[
        "USER",
        "NICKNAME",
        "ROLE",
        "SESSION",
        "LOGIN TIME",
        "PLATFORM",
    ]);
    for user in users {
        table.add_row([
            clean(&user.user_id),
            clean(&user.nickname),
            role(user).into(),
            clean(&user.session_id),
            time(user.login_time.as_ref()).into(),
            clean(&user.platform),
        ]);
    }
    table
}

/// A change on one line.
pub(super) fn change_line(change: &pb::RoomChange) -> String {
    match &change.change {
        Some(Change::UserJoined(joined)) => user_line("joined", joined.user.as_ref()),
        Some(Change::UserUpdated(updated)) => user_line("updated", updated.user.as_ref()),
        Some(Change::UserLeft(left)) => {
            let user = left.user.as_ref().map(name).unwrap_or_default();
            let reason = word(left.reason().as_str_name(), "LEAVE_REASON_");
            match &left.leave_time {
                Some(time) => format!("left     {user}: {reason}, {time}"),
                None => format!("left     {user}: {reason}"),
            }
        }
        Some(Change::RoomOpened(opened)) => changed_room("opened", opened.room.as_ref(), None),
        Some(Change::RoomUpdated(updated)) => changed_room("changed", updated.room.as_ref(), None),
        Some(Change::RoomClosed(closed)) => {
            let reason = word(closed.reason().as_str_name(), "CLOSE_REASON_");
            changed_room("closed", closed.room.as_ref(), Some(reason))
        }
        None => "a change of a kind that this version does not know".into(),
    }
}

/// A user on one line, after what happened.
pub(super) fn user_line(verb: &str, user: Option<&pb::RoomUser>) -> String {
    let Some(user) = user else {
        return format!("{verb:<8}");
    };
    let mut line = format!("{verb:<8} {}", name(user));
    let facts = [
        ("", Cow::Owned(role(user))),
        ("", clean(&user.platform)),
        ("session ", clean(&user.session_id)),
        ("login ", time(user.login_time.as_ref()).into()),
    ];
    for (label, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        line += &format!(", {label}{fact}");
    }
    line
}

/// The value of an enum as a word: `USER_ROLE_HOST` is `host`.
pub(super) fn word(value: &str, prefix: &str) -> String {
    value
        .strip_prefix(prefix)
        .unwrap_or(value)
        .to_lowercase()
        .replace('_', " ")
}

fn changed_room(verb: &str, room: Option<&pb::Room>, reason: Option<String>) -> String {
    let mut line = format!("{verb:<8} the room");
    if let Some(room) = room {
        if !room.session_id.is_empty() {
            line += &format!(", session {}", clean(&room.session_id));
        }
        if !room.name.is_empty() {
            line += &format!(", name {}", clean(&room.name));
        }
    }
    match reason {
        Some(reason) => format!("{line}: {reason}"),
        None => line,
    }
}

fn name(user: &pb::RoomUser) -> String {
    match &*user.nickname {
        "" => clean(&user.user_id).into_owned(),
        nickname => format!("{} ({})", clean(&user.user_id), clean(nickname)),
    }
}

/// A user's role; nothing where the vendor has none.
fn role(user: &pb::RoomUser) -> String {
    match user.role() {
        pb::UserRole::Unspecified => String::new(),
        role => word(role.as_str_name(), "USER_ROLE_"),
    }
}

fn time(time: Option<&Timestamp>) -> String {
    time.map(Timestamp::to_string).unwrap_or_default()
}

fn count(number: u32, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_user() -> pb::RoomUser {
        pb::RoomUser {
            user_id: "u1".into(),
            nickname: "Ann".into(),
            role: pb::UserRole::Audience.into(),
            session_id: "7".into(),
            login_time: Some(Timestamp {
                seconds: 60,
                nanos: 0,
            }),
            platform: "IOS".into(),
            ..Default::default()
        }
    }

    fn mk_line(change: Change) -> String {
        change_line(&pb::RoomChange {
            change: Some(change),
        })
    }

    #[test]
    fn a_nickname_cannot_move_the_cursor() {
        assert_eq!(clean("\u{1b}[2Jx\r\n"), "\\u{1b}[2Jx\\u{d}\\u{a}");
        assert_eq!(clean("\u{202e}x"), "\\u{202e}x");
        assert!(matches!(clean("é 漢字"), Cow::Borrowed("é 漢字")));
    }

    #[test]
    fn every_change_has_a_line() {
        let (user, room) = (
            Some(mk_user()),
            Some(pb::Room {
                session_id: "9".into(),
                ..Default::default()
            }),
        );
        let leave_time = Some(Timestamp {
            seconds: 61,
            nanos: 0,
        });
        let reason = pb::LeaveReason::TokenExpired.into();
        let lines = [
            mk_line(Change::UserJoined(pb::UserJoined { user: user.clone() })),
            mk_line(Change::UserUpdated(pb::UserUpdated {
                user: Some(pb::RoomUser {
                    user_id: "u2".into(),
                    ..Default::default()
                }),
            })),
            mk_line(Change::UserLeft(pb::UserLeft {
                user,
                reason,
                leave_time,
            })),
            mk_line(Change::RoomOpened(pb::RoomOpened { room: room.clone() })),
            mk_line(Change::RoomUpdated(pb::RoomUpdated {
                room: Some(pb::Room {
                    name: "Lobby".into(),
                    ..Default::default()
                }),
            })),
            mk_line(Change::RoomClosed(pb::RoomClosed {
                room,
                reason: pb::CloseReason::LastUserTimeout.into(),
            })),
        ];
        assert_eq!(
            lines,
            [
                "joined   u1 (Ann), audience, IOS, session 7, login 1970-01-01T00:01:00Z",
                "updated  u2",
                "left     u1 (Ann): token expired, 1970-01-01T00:01:01Z",
                "opened   the room, session 9",
                "changed  the room, name Lobby",
                "closed   the room, session 9: last user timeout",
            ]
        );
    }

    #[test]
    fn a_room_has_a_line_with_its_counts() {
        let room = pb::Room {
            room_id: "r".into(),
            name: "Lobby".into(),
            state: pb::RoomState::Open.into(),
            open_time: Some(Timestamp {
                seconds: 60,
                nanos: 0,
            }),
            missing_callbacks: 2,
            ..Default::default()
        };
        assert_eq!(
            room_line(&room, 1),
            "room r (Lobby): open, opened 1970-01-01T00:01:00Z, 1 user, 2 missing callbacks"
        );
        let unknown = pb::Room {
            room_id: "r".into(),
            state: pb::RoomState::Unknown.into(),
            ..Default::default()
        };
        assert_eq!(
            room_line(&unknown, 0),
            "room r: unknown, 0 users, 0 missing callbacks"
        );
    }

    #[test]
    fn tables_line_their_columns_up() {
        let mut other = mk_user();
        other.user_id = "longer".into();
        other.role = 0;
        let table = users_table([&mk_user(), &other]).trim_fmt();
        assert_eq!(
            table.lines().collect::<Vec<_>>(),
            [
                "USER    NICKNAME  ROLE      SESSION  LOGIN TIME            PLATFORM",
                "u1      Ann       audience  7        1970-01-01T00:01:00Z  IOS",
                "longer  Ann                 7        1970-01-01T00:01:00Z  IOS",
            ]
        );
    }
}
