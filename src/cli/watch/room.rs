//! How a watched room is shown.

use headcount_client::{Client, RoomCopy, WatchedRoom};

use super::shown::{Fact, Note, Refresh, Rows, Shown};
use crate::{
    cli::{
        age::Moment,
        paint::Colour,
        text::{self, Medium, clean, count, word},
    },
    pb::{
        GetRoomUsersRequest, Room, RoomState, RoomUser, WatchRoomResponse, room_change::Change,
        watch_room_response::Update,
    },
};

impl Shown for WatchedRoom {
    const MESSAGE: &'static str = "WatchRoomResponse";

    fn revision(message: &WatchRoomResponse) -> u64 {
        message.revision
    }

    fn lines(message: &WatchRoomResponse, copy: &RoomCopy) -> Vec<String> {
        let revision = message.revision;
        match &message.update {
            Some(Update::Snapshot(snapshot)) if snapshot.complete => {
                let reason = word(snapshot.reason().as_str_name(), "SNAPSHOT_REASON_");
                let admins = text::admins(copy.users().values());
                let room = copy.room();
                let room = room.map(|room| text::room_line(room, copy.user_count(), admins));
                let room = room.unwrap_or_default();
                let users = copy.users().values();
                let users = users
                    .map(|user| format!("{revision} {}", text::user_line("present", Some(user))));
                let room = format!("{revision} snapshot {room} ({reason})");
                std::iter::once(room).chain(users).collect()
            }
            Some(Update::Changes(changes)) => {
                let changes = changes.changes.iter();
                changes
                    .map(|change| format!("{revision} {}", text::change_line(change)))
                    .collect()
            }
            Some(Update::Snapshot(_) | Update::Progress(_)) | None => Vec::new(),
        }
    }

    fn notes(message: &WatchRoomResponse, now: Moment) -> Vec<Note> {
        match &message.update {
            Some(Update::Changes(changes)) => {
                let changes = changes.changes.iter();
                let changes = changes.filter_map(|change| change.change.as_ref());
                changes.map(|change| note(change, now)).collect()
            }
            Some(Update::Snapshot(snapshot)) if snapshot.complete => {
                let note = Note::of_snapshot(snapshot.reason(), now);
                note.into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn summary(copy: &RoomCopy, counts: Option<&Room>, now: Moment) -> Vec<Fact> {
        let Some(room) = copy.room() else {
            return Vec::new();
        };
        // Counts of another life say nothing of this one.
        let counts = counts.filter(|counts| counts.session_id == room.session_id);
        let counts = counts.unwrap_or(room);
        let missing = count(counts.missing_callbacks, "callback") + " missing";
        let colour = match counts.missing_callbacks {
            0 => Colour::Green,
            _ => Colour::Red,
        };
        let users = copy.user_count();
        let people = text::people(users, text::admins(copy.users().values()));
        let mut facts = vec![Fact::coloured(colour, missing), Fact::plain(people)];
        let reported = counts.reported_user_count;
        if reported != 0 && reported != users {
            let reported = format!("the vendor counts {reported}");
            facts.push(Fact::coloured(Colour::Yellow, reported));
        }
        facts.push(state(room, now));
        facts
    }

    fn names(copy: &RoomCopy) -> Vec<Fact> {
        let Some(room) = copy.room() else {
            return Vec::new();
        };
        let mut facts = Vec::new();
        if !room.name.is_empty() {
            facts.push(Fact::cut(clean(&room.name)));
        }
        if !room.session_id.is_empty() {
            let session = format!("session {}", clean(&room.session_id));
            facts.push(Fact::plain(session));
        }
        facts
    }

    fn count(copy: &RoomCopy) -> usize {
        copy.users().len()
    }

    fn rows(copy: &RoomCopy, max: usize, medium: Medium) -> Rows {
        let mut users: Vec<_> = copy.users().values().collect();
        // The map is by id already, and the sort is stable.
        users.sort_by_key(|user| login(user));
        users.truncate(max);
        Rows {
            lines: text::users_table(&users, medium),
            began: users.iter().map(|user| login(user)).collect(),
        }
    }

    fn refresh(mut client: Client, app: String, id: String) -> Refresh {
        let request = GetRoomUsersRequest {
            app,
            room_id: id,
            page_size: 1,
            ..Default::default()
        };
        Box::pin(async move {
            let answer = client.get_room_users(request).await.ok()?;
            answer.into_inner().room
        })
    }
}

fn state(room: &Room, now: Moment) -> Fact {
    let age = |time: &_| Moment::from(time).age(now);
    let state = match room.state() {
        RoomState::Open => match &room.open_time {
            Some(time) => format!("open for {}", age(time)),
            None => "open".into(),
        },
        RoomState::Closed => match &room.close_time {
            Some(time) => format!("closed {} ago", age(time)),
            None => "closed".into(),
        },
        RoomState::Unknown | RoomState::Unspecified => "no callback of it yet".into(),
    };
    let colour = match room.state() {
        RoomState::Closed => Some(Colour::Yellow),
        _ => None,
    };
    Fact {
        colour,
        ..Fact::plain(state)
    }
}

fn note(change: &Change, now: Moment) -> Note {
    let of_user = |verb, colour, user: &Option<RoomUser>| Note {
        at: user.as_ref().and_then(login).unwrap_or(now),
        verb,
        colour,
        about: id(user),
        detail: user.as_ref().map(facts).unwrap_or_default(),
    };
    let of_room = |verb, time: Option<Moment>, detail: String| Note {
        at: time.unwrap_or(now),
        verb,
        colour: Some(Colour::Yellow),
        about: "the room".into(),
        detail,
    };
    match change {
        Change::UserJoined(joined) => of_user("joined", Some(Colour::Green), &joined.user),
        Change::UserUpdated(updated) => of_user("updated", None, &updated.user),
        Change::UserLeft(left) => Note {
            at: left.leave_time.as_ref().map_or(now, Moment::from),
            detail: word(left.reason().as_str_name(), "LEAVE_REASON_"),
            ..of_user("left", Some(Colour::Yellow), &left.user)
        },
        Change::RoomOpened(opened) => {
            let room = opened.room.as_ref();
            let time = room.and_then(|room| room.open_time.as_ref());
            of_room("opened", time.map(Moment::from), String::new())
        }
        Change::RoomUpdated(_) => of_room("changed", None, String::new()),
        Change::RoomClosed(closed) => {
            let room = closed.room.as_ref();
            let time = room.and_then(|room| room.close_time.as_ref());
            let reason = word(closed.reason().as_str_name(), "CLOSE_REASON_");
            of_room("closed", time.map(Moment::from), reason)
        }
    }
}

fn id(user: &Option<RoomUser>) -> String {
    let user = user.as_ref();
    user.map(|user| clean(&user.user_id).into_owned())
        .unwrap_or_default()
}

/// What a line says of a user besides the id.
fn facts(user: &RoomUser) -> String {
    let facts = [
        text::role(user),
        clean(&user.platform).into_owned(),
        clean(&user.nickname).into_owned(),
    ];
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    facts.join(", ")
}

/// The order of users in the contract: by login time.
fn login(user: &RoomUser) -> Option<Moment> {
    user.login_time.as_ref().map(Moment::from)
}
