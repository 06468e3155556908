//! Rooms, users and changes on one line each.

use std::borrow::Cow;

use super::{clean, count, name, people, role, time, word};
use crate::pb::{self, room_change::Change};

/// A room on one line, with how many are in it: users and admins.
pub(in crate::cli) fn room_line(room: &pb::Room, users: u32, admins: usize) -> String {
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

/// A change on one line.
pub(in crate::cli) fn change_line(change: &pb::RoomChange) -> String {
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
pub(in crate::cli) fn user_line(verb: &str, user: Option<&pb::RoomUser>) -> String {
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

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::{super::tests::mk_user, *};

    fn mk_line(change: Change) -> String {
        change_line(&pb::RoomChange {
            change: Some(change),
        })
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
}
