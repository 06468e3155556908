//! What operators see of disorder and of loss.

use headcount::{
    domain::{Decoded, Logins, RoomEvent, RoomEventKind, Time},
    journal::{Follower as _, Journal as _, MemoryJournal},
    reconcile::Rules,
    roster::{Limits, Roster},
};
use prometheus_client::{encoding::text, registry::Registry};

use crate::common::in_process::{APP, PRODUCT, World, callback, device, life, room};

fn out_of_order(roster: &Roster) -> u64 {
    roster.metrics().out_of_order(PRODUCT).get()
}

fn before(at: Time) -> Time {
    Time::from_millis(at.as_millis() - 10).unwrap()
}

/// A login with a number.
fn numbered(mut login: RoomEvent, number: u64) -> RoomEvent {
    if let RoomEventKind::Login(login) = &mut login.kind {
        login.seq = Some(number);
    }
    login
}

#[test]
fn a_callback_is_out_of_order_after_a_later_event_of_the_same_life() {
    let world = World::new();
    let counted = |says: &dyn Fn(Time) -> Vec<RoomEvent>| {
        let count = out_of_order(&world.roster);
        world.send(says);
        out_of_order(&world.roster) - count
    };
    assert_eq!(counted(&|at| vec![room("r").login("ann", at)]), 0);
    assert_eq!(counted(&|at| vec![room("r").login("bob", at)]), 0);
    assert_eq!(counted(&|at| vec![room("r").login("cid", before(at))]), 1);
    assert_eq!(
        counted(&|at| vec![life("r", "2").login("ann", before(at))]),
        0,
        "another life"
    );
    assert_eq!(
        counted(&|at| vec![room("s").login("ann", before(at))]),
        0,
        "another room"
    );
    let two = |at| {
        vec![
            room("s").login("ann", before(at)),
            room("r").login("ann", before(at)),
        ]
    };
    assert_eq!(counted(&two), 1, "a callback counts once");
}

#[test]
fn a_callback_of_a_device_is_out_of_order_after_a_later_event_of_the_same_session() {
    let world = World::new();
    let phone = device("ann", "phone");
    world.tell(|at| vec![phone.logout(at)]);
    world.tell(|at| vec![device("ann", "web").login_as("Ann", before(before(at)))]);
    assert_eq!(out_of_order(&world.roster), 0);
    world.tell(|at| vec![phone.login_as("Ann", before(before(at)))]);
    assert_eq!(out_of_order(&world.roster), 1);
    world.tell(|at| vec![phone.login_as("Ann", at)]);
    assert_eq!(out_of_order(&world.roster), 1);
}

#[test]
fn what_was_out_of_order_is_not_counted_again_by_a_replay() {
    let epoch = MemoryJournal::new().epoch();
    let apps = [(APP.into(), Logins::Concurrent)];
    let (roster, mut applier) = Roster::new(epoch, apps, Rules::default(), Limits::default());
    let at = Time::from_millis(1_700_000_000_000).unwrap();
    let entry = |event_at| {
        callback(
            APP,
            at,
            Decoded::Room(vec![room("r").login("ann", event_at)]),
        )
    };
    applier.apply(1, &entry(at));
    applier.apply(2, &entry(before(at)));
    assert_eq!(out_of_order(&roster), 0);
    applier.caught_up();
    applier.apply(3, &entry(before(at)));
    assert_eq!(out_of_order(&roster), 1);
}

#[test]
fn missing_callbacks_are_those_of_all_lives_until_they_come() {
    let world = World::new();
    let send = |id: &str, number| {
        world.send(|at| vec![numbered(life("r", id).login("ann", at), number)]);
    };
    let mut registry = Registry::default();
    world.roster.register(&mut registry);
    let line = || {
        let mut page = String::new();
        text::encode(&mut page, &registry).unwrap();
        let line = page
            .lines()
            .find(|line| line.starts_with("missing_callbacks{"));
        line.unwrap().to_owned()
    };
    assert_eq!(line(), r#"missing_callbacks{app="arena"} 0"#);
    send("1", 4);
    send("2", 2);
    assert_eq!(line(), r#"missing_callbacks{app="arena"} 4"#);
    send("1", 2);
    assert_eq!(line(), r#"missing_callbacks{app="arena"} 3"#);
}
