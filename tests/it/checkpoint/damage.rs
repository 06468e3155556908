//! What is not a whole checkpoint of this journal is refused, and nothing that is
//! read, however damaged, makes anything panic.

use bytes::Bytes;
use headcount::{
    checkpoint,
    domain::{Decoded, Logins, RoomEvent, Time},
    journal::{Entry, Epoch},
    reconcile::room::RoomState,
    roster::Limits,
};
use proptest::{prelude::*, sample::Index};

use super::replica::{EPOCH, Replica, read};
use crate::common::{
    in_process::{APP, callback, device, life, tick},
    properties::cases,
};
use crate::reconcile::model::events::{at, time};

fn rooms(app: &str, millis: i64, events: Vec<RoomEvent>) -> Entry {
    callback(app, at(millis), Decoded::Room(events))
}

fn online(user: &str, millis: i64) -> Entry {
    let login = device(user, "1").login_as("Ann", at(millis));
    callback(APP, at(millis), Decoded::User(vec![login]))
}

/// Of two apps: rooms with users, and one who is online.
fn records() -> Vec<Bytes> {
    let mut replica = Replica::of(&[APP, "other"], &Limits::default(), Logins::Concurrent);
    let (one, other) = (life("r", "1"), life("r", "2"));
    let logins = ["ann", "bob", "cid"].map(|user| one.login(user, at(0)));
    replica.apply(1, &rooms(APP, 0, logins.into()));
    let end = vec![one.logout("bob", at(1)), other.logout("ann", at(1))];
    replica.apply(2, &rooms(APP, 1, end));
    replica.apply(3, &online("ann", 2));
    replica.apply(4, &rooms("other", 3, vec![one.login("dan", at(3))]));
    replica.checkpoint().records
}

#[test]
fn no_record_can_be_left_out_or_come_twice() {
    let records = records();
    assert!(read(&records).is_ok());
    for at in 0..records.len() {
        let mut fewer = records.clone();
        let record = fewer.remove(at);
        assert!(read(&fewer).is_err(), "without {at}");
        let mut more = records.clone();
        more.insert(at, record);
        assert!(read(&more).is_err(), "twice {at}");
        assert!(matches!(
            read(&records[..at]),
            Err(checkpoint::ReadError::Truncated)
        ));
    }
}

#[test]
fn no_record_can_be_cut_or_come_after_the_end() {
    let records = records();
    for at in 0..records.len() {
        for length in 0..records[at].len() {
            let mut cut = records.clone();
            cut[at].truncate(length);
            assert!(read(&cut).is_err(), "{length} bytes of {at}");
        }
    }
    let longer = [&records[..], &records[1..2]].concat();
    assert!(read(&longer).is_err());
}

#[test]
fn a_checkpoint_of_another_journal_is_refused() {
    let all = || records().into_iter().map(Ok::<_, std::io::Error>);
    let refused = checkpoint::read(Epoch(8), all());
    assert!(matches!(refused, Err(checkpoint::ReadError::Epoch(EPOCH))));
    let failing = all()
        .take(2)
        .chain([Err(std::io::Error::other("bad disk"))]);
    let refused = checkpoint::read(EPOCH, failing);
    assert!(matches!(refused, Err(checkpoint::ReadError::Read(_))));
}

#[test]
fn what_is_of_an_app_that_is_gone_is_left_out() {
    let mut replica = Replica::restored(&records(), &Limits::default(), Logins::Concurrent);
    assert_eq!(replica.roster.room_count(), 1);
    assert_eq!(replica.room("r").members.len(), 2);
    assert_eq!(replica.user("ann").devices.len(), 1);
    let open = replica.roster.open_rooms(&APP.into(), "", None).count();
    assert_eq!((replica.roster.applied(), open), (4, 1));
    replica.apply(5, &rooms(APP, 9, vec![life("r", "1").closed(at(9))]));
    assert_eq!(replica.room("r").summary.state, RoomState::Closed);
}

#[test]
fn nothing_is_a_checkpoint_too() {
    let replica = Replica::new(&Limits::default(), Logins::Concurrent);
    let records = replica.checkpoint().records;
    assert_eq!(records.len(), 2);
    let restored = Replica::restored(&records, &Limits::default(), Logins::Concurrent);
    assert_eq!(restored.roster.room_count(), 0);
}

/// If it can be read, it can be used.
fn use_if_any(records: &[Bytes]) {
    let Ok(image) = read(records) else {
        return;
    };
    let mut replica = Replica::new(&Limits::default(), Logins::Exclusive);
    replica.applier.install(image);
    let revision = replica.roster.applied();
    let users = ["ann", "bob", "dan"].map(|user| life("r", "1").logout(user, at(5)));
    let entries = [
        rooms(APP, 5, users.into()),
        online("ann", 6),
        rooms(APP, 7, vec![life("r", "1").closed(at(7))]),
        tick(at(3_600_000)),
        tick(time(u64::MAX)),
        tick(time(u64::MAX)),
    ];
    // The journal goes on after the checkpoint, whose revision a change may have.
    for (entry, next) in entries.iter().zip(1..) {
        let Some(next) = revision.checked_add(next) else {
            return;
        };
        replica.apply(next, entry);
    }
    replica.roster.trim_history(Time::MIN);
}

#[test]
fn what_changed_at_the_revision_of_a_checkpoint_goes_on_after_it() {
    let mut replica = Replica::new(&Limits::default(), Logins::Concurrent);
    replica.apply(1, &rooms(APP, 0, vec![life("r", "1").login("ann", at(0))]));
    use_if_any(&replica.checkpoint().records);
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn damaged_records_do_not_panic(
        flips in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut records = records();
        for (record, byte, value) in flips {
            let record = record.get_mut(&mut records);
            let mut bytes = record.to_vec();
            *byte.get_mut(&mut bytes) = value;
            *record = bytes.into();
        }
        use_if_any(&records);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        place in any::<Index>(),
    ) {
        let mut records = records();
        *place.get_mut(&mut records) = bytes.into();
        use_if_any(&records);
    }
}
