//! Subjects with their history survive being stored, and what is wrong with a
//! message is named.

mod room_users;
mod samples;

use proptest::prelude::*;

use crate::{
    domain::{AppName, RoomId, SHOWN_BYTES_MAX, UserId},
    reconcile::{Rules, room::Room},
    roster::Captured,
    stored::{self, record::Kind},
};

use super::{
    records,
    subjects::{room_from, room_records, user_from, user_record},
};

use self::samples::{life, room, room_changes, user, user_changes};

const REVISION: u64 = 100;

/// The record of a room that has few users.
fn room_record(app: &AppName, id: &RoomId, room: &Captured<Room>) -> stored::Room {
    let mut records = room_records(app, id, room, REVISION);
    match (records.next(), records.next()) {
        (Some(Kind::Room(record)), None) => record,
        other => panic!("{other:?}"),
    }
}

/// The records of the lives of a room that has few users.
fn lives(room: &Room) -> Vec<stored::Incarnation> {
    let (lives, further) = records::room::to_records(room);
    assert_eq!(further.count(), 0);
    lives
}

#[test]
fn nothing_of_a_room_is_lost() {
    let (app, id, captured) = room_from(room(), REVISION).unwrap();
    assert_eq!((app.as_str(), id.as_str()), ("arena", "r"));
    let changes = captured.recent.entries[0].changes.as_ref().unwrap();
    assert_eq!(*changes, room_changes());
    let stored = room_record(&AppName::from("arena"), &id, &captured);
    assert_eq!(stored, room());
}

#[test]
fn nothing_of_a_user_is_lost() {
    let (app, id, captured) = user_from(user(), REVISION).unwrap();
    let changes = captured.recent.entries[0].changes.as_ref().unwrap();
    assert_eq!(*changes, user_changes());
    let stored = user_record(&app, &id, &captured, REVISION);
    assert_eq!(stored, user());
    assert_eq!(id, UserId::from("ann"));
}

#[test]
fn texts_that_an_earlier_version_stored_are_cut_as_those_of_entries_are() {
    let longer = "x".repeat(SHOWN_BYTES_MAX + 1);
    let mut stored = room();
    let life = &mut stored.incarnations[1];
    life.name.as_mut().unwrap().name = longer.clone();
    let login = life.users[0].sessions[0].login.as_mut().unwrap();
    let profile = login.profile.as_mut().unwrap();
    (profile.nickname, profile.platform, profile.custom_data) =
        (longer.clone(), longer.clone(), longer.clone());
    let (app, id, captured) = room_from(stored, REVISION).unwrap();
    let again = room_record(&app, &id, &captured);
    let life = &again.incarnations[1];
    let profile = life.users[0].sessions[0].login.as_ref().unwrap();
    let profile = profile.profile.as_ref().unwrap();
    let name = &life.name.as_ref().unwrap().name;
    for text in [
        name,
        &profile.nickname,
        &profile.platform,
        &profile.custom_data,
    ] {
        assert_eq!(*text, longer[..SHOWN_BYTES_MAX]);
    }
}

fn wrong_room(damage: impl FnOnce(&mut stored::Room)) -> &'static str {
    let mut room = room();
    damage(&mut room);
    room_from(room, REVISION).unwrap_err().field
}

fn wrong_life(damage: impl FnOnce(&mut stored::Incarnation)) -> &'static str {
    wrong_room(|room| damage(&mut room.incarnations[1]))
}

fn wrong_session(damage: impl FnOnce(&mut stored::Session)) -> &'static str {
    wrong_life(|life| damage(&mut life.users[0].sessions[0]))
}

fn wrong_seqs(runs: &[(u64, u64)], seen: u64) -> &'static str {
    let runs = runs
        .iter()
        .map(|&(first, last)| stored::Run { first, last });
    let runs = runs.collect();
    wrong_life(|life| life.seqs = Some(stored::Seqs { runs, seen }))
}

#[test]
fn what_is_wrong_with_a_room_is_named() {
    assert_eq!(wrong_room(|room| room.app.clear()), "app");
    assert_eq!(
        wrong_room(|it| it.incarnations.clear()),
        "Room.incarnations"
    );
    assert_eq!(wrong_room(|room| room.history = None), "Room.history");
    let twice = |room: &mut stored::Room| room.incarnations.push(life("9"));
    assert_eq!(wrong_room(twice), "Incarnation.incarnation_id");
    assert_eq!(wrong_life(|life| life.seqs = None), "Incarnation.seqs");
    let field = wrong_life(|life| life.evidence_at = 0);
    assert_eq!(field, "Incarnation.evidence_at");
    let of_a_closed_life = |room: &mut stored::Room| {
        room.incarnations[0].closed = Some(stored::Close { at: 1, reason: 1 })
    };
    assert_eq!(wrong_room(of_a_closed_life), "Incarnation.users");
    let reason =
        |life: &mut stored::Incarnation| life.closed = Some(stored::Close { at: 1, reason: 7 });
    assert_eq!(wrong_life(reason), "Close.reason");
    let again = |life: &mut stored::Incarnation| life.users[1] = life.users[0].clone();
    assert_eq!(wrong_life(again), "Sessions.user_id");
    let none = |life: &mut stored::Incarnation| life.users[0].sessions.clear();
    assert_eq!(wrong_life(none), "Sessions.sessions");
}

