//! A room of any size is stored in records of a limited length, and read from them.

use std::convert::Infallible;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

use super::{
    REVISION,
    samples::{life, room, session},
};
use crate::{
    checkpoint::{
        read,
        records::room_users::BYTES_MAX,
        subjects::{room_from, room_records},
    },
    domain::AppName,
    journal::Epoch,
    stored::{self, record::Kind},
};

fn encoded(kind: Kind) -> Bytes {
    stored::Record { kind: Some(kind) }.encode_to_vec().into()
}

/// What a checkpoint with these records says of its only room: the records that it gives again.
fn read_again(kinds: &[Kind]) -> Result<Vec<Kind>, String> {
    let header = stored::Header {
        epoch: 7,
        revision: REVISION,
        journal_time: 1,
        received_at: 1,
        ..Default::default()
    };
    let end = stored::End {
        rooms: 1,
        users: 0,
        floors: vec![stored::Floors {
            app: "arena".into(),
            rooms: 0,
            users: 0,
        }],
    };
    let all = [&[Kind::Header(header)], kinds, &[Kind::End(end)]].concat();
    let records = all
        .into_iter()
        .map(|kind| Ok::<_, Infallible>(encoded(kind)));
    let image = read(Epoch(7), records).map_err(|error| error.to_string())?;
    let app = AppName::from("arena");
    let (id, room) = image.apps[&app].rooms.iter().next().unwrap();
    Ok(room_records(&app, id, room, REVISION).collect())
}

/// The records of a room with lives of so many users, each with a text of so many bytes.
fn records(users: &[usize], text: usize) -> Vec<Kind> {
    let lives = users.iter().zip(1..).map(|(&count, number)| {
        let user = |n: usize| {
            let mut session = session("1");
            let login = session.login.as_mut().unwrap();
            login.profile.as_mut().unwrap().custom_data = "x".repeat(text);
            stored::Sessions {
                user_id: format!("{n:05}"),
                sessions: vec![session],
            }
        };
        stored::Incarnation {
            users: (0..count).map(user).collect(),
            ..life(&number.to_string())
        }
    });
    let stored = stored::Room {
        incarnations: lives.collect(),
        ..room()
    };
    let (app, id, captured) = room_from(stored, REVISION).unwrap();
    room_records(&app, &id, &captured, REVISION).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_record_is_long_and_no_user_is_lost(
        users in prop::collection::vec(0..700_usize, 1..4),
        text in 0..2_000_usize,
    ) {
        let records = records(&users, text);
        // Beside users, the room's own texts; and the last user that found a place.
        let bytes_max = BYTES_MAX + 4 * 1024 + text;
        let too_long = records.iter().map(|kind| encoded(kind.clone()).len());
        let too_long: Vec<_> = too_long.filter(|bytes| *bytes > bytes_max).collect();
        prop_assert!(too_long.is_empty(), "{:?}", too_long);
        let count: usize = records
            .iter()
            .map(|kind| match kind {
                Kind::Room(room) => room.incarnations.iter().map(|life| life.users.len()).sum(),
                Kind::RoomUsers(further) => further.users.len(),
                _ => 0,
            })
            .sum();
        prop_assert_eq!(count, users.iter().sum::<usize>());
        prop_assert_eq!(read_again(&records).unwrap(), records);
    }
}

#[test]
fn what_is_wrong_with_further_users_is_named() {
    let good = records(&[1_500], 1_000);
    let [first @ Kind::Room(_), further @ Kind::RoomUsers(_), ..] = &good[..] else {
        panic!("{} records", good.len());
    };
    let problem = |kinds: &[&Kind]| {
        let kinds: Vec<Kind> = kinds.iter().map(|kind| (*kind).clone()).collect();
        read_again(&kinds).unwrap_err()
    };
    assert!(problem(&[further, first]).contains("Room before RoomUsers"));
    assert!(problem(&[first, further, further]).contains("Sessions.user_id is there twice"));
    let user = Kind::User(super::user());
    assert!(problem(&[first, &user, further]).contains("Room before RoomUsers"));
    let mut other = further.clone();
    if let Kind::RoomUsers(users) = &mut other {
        users.incarnation_id = "2".into();
    }
    assert!(problem(&[first, &other]).contains("RoomUsers.incarnation_id"));
    let mut closed = first.clone();
    if let Kind::Room(room) = &mut closed {
        let life = &mut room.incarnations[0];
        life.users.clear();
        life.closed = Some(stored::Close { at: 1, reason: 1 });
    }
    assert!(problem(&[&closed, further]).contains("Incarnation.users"));
}
