//! What a terminal shows of a watched room: the room, who is in it, and what
//! happened last.

use std::collections::VecDeque;

use headcount_client::{RoomCopy, WatchEvent};

use crate::{
    cli::{reason, text},
    pb::{RoomUser, watch_room_response::Update},
};

/// How many of the last changes are kept, for a terminal that has room for them.
const RECENT_MAX: usize = 256;

/// How many of the last changes come before users, when there are too many.
const RECENT_MIN: usize = 8;

/// Lines beside those of users and changes: the room, the state of the watch,
/// an empty line, the table's header, how many more users there are, an empty
/// line, and the one that the cursor is on.
const OTHER_LINES: usize = 7;

const HOME: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K\n";
const CLEAR_BELOW: &str = "\x1b[J";

/// What the terminal shows besides the copy of the room.
#[derive(Debug)]
pub(super) struct Screen {
    room_id: String,
    server: String,
    /// The last changes, the newest last.
    recent: VecDeque<String>,
    /// The state of the watch itself.
    status: String,
}

impl Screen {
    pub(super) fn new(room_id: &str, server: &str) -> Self {
        Self {
            room_id: room_id.into(),
            server: server.into(),
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
                                text::short_change_line(change)
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
                let (server, reason) = (&self.server, reason(status));
                self.status = format!("LOST, retrying {server} in {wait:.1?}: {reason}");
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
        for line in self.lines(copy, width, height) {
            drawn += &console::truncate_str(&line, width, "…");
            drawn += END_OF_LINE;
        }
        drawn + CLEAR_BELOW
    }

    /// What to show on `height` lines. Those of users and changes are as wide as
    /// fits, the others as they are.
    fn lines(&self, copy: &RoomCopy, width: usize, height: usize) -> Vec<String> {
        let mut lines = vec![
            match copy.room() {
                Some(room) => text::room_line(room, copy.user_count()),
                None => format!("room {}", text::clean(&self.room_id)),
            },
            self.status.clone(),
        ];
        let rows = height
            .saturating_sub(OTHER_LINES + self.recent.len().min(RECENT_MIN))
            .max(1);
        let mut users: Vec<_> = copy.users().values().collect();
        users.sort_by_key(|user| login(user));
        if !users.is_empty() {
            lines.push(String::new());
            let table = text::users_table(users.iter().take(rows).copied(), Some(width)).trim_fmt();
            lines.extend(table.lines().map(str::to_owned));
        }
        if users.len() > rows {
            lines.push(format!("and {} more", users.len() - rows));
        }
        if !self.recent.is_empty() {
            lines.push(String::new());
            // The line of the cursor stays free.
            let free = height.saturating_sub(lines.len() + 1);
            let shown = self.recent.len().min(free.max(1));
            let skipped = self.recent.len() - shown;
            lines.extend(self.recent.iter().skip(skipped).cloned());
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
    fn a_room_is_named_before_the_first_answer() {
        let lines = Screen::new("r\x07", "http://s").lines(&RoomCopy::new(), 80, 24);
        assert_eq!(lines, ["room r\\u{7}", "connecting"]);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut screen = Screen::new("r", "http://s");
        for i in 0..2 * RECENT_MAX {
            screen.note(format!("change {i}"));
        }
        let (height, copy) = (24, mk_copy(30));
        let lines = screen.lines(&copy, 80, height);
        assert_eq!(lines.len(), height - 1, "the line of the cursor is free");
        assert!(
            lines[4].starts_with("u29 "),
            "in the order of logins: {}",
            lines[4]
        );
        assert_eq!(lines[lines.len() - RECENT_MIN - 2], "and 21 more");
        assert_eq!(lines.last().unwrap(), "change 511");
        let drawn = screen.draw(&copy, 10, height);
        let lines = drawn.trim_start_matches(HOME).trim_end_matches(CLEAR_BELOW);
        for line in lines.split_terminator(END_OF_LINE) {
            assert!(line.chars().count() <= 10, "{line:?}");
        }
    }

    #[test]
    fn changes_take_the_lines_that_users_leave() {
        let mut screen = Screen::new("r", "http://s");
        for i in 0..100 {
            screen.note(format!("change {i}"));
        }
        for (users, first) in [(0, "change 80"), (3, "change 85")] {
            let lines = screen.lines(&mk_copy(users), 80, 24);
            assert_eq!(lines.len(), 23, "{users} users");
            let found = lines.iter().find(|line| line.starts_with("change "));
            assert_eq!(found.unwrap(), first, "{users} users");
        }
    }
}