#[test]
fn what_is_wrong_with_a_session_is_named() {
    let zero = |session: &mut stored::Session| session.session_id = "0".into();
    assert_eq!(
        wrong_session(zero),
        "Session.session_id",
        "is the empty one"
    );
    let field = wrong_session(|session| session.evidence_at = 0);
    assert_eq!(field, "Session.evidence_at");
    let reason = |session: &mut stored::Session| session.ended.as_mut().unwrap().reason = 0;
    assert_eq!(wrong_session(reason), "Ended.reason");
    let profile = |session: &mut stored::Session| session.login.as_mut().unwrap().profile = None;
    assert_eq!(wrong_session(profile), "Login.profile");
    let role = |session: &mut stored::Session| {
        let login = session.login.as_mut().unwrap();
        login.profile.as_mut().unwrap().role = 0;
    };
    assert_eq!(wrong_session(role), "Profile.role");
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    for runs in [
        &[(0, 1)][..],
        &[(2, 1)],
        &[(1, 2), (3, 4)],
        &[(1, 2), (2, 4)],
        &[(5, 6), (1, 2)],
        &[(1, u64::MAX), (1, 1)],
    ] {
        assert_eq!(wrong_seqs(runs, 0), "Seqs.runs", "{runs:?}");
    }
    let many: Vec<_> = (1..2_000).map(|n| (2 * n, 2 * n)).collect();
    assert_eq!(wrong_seqs(&many, 0), "Seqs.runs");
    assert_eq!(wrong_seqs(&[(1, 2), (4, 5)], 5), "Seqs.seen");
    assert_eq!(wrong_seqs(&[], 1), "Seqs.seen");
}

fn wrong_update(damage: impl FnOnce(&mut stored::RoomHistory)) -> &'static str {
    wrong_room(|room| damage(room.history.as_mut().unwrap()))
}

fn wrong_change(kind: Option<stored::room_change::Kind>) -> &'static str {
    wrong_update(|history| history.updates[0].changes[0].kind = kind)
}

#[test]
fn what_is_wrong_with_a_history_is_named() {
    assert_eq!(wrong_update(|it| it.floor = 101), "History.floor");
    assert_eq!(wrong_update(|it| it.revision = 101), "History.revision");
    assert_eq!(wrong_update(|it| it.floor = 3), "Update.revision");
    assert_eq!(wrong_update(|it| it.revision = 4), "Update.revision");
    assert_eq!(wrong_update(|it| it.updates.reverse()), "Update.revision");
    assert_eq!(wrong_update(|it| it.updates[0].at = 0), "Update.at");
    let field = wrong_update(|it| it.updates[0].changes.clear());
    assert_eq!(field, "Update.changes");
    let field = wrong_update(|it| it.updates[0].is_oversized = true);
    assert_eq!(field, "Update.changes");

    use stored::room_change::Kind;
    assert_eq!(wrong_change(None), "RoomChange.kind");
    let none = stored::Member::default();
    assert_eq!(wrong_change(Some(Kind::UserJoined(none))), "Member.login");
    let none = stored::MemberLeft::default();
    assert_eq!(
        wrong_change(Some(Kind::UserLeft(none))),
        "MemberLeft.member"
    );
    let none = stored::Summary::default();
    assert_eq!(wrong_change(Some(Kind::RoomOpened(none))), "Summary.state");
    let none = stored::RoomClosed::default();
    assert_eq!(
        wrong_change(Some(Kind::RoomClosed(none))),
        "RoomClosed.room"
    );
}

fn wrong_user(damage: impl FnOnce(&mut stored::User)) -> &'static str {
    let mut user = user();
    damage(&mut user);
    user_from(user, REVISION).unwrap_err().field
}

#[test]
fn what_is_wrong_with_a_user_is_named() {
    assert_eq!(wrong_user(|user| user.app.clear()), "app");
    assert_eq!(wrong_user(|user| user.history = None), "User.history");
    let again = |user: &mut stored::User| user.sessions[1] = user.sessions[0].clone();
    assert_eq!(wrong_user(again), "Session.session_id");
    let change = |user: &mut stored::User, kind| {
        user.history.as_mut().unwrap().updates[0].changes[0].kind = kind;
    };
    assert_eq!(wrong_user(|user| change(user, None)), "UserChange.kind");
    let left = stored::user_change::Kind::RoomLeft(stored::RoomLeft::default());
    let field = wrong_user(|user| change(user, Some(left)));
    assert_eq!(field, "RoomLeft.reason");
}

proptest! {
    /// A record with arbitrary fields is refused, or is the same after it was read and written.
    #[test]
    fn arbitrary_lives_are_refused_or_kept(
        times in prop::array::uniform10(prop_oneof![Just(0), 1..20_u64, Just(u64::MAX)]),
        runs in prop::collection::vec((0..9_u64, 0..9_u64), 0..4),
        seen in 0..9_u64,
        reason in 0..9_i32,
        is_only: bool,
    ) {
        let mut stored = life(if is_only { "" } else { "1" });
        [stored.opened_at, stored.closed_before, stored.alive_at, stored.first_login_at,
            stored.last_logout_at, stored.last_event_at, stored.evidence_at, ..] = times;
        let seqs = stored.seqs.as_mut().unwrap();
        seqs.runs = runs.into_iter().map(|(first, last)| stored::Run { first, last }).collect();
        seqs.seen = seen;
        if let Some(closed) = &mut stored.closed {
            closed.reason = reason;
        }
        let session = &mut stored.users[0].sessions[0];
        session.login_known_at = times[7];
        session.evidence_at = times[8];
        session.ended.as_mut().unwrap().through = times[9];
        let Ok(mut room) = records::room::from_records(vec![stored.clone()]) else {
            return Ok(());
        };
        prop_assert_eq!(lives(&room), vec![stored.clone()]);
        room.derive(&Rules::default());
        prop_assert_eq!(lives(&room), vec![stored]);
    }
}
