//! A user, and what changes of them, as people read it.

use std::borrow::Cow;

use super::{
    table::{Column, table},
    text::{Medium, age, cells, clean, count, time, word},
};
use crate::pb::{self, user_change::Change};

/// Where a user is: online on a device, or in a room.
pub(super) enum Place<'a> {
    Device(&'a pb::Device),
    Room(&'a pb::UserRoom),
}

/// A user on one line.
pub(super) fn user_line(user: &pb::User) -> String {
    let mut line = format!("user {}", clean(&user.user_id));
    if !user.name.is_empty() {
        line += &format!(" ({})", clean(&user.name));
    }
    format!("{line}: {}", summary(user.devices.len(), user.rooms.len()))
}

/// How many devices of a user are online, and how many rooms the user is in.
pub(super) fn summary(devices: usize, rooms: usize) -> String {
    let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let online = match devices {
        0 => "offline".to_owned(),
        _ => format!("online on {}", count(number(devices), "device")),
    };
    format!("{online}, in {}", count(number(rooms), "room"))
}

/// The devices and the rooms of a user, as a table.
pub(super) fn places_table(user: &pb::User, medium: Medium) -> Vec<String> {
    let devices = user.devices.iter().map(Place::Device);
    let rooms = user.rooms.iter().map(Place::Room);
    let places: Vec<_> = rooms.chain(devices).collect();
    let id = Column::whole("PLACE", cells(&places, |place| clean(place.id())));
    let kind = Column::whole("KIND", cells(&places, |place| place.kind().into()));
    let platform = cells(&places, |place| clean(place.platform()));
    let platform = Column::text("PLATFORM", platform);
    match medium {
        Medium::Pipe => {
            let login = cells(&places, |place| time(place.login_time()).into());
            let login = Column::whole("LOGIN TIME", login);
            table(vec![id, kind, login, platform], None)
        }
        Medium::Terminal { width, now } => {
            let since = cells(&places, |place| age(place.login_time(), now));
            let since = Column::number("FOR", since);
            table(vec![id, since, kind, platform], Some(width))
        }
    }
}

/// A change on one line.
pub(super) fn change_line(change: &pb::UserChange) -> String {
    let Some(change) = &change.change else {
        return "a change of a kind that this version does not know".into();
    };
    let (verb, about) = (verb(change), about(change));
    let (reason, at) = (reason(change), changed_at(change));
    let mut line = format!("{verb:<8} {about}");
    if let Some(reason) = reason {
        line += &format!(": {reason}");
    }
    match time(at) {
        at if at.is_empty() => line,
        at => format!("{line}, {at}"),
    }
}

/// What happened, in one word.
pub(super) fn verb(change: &Change) -> &'static str {
    match change {
        Change::DeviceOnline(_) => "online",
        Change::DeviceOffline(_) => "offline",
        Change::RoomEntered(_) => "joined",
        Change::RoomLeft(_) => "left",
        Change::UserUpdated(_) => "updated",
    }
}

/// The room or the device that a change is about, or the new name.
pub(super) fn about(change: &Change) -> String {
    let device = |device: &Option<pb::Device>| {
        let device = device.as_ref();
        device.map(|device| match &*device.platform {
            "" => clean(&device.session_id).into_owned(),
            platform => format!("{} ({})", clean(&device.session_id), clean(platform)),
        })
    };
    let room = |room: &Option<pb::UserRoom>| {
        let room = room.as_ref();
        room.map(|room| clean(&room.room_id).into_owned())
    };
    let about = match change {
        Change::DeviceOnline(online) => device(&online.device),
        Change::DeviceOffline(offline) => device(&offline.device),
        Change::RoomEntered(entered) => room(&entered.room),
        Change::RoomLeft(left) => room(&left.room),
        Change::UserUpdated(renamed) => {
            let user = renamed.user.as_ref();
            user.map(|user| format!("name {}", clean(&user.name)))
        }
    };
    about.unwrap_or_default()
}

/// Why a device went offline or a room was left.
pub(super) fn reason(change: &Change) -> Option<String> {
    let reason = match change {
        Change::DeviceOffline(offline) => offline.reason(),
        Change::RoomLeft(left) => left.reason(),
        _ => return None,
    };
    Some(word(reason.as_str_name(), "LEAVE_REASON_"))
}

