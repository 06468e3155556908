use std::{sync::Arc, time::Duration};

use tokio_test::block_on;

use crate::{
    domain::{Decoded, Login, Logins, ProductName, Profile, RoomEvent, RoomEventKind, Time},
    grpc::{Presence, PresenceService as _, request_from_within},
    journal::{Callback, Entry, Epoch, Follower as _, Payload},
    net::Readiness,
    pb::GetUserRequest,
    reconcile::Rules,
    roster::Limits,
};

use super::*;

const ROOMS: usize = 2 * LIGHT_ROOMS_MAX;

/// A user in many rooms, of whom so many bytes of answers may be unread.
fn presence(answer_bytes_max: usize) -> (Presence, GrpcMetrics) {
    let apps = [("arena".into(), Logins::Exclusive)];
    let (roster, mut applier) = Roster::new(Epoch(1), apps, Rules::default(), Limits::default());
    let at = Time::from_millis(1_700_000_000_000).unwrap();
    for number in 0..ROOMS {
        let login = RoomEventKind::Login(Login {
            user: "ann".into(),
            session: "1".into(),
            at: Some(at),
            profile: Profile::default(),
            room_name: None,
            seq: None,
        });
        let event = RoomEvent {
            room: format!("{number:03}{}", "r".repeat(200)).as_str().into(),
            incarnation: "1".into(),
            kind: login,
        };
        let payload = Payload::Callback(Callback {
            app: "arena".into(),
            product: ProductName::new("zego_room"),
            query: "".into(),
            body: Bytes::new(),
            decoded: Arc::new(Decoded::Room(vec![event])),
        });
        let entry = Entry {
            received_at: at,
            payload,
        };
        applier.apply(1 + number as u64, &entry);
    }
    let metrics = GrpcMetrics::default();
    let second = Duration::from_secs(1);
    let presence = Presence::new(roster, Readiness::new(true), second, 1, metrics.clone());
    (presence.with_answer_bytes(answer_bytes_max), metrics)
}

/// The rooms of all pages, and how many bytes each page took.
fn pages(presence: &Presence) -> (Vec<String>, Vec<usize>) {
    let (mut rooms, mut bytes, mut page_token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let request = request_from_within(GetUserRequest {
            user_id: "ann".to_owned(),
            page_token,
            ..GetUserRequest::default()
        });
        let answer = block_on(presence.get_user(request)).unwrap().into_inner();
        let answer = answer.into_message().unwrap();
        bytes.push(prost::Message::encoded_len(&answer));
        let listed = answer.user.unwrap().rooms.into_iter();
        rooms.extend(listed.map(|room| room.room_id));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return (rooms, bytes);
        }
    }
}

#[test]
fn pages_are_short_when_too_much_is_not_read_and_list_every_room_once() {
    let (presence, metrics) = presence(1 << 20);
    let (all, bytes) = pages(&presence);
    assert_eq!((all.len(), bytes.len()), (ROOMS, 1));
    assert_eq!(metrics.answers_shortened.get(), 0);

    let (presence, metrics) = self::presence(0);
    let (rooms, bytes) = pages(&presence);
    assert_eq!(rooms, all);
    assert!(
        bytes.iter().all(|&bytes| bytes <= 2 * SHORT_BYTES),
        "{bytes:?}"
    );
    assert!(metrics.answers_shortened.get() > 0);
}
