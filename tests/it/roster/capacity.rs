//! What callbacks may add to, and what is taken all the same.

use headcount::{
    domain::{Decoded, Profile, RoomEvent, RoomEventKind, Time, UserEvent},
    journal::Entry,
    reconcile::Rules,
    roster::{CapacityLimits, Limit, Limits},
};
use proptest::prelude::*;

use crate::{
    checkpoint::{journal, replica::Replica},
    common::{
        in_process::{APP, World, callback, device, life, room},
        properties::{any_logins, cases},
    },
};

const NONE: CapacityLimits = CapacityLimits {
    users_max: usize::MAX,
    rooms_max: usize::MAX,
    sessions_per_user_max: usize::MAX,
    lives_per_room_max: usize::MAX,
    bytes_max: usize::MAX,
};

fn limits(capacity: CapacityLimits) -> Limits {
    Limits {
        capacity,
        ..Limits::default()
    }
}

fn world(capacity: CapacityLimits) -> World {
    World::with(limits(capacity), Rules::default())
}

fn entry(world: &World, events: Vec<RoomEvent>) -> Entry {
    callback(APP, world.now(), Decoded::Room(events))
}

/// Whether an entry would be taken. Nothing is held for it afterwards.
fn asked(world: &World, entry: &Entry) -> Result<(), Limit> {
    let held = world.roster.hold(entry)?;
    world.roster.release(held);
    Ok(())
}

fn may(world: &World, says: impl FnOnce(Time) -> RoomEvent) -> Result<(), Limit> {
    asked(world, &entry(world, vec![says(world.now())]))
}

fn may_tell(world: &World, says: impl FnOnce(Time) -> UserEvent) -> Result<(), Limit> {
    let now = world.now();
    asked(world, &callback(APP, now, Decoded::User(vec![says(now)])))
}

fn with_session(mut event: RoomEvent, session: &str) -> RoomEvent {
    match &mut event.kind {
        RoomEventKind::Login(login) => login.session = session.into(),
        RoomEventKind::Logout(logout) => logout.session = session.into(),
        _ => {}
    }
    event
}

fn with_seq(mut event: RoomEvent, seq: u64) -> RoomEvent {
    if let RoomEventKind::Logout(logout) = &mut event.kind {
        logout.seq = Some(seq);
    }
    event
}

#[test]
fn users_above_their_number_are_refused_and_those_who_are_there_are_not() {
    let world = world(CapacityLimits {
        users_max: 3,
        ..NONE
    });
    world.login("r", "ann");
    world.login("r", "bob");
    world.tell(|at| vec![device("ann", "1").login_as("Ann", at)]);
    let full = Err(Limit::Users);
    assert_eq!(may(&world, |at| room("r").login("cid", at)), full);
    assert_eq!(
        may(&world, |at| room("r").logout("cid", at)),
        full,
        "it would be remembered"
    );
    assert_eq!(
        may(&world, |at| room("other").login("ann", at)),
        full,
        "once in each room"
    );
    assert_eq!(
        may_tell(&world, |at| device("bob", "1").login_as("Bob", at)),
        full
    );
    for says in [
        |at| room("r").login("ann", at),
        |at| room("r").logout("ann", at),
        |at| room("r").created(at),
        |at| room("r").closed(at),
        |at| room("r").login_as("bob", at, &Profile::default()),
    ] {
        assert_eq!(may(&world, says), Ok(()));
    }
    assert_eq!(may_tell(&world, |at| device("ann", "1").logout(at)), Ok(()));
    world.logout("r", "ann");
    assert_eq!(
        may(&world, |at| room("r").login("cid", at)),
        full,
        "she is remembered"
    );
    world.forget();
    assert_eq!(may(&world, |at| room("r").login("cid", at)), Ok(()));
}

#[test]
fn several_users_of_one_callback_are_counted_together() {
    let world = world(CapacityLimits {
        users_max: 3,
        ..NONE
    });
    world.login("r", "ann");
    let enters = |users: &[&str]| {
        let now = world.now();
        let events = users.iter().map(|user| room("r").login(user, now));
        asked(&world, &entry(&world, events.collect()))
    };
    assert_eq!(enters(&["ann", "bob", "cid"]), Ok(()));
    assert_eq!(enters(&["ann", "bob", "cid", "dan"]), Err(Limit::Users));
}

