//! How a watched user is shown.

use headcount_client::{Client, UserCopy, WatchedUser};

use super::shown::{Fact, Note, Refresh, Rows, Shown};
use crate::{
    cli::{
        age::Moment,
        paint::Colour,
        text::{Medium, clean, word},
        user_text::{self, Place},
    },
    pb::{Room, WatchUserResponse, user_change::Change, watch_user_response::Update},
};

impl Shown for WatchedUser {
    const MESSAGE: &'static str = "WatchUserResponse";

    fn revision(message: &WatchUserResponse) -> u64 {
        message.revision
    }

    fn lines(message: &WatchUserResponse, copy: &UserCopy) -> Vec<String> {
        let revision = message.revision;
        match &message.update {
            Some(Update::Snapshot(snapshot)) => {
                let reason = word(snapshot.reason().as_str_name(), "SNAPSHOT_REASON_");
                let user = user_text::user_line(&copy.user());
                let user = format!("{revision} snapshot {user} ({reason})");
                let rooms = copy.rooms().values().map(Place::Room);
                let places = rooms.chain(copy.devices().values().map(Place::Device));
                let places =
                    places.map(|place| format!("{revision} {}", user_text::present_line(&place)));
                std::iter::once(user).chain(places).collect()
            }
            Some(Update::Changes(changes)) => {
                let changes = changes.changes.iter();
                changes
                    .map(|change| format!("{revision} {}", user_text::change_line(change)))
                    .collect()
            }
            Some(Update::Progress(_)) | None => Vec::new(),
        }
    }

    fn notes(message: &WatchUserResponse, now: Moment) -> Vec<Note> {
        match &message.update {
            Some(Update::Changes(changes)) => {
                let changes = changes.changes.iter();
                let changes = changes.filter_map(|change| change.change.as_ref());
                changes.map(|change| note(change, now)).collect()
            }
            Some(Update::Snapshot(snapshot)) => {
                let note = Note::of_snapshot(snapshot.reason(), now);
                note.into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn summary(copy: &UserCopy, _: Option<&Room>, _: Moment) -> Vec<Fact> {
        if !copy.is_complete() {
            return Vec::new();
        }
        let (devices, rooms) = (copy.devices().len(), copy.rooms().len());
        let summary = user_text::summary(devices, rooms);
        vec![match devices {
            0 => Fact::plain(summary),
            _ => Fact::coloured(Colour::Green, summary),
        }]
    }

    fn names(copy: &UserCopy) -> Vec<Fact> {
        match copy.name() {
            "" => Vec::new(),
            name => vec![Fact::cut(clean(name))],
        }
    }

    fn count(copy: &UserCopy) -> usize {
        copy.devices().len() + copy.rooms().len()
    }

    fn rows(copy: &UserCopy, max: usize, medium: Medium) -> Rows {
        let mut user = copy.user();
        user.rooms.truncate(max);
        user.devices.truncate(max - user.rooms.len());
        let rooms = user.rooms.iter().map(|room| &room.login_time);
        let times = rooms.chain(user.devices.iter().map(|device| &device.login_time));
        Rows {
            lines: user_text::places_table(&user, medium),
            began: times.map(|time| time.as_ref().map(Moment::from)).collect(),
        }
    }

    /// A user has no counts.
    fn refresh(_: Client, _: String, _: String) -> Refresh {
        Box::pin(std::future::ready(None))
    }
}

fn note(change: &Change, now: Moment) -> Note {
    let colour = match change {
        Change::DeviceOnline(_) | Change::RoomEntered(_) => Some(Colour::Green),
        Change::DeviceOffline(_) | Change::RoomLeft(_) => Some(Colour::Yellow),
        Change::UserUpdated(_) => None,
    };
    Note {
        at: user_text::changed_at(change).map_or(now, Moment::from),
        verb: user_text::verb(change),
        colour,
        about: user_text::about(change),
        detail: user_text::reason(change).unwrap_or_default(),
    }
}
