//! What a terminal shows of a watched room: the room, who is in it, and what
//! happened last.

use std::collections::VecDeque;

use crate::{
    cli::{refusal, text},
    client::{RoomCopy, WatchEvent},
    pb::{RoomUser, watch_room_response::Update},
};

/// How many of the last changes are shown.
const RECENT_MAX: usize = 8;

/// Lines beside those of users and changes: the room, the state of the watch,
/// the table's header, how many more users there are, empty lines, and the one
/// that the cursor is on.
const OTHER_LINES: usize = 8;

const HOME: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K\n";
const CLEAR_BELOW: &str = "\x1b[J";

/// What is not in the copy of the room.
#[derive(Debug)]
pub(super) struct Screen {
    room_id: String,
    /// The last changes, the newest last.
    recent: VecDeque<String>,
    /// How the watch itself is doing.
    status: String,
}

impl Screen {
    pub(super) fn new(room_id: &str) -> Self {
        Self {
            room_id: room_id.into(),
            recent: VecDeque::new(),
            status: "connecting".into(),
        }
    }

    /// Takes in what happened.
    pub(super) fn take(&mut self, event: &WatchEvent) {
        match event {
            WatchEvent::Message(message) => {
                self.status = format!("live, at revision {}", message.revision);
                match &message.update {
                    Some(Update::Changes(changes)) => {
                        for change in &changes.changes {
                            self.note(format!(
                                "{} {}",
                                message.revision,
                                text::change_line(change)
                            ));
                        }
                    }
                    Some(Update::Snapshot(snapshot)) if snapshot.complete => {
                        let reason =
                            text::word(snapshot.reason().as_str_name(), "SNAPSHOT_REASON_");
                        self.note(format!("{} snapshot ({reason})", message.revision));
                    }
                    _ => {}
                }
            }
            WatchEvent::Lost { status, wait } => {
                self.status = format!("LOST: {}; again in {wait:.1?}", refusal(status));
            }
            WatchEvent::Violated { violation, wait } => {
                self.status = format!("WRONG: {violation}; a new snapshot in {wait:.1?}");
                self.note(format!("WRONG: {violation}"));
            }
        }
    }

    fn note(&mut self, line: String) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(line);
    }

    /// The codes and text that draw all over the terminal.
    pub(super) fn draw(&self, copy: &RoomCopy, width: usize, height: usize) -> String {
        let mut drawn = HOME.to_owned();
        for line in self.lines(copy, height) {
            drawn += &console::truncate_str(&line, width, "…");
            drawn += END_OF_LINE;
        }
        drawn + CLEAR_BELOW
    }

    /// What to show on `height` lines.
    fn lines(&self, copy: &RoomCopy, height: usize) -> Vec<String> {
        let mut lines = vec![
            match copy.room() {
                Some(room) => text::room_line(room, copy.user_count()),
                None => format!("room {}", text::clean(&self.room_id)),
            },
            self.status.clone(),
        ];
        let rows = height
            .saturating_sub(OTHER_LINES + self.recent.len())
            .max(1);
        let mut users: Vec<_> = copy.users().values().collect();
        users.sort_by_key(|user| login(user));
        if !users.is_empty() {
            lines.push(String::new());
            let table = text::users_table(users.iter().take(rows).copied()).trim_fmt();
            lines.extend(table.lines().map(str::to_owned));
        }
        if users.len() > rows {
            lines.push(format!("and {} more", users.len() - rows));
        }
        if !self.recent.is_empty() {
            lines.push(String::new());
            lines.extend(self.recent.iter().cloned());
        }
        lines
    }
}

/// The order of users in the contract: by login time; the map is by id already.
fn login(user: &RoomUser) -> Option<(i64, i32)> {
    user.login_time
        .as_ref()
        .map(|time| (time.seconds, time.nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb;

    fn mk_copy(users: usize) -> RoomCopy {
        let users = (0..users).map(|i| RoomUser {
            user_id: format!("u{i}"),
            // Those who came last are first by id.
            login_time: Some(prost_types::Timestamp {
                seconds: 100 - i as i64,
                nanos: 0,
            }),
            ..Default::default()
        });
        let snapshot = pb::Snapshot {
            room: Some(pb::Room {
                room_id: "r".into(),
                ..Default::default()
            }),
            users: users.collect(),
            reason: pb::SnapshotReason::Initial.into(),
            complete: true,
        };
        let message = pb::WatchRoomResponse {
            revision: 1,
            resume_token: "t".into(),
            update: Some(Update::Snapshot(snapshot)),
        };
        let mut copy = RoomCopy::new();
        copy.apply(&message).unwrap();
        copy
    }

    #[test]
    fn a_room_that_nobody_answered_for_yet_is_named() {
        let lines = Screen::new("r\x07").lines(&RoomCopy::new(), 24);
        assert_eq!(lines, ["room r\\u{7}", "connecting"]);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut screen = Screen::new("r");
        for i in 0..2 * RECENT_MAX {
            screen.note(format!("change {i}"));
        }
        let (height, copy) = (24, mk_copy(30));
        let lines = screen.lines(&copy, height);
        assert!(
            lines.len() < height,
            "the line of the cursor is free: {}",
            lines.len()
        );
        assert!(
            lines[4].starts_with("u29 "),
            "in the order of logins: {}",
            lines[4]
        );
        assert_eq!(lines[lines.len() - RECENT_MAX - 2], "and 22 more");
        assert_eq!(lines.last().unwrap(), "change 15");
        let drawn = screen.draw(&copy, 10, height);
        let lines = drawn.trim_start_matches(HOME).trim_end_matches(CLEAR_BELOW);
        for line in lines.split_terminator(END_OF_LINE) {
            assert!(line.chars().count() <= 10, "{line:?}");
        }
    }
}