#[test]
fn several_devices_of_one_user_in_one_callback_are_one_user() {
    let world = world(CapacityLimits {
        users_max: 1,
        ..NONE
    });
    let now = world.now();
    let login = |user: &str, id: &str| device(user, id).login_as(user, now);
    let of = |events| asked(&world, &callback(APP, now, Decoded::User(events)));
    assert_eq!(of(vec![login("ann", "1"), login("ann", "2")]), Ok(()));
    let two = of(vec![login("ann", "1"), login("bob", "2")]);
    assert_eq!(two, Err(Limit::Users));
}

#[test]
fn rooms_above_their_number_are_refused_until_one_is_forgotten() {
    let world = world(CapacityLimits {
        rooms_max: 2,
        ..NONE
    });
    world.login("one", "ann");
    world.login("two", "bob");
    let full = Err(Limit::Rooms);
    assert_eq!(may(&world, |at| room("three").login("ann", at)), full);
    assert_eq!(
        may(&world, |at| room("three").closed(at)),
        full,
        "it would be remembered"
    );
    assert_eq!(may(&world, |at| room("one").login("cid", at)), Ok(()));
    assert_eq!(may(&world, |at| life("one", "2").login("cid", at)), Ok(()));
    world.close(&room("one"));
    assert_eq!(may(&world, |at| room("three").login("ann", at)), full);
    world.forget();
    assert_eq!(may(&world, |at| room("three").login("ann", at)), Ok(()));
}

#[test]
fn sessions_and_lives_above_their_number_are_refused_in_that_room_alone() {
    const MAX: usize = 32;
    let world = world(CapacityLimits {
        sessions_per_user_max: MAX,
        lives_per_room_max: MAX,
        ..NONE
    });
    for session in 0..MAX {
        let session = session.to_string();
        world.send(|at| vec![with_session(room("r").login("ann", at), &session)]);
        world.send(|at| vec![life("lives", &session).login("ann", at)]);
        world.tell(|at| vec![device("ann", &session).login_as("Ann", at)]);
    }
    let sessions = Err(Limit::SessionsPerUser);
    assert_eq!(
        may(&world, |at| with_session(room("r").login("ann", at), "new")),
        sessions
    );
    assert_eq!(
        may(&world, |at| with_session(
            room("r").logout("ann", at),
            "new"
        )),
        sessions
    );
    assert_eq!(
        may_tell(&world, |at| device("ann", "new").login_as("Ann", at)),
        sessions
    );
    assert_eq!(
        may(&world, |at| life("lives", "new").login("ann", at)),
        Err(Limit::LivesPerRoom)
    );
    for says in [
        |at| with_session(room("r").login("ann", at), "1"),
        |at| with_session(room("r").logout("ann", at), "1"),
        |at| with_session(room("r").login("bob", at), "new"),
        |at| with_session(life("r", "2").login("ann", at), "new"),
        |at| life("lives", "1").login("bob", at),
        |at| life("lives", "31").closed(at),
    ] {
        assert_eq!(may(&world, says), Ok(()));
    }
    assert_eq!(may_tell(&world, |at| device("ann", "1").logout(at)), Ok(()));
    assert_eq!(
        may_tell(&world, |at| device("bob", "new").login_as("Bob", at)),
        Ok(())
    );
}

#[test]
fn when_the_bytes_are_used_up_only_what_adds_to_them_is_refused() {
    let filled = world(NONE);
    let fill = |world: &World| {
        world.login("r", "ann");
        world.login("r", "bob");
        world.send(|at| vec![with_seq(room("r").logout("bob", at), 1)]);
    };
    fill(&filled);
    let world = world(CapacityLimits {
        bytes_max: filled.roster.footprint().all_bytes(),
        ..NONE
    });
    fill(&world);
    assert_eq!(
        world.roster.footprint().all_bytes(),
        filled.roster.footprint().all_bytes()
    );
    let longer = Profile {
        nickname: "Ann".into(),
        ..Profile::default()
    };
    let full = Err(Limit::Bytes);
    assert_eq!(may(&world, |at| room("other").login("ann", at)), full);
    assert_eq!(may(&world, |at| life("r", "2").login("ann", at)), full);
    assert_eq!(may(&world, |at| room("r").login("cid", at)), full);
    assert_eq!(
        may(&world, |at| with_session(room("r").login("ann", at), "8")),
        full
    );
    assert_eq!(
        may(&world, |at| room("r").login_as("ann", at, &longer)),
        full
    );
    assert_eq!(
        may_tell(&world, |at| device("ann", "1").login_as("Ann", at)),
        full
    );
    let again = |at| with_seq(room("r").logout("bob", at), 7);
    assert_eq!(
        may(&world, again),
        full,
        "it changes nothing, but its number is kept"
    );
    let first = |at| with_seq(room("r").logout("ann", at), 9);
    assert_eq!(may(&world, first), Ok(()), "she leaves");
    assert_eq!(may(&world, |at| room("r").login("ann", at)), Ok(()));
    assert_eq!(may(&world, |at| room("r").logout("bob", at)), Ok(()));
    assert_eq!(may(&world, |at| room("r").closed(at)), Ok(()));
    world.close(&room("r"));
    world.forget();
    assert_eq!(world.roster.footprint().all_bytes(), 0);
    assert_eq!(may(&world, |at| room("other").login("ann", at)), Ok(()));
}

