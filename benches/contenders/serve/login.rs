//! A login as the webhook front hands it to the journal.

use std::sync::Arc;

use bytes::Bytes;
use headcount::{
    domain::{
        AppName, Decoded, Login, Logins, ProductName, Profile, Role, RoomEvent, RoomEventKind, Time,
    },
    journal::{Callback, Entry, Payload},
    reconcile::Rules,
    roster::{Applier, Limits, Roster},
};

use crate::load::callback::{APP, custom_data_bytes, now_millis, room_id, user_id};

pub(super) fn now() -> Time {
    Time::from_millis(now_millis() as u64).unwrap_or(Time::MIN)
}

/// A roster as the service makes it by default.
pub(super) fn roster(journal: &dyn headcount::journal::Journal) -> (Arc<Roster>, Applier) {
    let app = (AppName::from(APP), Logins::Concurrent);
    Roster::new(journal.epoch(), [app], Rules::default(), Limits::default())
}

/// The entry of a login, with the fields of one that a template writes. Its `body`
/// is for a journal that decodes it again.
pub(super) fn entry(
    app: &AppName,
    (room, user): (usize, usize),
    number: usize,
    (at, body): (Time, Bytes),
) -> Entry {
    let login = Login {
        user: (&*user_id(user)).into(),
        session: (&*format!("1{user:018}")).into(),
        at: Some(at),
        profile: Profile {
            nickname: "Player One".into(),
            role: Role::Audience,
            platform: "IOS".into(),
            custom_data: "x".repeat(custom_data_bytes()).into(),
        },
        room_name: None,
        seq: Some(number as u64),
    };
    let event = RoomEvent {
        room: (&*room_id(room)).into(),
        incarnation: "7210000000000000001".into(),
        kind: RoomEventKind::Login(login),
    };
    Entry {
        received_at: at,
        payload: Payload::Callback(Callback {
            app: app.clone(),
            product: ProductName::new("zego_room"),
            query: "".into(),
            body,
            decoded: Arc::new(Decoded::Room(vec![event])),
        }),
    }
}
