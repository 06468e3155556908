//! Rooms, users and changes as people read them.
//!
//! Ids and names come from outside. Control characters in them are shown as escapes, so that
//! a nickname cannot move the cursor of a terminal.

use std::borrow::Cow;

use comfy_table::{ContentArrangement, Table, presets};
use prost_types::Timestamp;

use crate::pb::{self, room_change::Change};

/// The widest cell of a table that is not for a terminal.
const CELL_COLUMNS_MAX: usize = 64;

/// To fit a terminal, no column is made narrower than this.
const CELL_COLUMNS_MIN: usize = 8;

/// The headers of columns that are never cut, because a part of a time is of no use.
const TIMES: [&str; 2] = ["OPENED", "LOGIN TIME"];

/// Columns between two cells.
const GAP: usize = 2;

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
    line += &format!(", {}", count(user_count, "user"));
    if let Some(time) = &room.open_time {
        line += &format!(", opened {time}");
    }
    if let Some(time) = &room.close_time {
        line += &format!(", closed {time}");
    }
    if !room.session_id.is_empty() {
        line += &format!(", session {}", clean(&room.session_id));
    }
    line += &format!(", {}", count(room.missing_callbacks, "missing callback"));
    line
}

/// Rooms as a table, cut to fit a terminal of `columns`, if it is for one.
pub(super) fn rooms_table<'a>(
    rooms: impl IntoIterator<Item = &'a pb::Room>,
    columns: Option<usize>,
) -> Table {
    const HEADER: [&str; 6] = ["ROOM", "USERS", "MISSING", "OPENED", "SESSION", "NAME"];
    let row = |room: &'a pb::Room| {
        [
            clean(&room.room_id),
            room.user_count.to_string().into(),
            room.missing_callbacks.to_string().into(),
            time(room.open_time.as_ref()).into(),
            clean(&room.session_id),
            clean(&room.name),
        ]
    };
    table(HEADER, rooms.into_iter().map(row), columns)
}

/// Users as a table, cut to fit a terminal of `columns`, if it is for one.
pub(super) fn users_table<'a>(
    users: impl IntoIterator<Item = &'a pb::RoomUser>,
    columns: Option<usize>,
) -> Table {
    const HEADER: [&str; 6] = [
        "USER",
        "NICKNAME",
        "ROLE",
        "SESSION",
        "LOGIN TIME",
        "PLATFORM",
    ];
    let row = |user: &'a pb::RoomUser| {
        [
            clean(&user.user_id),
            clean(&user.nickname),
            role(user).into(),
            clean(&user.session_id),
            time(user.login_time.as_ref()).into(),
            clean(&user.platform),
        ]
    };
    table(HEADER, users.into_iter().map(row), columns)
}

/// A change on one short line, for where a table has the rest.
pub(super) fn short_change_line(change: &pb::RoomChange) -> String {
    let user = |verb, user: Option<&pb::RoomUser>| {
        format!("{verb:<8} {}", user.map(name).unwrap_or_default())
    };
    let room = |verb| format!("{verb:<8} the room");
    match &change.change {
        Some(Change::UserJoined(joined)) => user("joined", joined.user.as_ref()),
        Some(Change::UserUpdated(updated)) => user("updated", updated.user.as_ref()),
        Some(Change::UserLeft(left)) => {
            let reason = word(left.reason().as_str_name(), "LEAVE_REASON_");
            format!("{}: {reason}", user("left", left.user.as_ref()))
        }
        Some(Change::RoomOpened(_)) => room("opened"),
        Some(Change::RoomUpdated(_)) => room("changed"),
        Some(Change::RoomClosed(closed)) => {
            let reason = word(closed.reason().as_str_name(), "CLOSE_REASON_");
            format!("{}: {reason}", room("closed"))
        }
        None => change_line(change),
    }
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

/// A table, cut to fit a terminal of `columns`, if it is for one.
pub(super) fn table<'a, const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [Cow<'a, str>; N]>,
    columns: Option<usize>,
) -> Table {
    let rows: Vec<_> = rows.collect();
    let cell_max = columns.unwrap_or(CELL_COLUMNS_MAX).max(CELL_COLUMNS_MIN);
    let mut widths = header.map(console::measure_text_width);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            let cell_width = console::measure_text_width(cell);
            *width = cell_width.min(cell_max).max(*width);
        }
    }
    if let Some(columns) = columns {
        let times = header.iter().zip(&widths);
        let times = times.filter(|(name, _)| TIMES.contains(name));
        let kept: usize = times.map(|(_, width)| width).sum();
        let gaps = GAP * (N - 1);
        let texts = header.iter().zip(&mut widths);
        let texts = texts.filter(|(name, _)| !TIMES.contains(name));
        let texts = texts.map(|(_, width)| width).collect();
        fit(texts, columns.saturating_sub(kept + gaps));
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in &rows {
        let cells = row.iter().zip(widths);
        table.add_row(cells.map(|(cell, width)| console::truncate_str(cell, width, "…")));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP as u16));
    }
    table
}

/// Makes the widest columns narrower until all fit, or are as narrow as is of
/// any use.
fn fit(mut widths: Vec<&mut usize>, columns: usize) {
    while widths.iter().map(|width| **width).sum::<usize>() > columns {
        match widths.iter_mut().max() {
            Some(widest) if **widest > CELL_COLUMNS_MIN => **widest -= 1,
            _ => return,
        }
    }
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
        let left = pb::RoomChange {
            change: Some(Change::UserLeft(pb::UserLeft {
                user: Some(mk_user()),
                reason,
                leave_time,
            })),
        };
        assert_eq!(short_change_line(&left), "left     u1 (Ann): token expired");
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
            "room r (Lobby): open, 1 user, opened 1970-01-01T00:01:00Z, 2 missing callbacks"
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
        let table = users_table([&mk_user(), &other], None).trim_fmt();
        assert_eq!(
            table.lines().collect::<Vec<_>>(),
            [
                "USER    NICKNAME  ROLE      SESSION  LOGIN TIME            PLATFORM",
                "u1      Ann       audience  7        1970-01-01T00:01:00Z  IOS",
                "longer  Ann                 7        1970-01-01T00:01:00Z  IOS",
            ]
        );
    }

    #[test]
    fn long_cells_are_cut_by_how_wide_they_are_shown() {
        let room = pb::Room {
            room_id: "r".repeat(100),
            // Two columns each.
            name: "漢".repeat(100),
            ..Default::default()
        };
        let piped = rooms_table([&room], None).trim_fmt();
        let row = piped.lines().nth(1).unwrap();
        assert!(row.starts_with(&format!("{}…  0", "r".repeat(63))), "{row}");
        assert!(row.ends_with(&format!("  {}…", "漢".repeat(31))), "{row}");
        let fitted = rooms_table([&room], Some(80)).trim_fmt();
        for line in fitted.lines() {
            assert!(console::measure_text_width(line) <= 80, "{line}");
        }
        let narrow = rooms_table([&room], Some(5)).trim_fmt();
        assert!(narrow.contains("rrrrrrr…  0"), "{narrow}");
    }
}