#[test]
fn what_is_held_for_a_callback_is_not_there_for_another() {
    let needed = world(NONE);
    let login = entry(&needed, vec![room("r").login("ann", needed.now())]);
    let held = needed.roster.hold(&login).unwrap();
    let world = world(CapacityLimits {
        bytes_max: held,
        ..NONE
    });
    let held = world.roster.hold(&login).unwrap();
    assert_eq!(asked(&world, &login), Err(Limit::Bytes));
    world.roster.release(held);
    assert_eq!(asked(&world, &login), Ok(()));
}

#[test]
fn an_entry_of_the_journal_is_applied_however_full_the_roster_is() {
    let world = world(CapacityLimits {
        users_max: 1,
        rooms_max: 1,
        bytes_max: 1,
        ..NONE
    });
    for user in ["ann", "bob"] {
        world.login("one", user);
        world.login("two", user);
    }
    assert_eq!(
        world.view("one").members.len() + world.view("two").members.len(),
        4
    );
}

#[test]
fn operators_see_what_there_is_and_which_limit_was_reached() {
    let world = world(CapacityLimits {
        users_max: 1,
        bytes_max: 1 << 20,
        ..NONE
    });
    world.login("r", "ann");
    assert_eq!(
        may(&world, |at| room("r").login("bob", at)),
        Err(Limit::Users)
    );
    let mut registry = prometheus_client::registry::Registry::with_prefix("headcount");
    world.roster.register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    for line in [
        r#"headcount_rooms{app="arena"} 1"#,
        r#"headcount_users{app="arena"} 1"#,
        &format!(
            "headcount_roster_bytes {}",
            world.roster.footprint().all_bytes()
        ),
        "headcount_roster_bytes_max 1048576",
        r#"headcount_limits_reached_total{limit="roster.users_max"} 1"#,
        r#"headcount_limits_reached_total{limit="roster.rooms_max"} 0"#,
        r#"headcount_limits_reached_total{limit="roster.sessions_per_user_max"} 0"#,
        r#"headcount_limits_reached_total{limit="roster.lives_per_room_max"} 0"#,
        r#"headcount_limits_reached_total{limit="roster.bytes_max"} 0"#,
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is not in\n{page}"
        );
    }
}

/// What the number of a logout may take beyond the limit.
const NUMBER_BYTES: usize = 32;

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn what_is_taken_below_the_limits_never_exceeds_them(
        entries in journal::journals(),
        logins in any_logins(),
        bytes_max in 4_000_usize..40_000,
        users_max in 1_usize..12,
        rooms_max in 1_usize..4,
    ) {
        let capacity = CapacityLimits { users_max, rooms_max, bytes_max, ..NONE };
        let journal = journal::with_ticks(&entries, &Limits::default(), logins, journal::Ticks::Behind);
        let mut replica = Replica::new(&limits(capacity), logins);
        let mut revision = 0;
        for entry in &journal {
            let Ok(held) = replica.roster.hold(entry) else {
                continue;
            };
            revision += 1;
            let before = replica.roster.footprint();
            replica.apply(revision, entry);
            replica.roster.release(held);
            let after = replica.roster.footprint();
            let most = bytes_max.max(before.all_bytes() + NUMBER_BYTES);
            prop_assert!(after.all_bytes() <= most, "{:?} after {:?}", after, before);
            prop_assert!(after.bytes <= bytes_max.max(before.bytes), "{:?} after {:?}", after, before);
            prop_assert!(after.users <= users_max && after.rooms <= rooms_max, "{:?}", after);
        }
    }
}
