//! Rooms, users and changes as people read them.
//!
//! Ids and names come from outside. Control characters in them are shown as escapes, so that
//! a nickname cannot move the cursor of a terminal.

use std::borrow::Cow;

use prost_types::Timestamp;

use super::{
    age::Moment,
    table::{Column, table},
};
use crate::pb::{self, room_change::Change};

/// What a table is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A pipe or a file, which may be read at any time: times are absolute.
    Pipe,
    /// A terminal, which is read now: times are relative, and what does not fit is left out.
    Terminal {
        /// Its width.
        width: usize,
        /// The time.
        now: Moment,
    },
}

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

/// A room on one line, with how many are in it: users and admins.
pub(super) fn room_line(room: &pb::Room, users: u32, admins: usize) -> String {
    let mut line = format!("room {}", clean(&room.room_id));
    if !room.name.is_empty() {
        line += &format!(" ({})", clean(&room.name));
    }
    let missing = count(room.missing_callbacks, "missing callback");
    let state = word(room.state().as_str_name(), "ROOM_STATE_");
    line += &format!(": {missing}, {state}, {}", people(users, admins));
    if let Some(time) = &room.open_time {
        line += &format!(", opened {time}");
    }
    if let Some(time) = &room.close_time {
        line += &format!(", closed {time}");
    }
    if !room.session_id.is_empty() {
        line += &format!(", session {}", clean(&room.session_id));
    }
    line
}

/// How many people are in a room, and how many recorders and bots, which are no people.
pub(super) fn people(users: u32, admins: usize) -> String {
    let users = count(users, "user");
    match u32::try_from(admins).unwrap_or(u32::MAX) {
        0 => users,
        admins => format!("{users}, {}", count(admins, "admin")),
    }
}

/// How many of the users of a room are recorders and moderation bots, who are not counted.
pub(super) fn admins<'a>(users: impl IntoIterator<Item = &'a pb::RoomUser>) -> usize {
    let users = users.into_iter();
    users
        .filter(|user| user.role() == pb::UserRole::Admin)
        .count()
}

/// Rooms as a table.
pub(super) fn rooms_table(rooms: &[pb::Room], medium: Medium) -> Vec<String> {
    let id = Column::whole("ROOM", cells(rooms, |room| clean(&room.room_id)));
    let users = cells(rooms, |room| room.user_count.to_string().into());
    let missing = cells(rooms, |room| room.missing_callbacks.to_string().into());
    let session = Column::whole("SESSION", cells(rooms, |room| clean(&room.session_id)));
    let name = Column::text("NAME", cells(rooms, |room| clean(&room.name)));
    let (users, missing) = (
        Column::number("USERS", users),
        Column::number("MISSING", missing),
    );
    match medium {
        Medium::Pipe => {
            let opened = cells(rooms, |room| time(room.open_time.as_ref()).into());
            let opened = Column::whole("OPENED", opened);
            table(vec![id, users, missing, opened, session, name], None)
        }
        Medium::Terminal { width, now } => {
            let open = cells(rooms, |room| age(room.open_time.as_ref(), now));
            let open = Column::number("OPEN", open);
            table(vec![id, users, missing, open, name, session], Some(width))
        }
    }
}

/// Users as a table.
pub(super) fn users_table(users: &[&pb::RoomUser], medium: Medium) -> Vec<String> {
    let id = Column::whole("USER", cells(users, |user| clean(&user.user_id)));
    let nickname = Column::text("NICKNAME", cells(users, |user| clean(&user.nickname)));
    let role = Column::whole("ROLE", cells(users, |user| role(user).into()));
    let session = Column::whole("SESSION", cells(users, |user| clean(&user.session_id)));
    let platform = Column::text("PLATFORM", cells(users, |user| clean(&user.platform)));
    match medium {
        Medium::Pipe => {
            let login = cells(users, |user| time(user.login_time.as_ref()).into());
            let login = Column::whole("LOGIN TIME", login);
            table(vec![id, nickname, role, session, login, platform], None)
        }
        Medium::Terminal { width, now } => {
            let here = cells(users, |user| age(user.login_time.as_ref(), now));
            let here = Column::number("HERE", here);
            let columns = vec![id, here, role, nickname, platform, session];
            table(columns, Some(width))
        }
    }
}

