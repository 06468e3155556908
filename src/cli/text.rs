//! Rooms, users and changes as people read them.
//!
//! Ids and names come from outside. Control characters in them are shown as escapes, so that
//! a nickname cannot move the cursor of a terminal.

mod lines;
mod tables;

use std::borrow::Cow;

use prost_types::Timestamp;

use crate::pb;

pub(super) use self::{
    lines::{change_line, room_line, user_line},
    tables::{Medium, age, cells, rooms_table, users_table},
};

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

/// The value of an enum as a word: `USER_ROLE_HOST` is `host`.
pub(super) fn word(value: &str, prefix: &str) -> String {
    value
        .strip_prefix(prefix)
        .unwrap_or(value)
        .to_lowercase()
        .replace('_', " ")
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

    pub(super) fn mk_user() -> pb::RoomUser {
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

    #[test]
    fn a_nickname_cannot_move_the_cursor() {
        assert_eq!(clean("\u{1b}[2Jx\r\n"), "\\u{1b}[2Jx\\u{d}\\u{a}");
        assert_eq!(clean("\u{202e}x"), "\\u{202e}x");
        assert!(matches!(clean("é 漢字"), Cow::Borrowed("é 漢字")));
    }
}