/// When it happened, by the vendor's clock.
pub(super) fn changed_at(change: &Change) -> Option<&prost_types::Timestamp> {
    match change {
        Change::DeviceOnline(online) => online.device.as_ref()?.login_time.as_ref(),
        Change::DeviceOffline(offline) => offline.offline_time.as_ref(),
        Change::RoomEntered(entered) => entered.room.as_ref()?.login_time.as_ref(),
        Change::RoomLeft(left) => left.leave_time.as_ref(),
        Change::UserUpdated(_) => None,
    }
}

// === impl Place ===

impl Place<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Device(device) => &device.session_id,
            Self::Room(room) => &room.room_id,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Device(_) => "device",
            Self::Room(_) => "room",
        }
    }

    fn platform(&self) -> &str {
        match self {
            Self::Device(device) => &device.platform,
            Self::Room(_) => "",
        }
    }

    fn login_time(&self) -> Option<&prost_types::Timestamp> {
        match self {
            Self::Device(device) => device.login_time.as_ref(),
            Self::Room(room) => room.login_time.as_ref(),
        }
    }
}

/// A user on one line, after what a snapshot says of them.
pub(super) fn present_line(place: &Place<'_>) -> String {
    let mut line = format!("present  {} {}", place.kind(), clean(place.id()));
    let facts: [Cow<'_, str>; 2] = [clean(place.platform()), time(place.login_time()).into()];
    for fact in facts.iter().filter(|fact| !fact.is_empty()) {
        line += &format!(", {fact}");
    }
    line
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;
    use crate::cli::age::Moment;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    fn mk_device() -> pb::Device {
        pb::Device {
            session_id: "7".into(),
            platform: "WEB".into(),
            login_time: at(60),
        }
    }

    fn mk_room() -> pb::UserRoom {
        pb::UserRoom {
            room_id: "lobby".into(),
            login_time: at(61),
        }
    }

    #[test]
    fn a_user_has_a_line_and_a_table_of_rooms_and_devices() {
        let user = pb::User {
            user_id: "ann".into(),
            name: "Ann\x07".into(),
            online: true,
            devices: vec![mk_device()],
            rooms: vec![mk_room()],
        };
        assert_eq!(
            user_line(&user),
            "user ann (Ann\\u{7}): online on 1 device, in 1 room"
        );
        let terminal = Medium::Terminal {
            width: 80,
            now: Moment(121_000),
        };
        assert_eq!(
            places_table(&user, terminal),
            [
                "PLACE  FOR  KIND    PLATFORM",
                "lobby   1m  room",
                "7       1m  device  WEB",
            ]
        );
        assert_eq!(
            places_table(&user, Medium::Pipe)[2],
            "7      device  1970-01-01T00:01:00Z  WEB"
        );
        assert_eq!(summary(0, 2), "offline, in 2 rooms");
    }

    #[test]
    fn every_change_has_a_line() {
        let (device, room) = (Some(mk_device()), Some(mk_room()));
        let changes = [
            Change::DeviceOnline(pb::DeviceOnline {
                device: device.clone(),
            }),
            Change::DeviceOffline(pb::DeviceOffline {
                device,
                reason: pb::LeaveReason::Timeout.into(),
                offline_time: at(62),
            }),
            Change::RoomEntered(pb::RoomEntered { room: room.clone() }),
            Change::RoomLeft(pb::RoomLeft {
                room,
                reason: pb::LeaveReason::Logout.into(),
                leave_time: None,
            }),
            Change::UserUpdated(pb::UserRenamed {
                user: Some(pb::User {
                    name: "Anna".into(),
                    ..Default::default()
                }),
            }),
        ];
        let lines = changes.map(|change| {
            change_line(&pb::UserChange {
                change: Some(change),
            })
        });
        assert_eq!(
            lines,
            [
                "online   7 (WEB), 1970-01-01T00:01:00Z",
                "offline  7 (WEB): timeout, 1970-01-01T00:01:02Z",
                "joined   lobby, 1970-01-01T00:01:01Z",
                "left     lobby: logout",
                "updated  name Anna",
            ]
        );
    }
}