/// The cells of a column.
pub(super) fn cells<'a, T: 'a>(
    rows: &'a [T],
    cell: impl FnMut(&'a T) -> Cow<'a, str>,
) -> Vec<Cow<'a, str>> {
    rows.iter().map(cell).collect()
}

/// How long ago a time was; nothing if the vendor did not tell it.
pub(super) fn age<'a>(time: Option<&Timestamp>, now: Moment) -> Cow<'a, str> {
    let age = time.map(|time| Moment::from(time).age(now));
    age.unwrap_or_default().into()
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

pub(super) fn name(user: &pb::RoomUser) -> String {
    match &*user.nickname {
        "" => clean(&user.user_id).into_owned(),
        nickname => format!("{} ({})", clean(&user.user_id), clean(nickname)),
    }
}

/// A user's role; nothing where the vendor has none.
pub(super) fn role(user: &pb::RoomUser) -> String {
    match user.role() {
        pb::UserRole::Unspecified => String::new(),
        role => word(role.as_str_name(), "USER_ROLE_"),
    }
}

pub(super) fn time(time: Option<&Timestamp>) -> String {
    time.map(Timestamp::to_string).unwrap_or_default()
}

pub(super) fn count(number: u32, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
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
            room_line(&room, 1, 4),
            "room r (Lobby): 2 missing callbacks, open, 1 user, 4 admins, opened 1970-01-01T00:01:00Z"
        );
        let unknown = pb::Room {
            room_id: "r".into(),
            state: pb::RoomState::Unknown.into(),
            ..Default::default()
        };
        assert_eq!(
            room_line(&unknown, 0, 0),
            "room r: 0 missing callbacks, unknown, 0 users"
        );
    }

    #[test]
    fn a_pipe_gets_every_column_and_absolute_times() {
        let mut other = mk_user();
        other.user_id = "longer".into();
        other.role = 0;
        assert_eq!(
            users_table(&[&mk_user(), &other], Medium::Pipe),
            [
                "USER    NICKNAME  ROLE      SESSION  LOGIN TIME            PLATFORM",
                "u1      Ann       audience  7        1970-01-01T00:01:00Z  IOS",
                "longer  Ann                 7        1970-01-01T00:01:00Z  IOS",
            ]
        );
    }

    #[test]
    fn a_terminal_gets_whole_ids_relative_times_and_what_fits() {
        let mut user = mk_user();
        user.user_id = "sim-tour-user-12".into();
        let terminal = |width| Medium::Terminal {
            width,
            now: Moment(60_000 + 250_000),
        };
        let lines = |width| users_table(&[&user], terminal(width));
        assert_eq!(
            lines(80),
            [
                "USER              HERE  ROLE      NICKNAME  PLATFORM  SESSION",
                "sim-tour-user-12    4m  audience  Ann       IOS       7",
            ]
        );
        assert_eq!(lines(40)[1], "sim-tour-user-12    4m  audience");
    }

    #[test]
    fn rooms_do_not_wrap() {
        let room = pb::Room {
            room_id: "a-room-of-some-length".into(),
            // Two columns each.
            name: "漢".repeat(100),
            open_time: Some(Timestamp {
                seconds: 60,
                nanos: 123_000_000,
            }),
            session_id: "6085791336856668982".into(),
            ..Default::default()
        };
        for width in [20, 40, 60, 80, 120] {
            let now = Moment(90_000);
            let lines = rooms_table(std::slice::from_ref(&room), Medium::Terminal { width, now });
            for line in &lines {
                assert!(
                    console::measure_text_width(line) <= width,
                    "{width}: {line}"
                );
            }
            assert!(
                width < 21 || lines[1].starts_with(&room.room_id),
                "{lines:?}"
            );
        }
    }
}
