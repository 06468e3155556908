//! The list of open rooms, while rooms open and close.

use crate::common::in_process::{APP, World, room};

#[test]
fn a_room_that_closes_while_it_is_being_listed_is_not_listed_as_open() {
    let world = World::new();
    for id in ["a", "closes", "forgotten", "z"] {
        world.login(id, "ann");
    }
    world.logout("forgotten", "ann");
    let app = APP.into();
    let mut open = world.roster.open_rooms(&app, "", None);
    let mut ids = vec![open.next().unwrap().0];
    let _watch = world.watch("forgotten");
    world.forget();
    world.close(&room("closes"));
    ids.extend(open.map(|(id, _)| id));
    assert_eq!(ids, ["a", "z"].map(headcount::domain::RoomId::from));
}

#[test]
fn a_room_that_opens_behind_the_place_is_not_listed_and_one_ahead_is() {
    let world = World::new();
    for n in 0..300 {
        world.login(&format!("m{n:03}"), "ann");
    }
    let app = APP.into();
    let mut open = world.roster.open_rooms(&app, "", None);
    let first = open.next().unwrap().0;
    world.login("a", "ann");
    world.login("z", "ann");
    let rest: Vec<_> = open.map(|(id, _)| id).collect();
    assert_eq!(first.as_str(), "m000");
    assert_eq!((rest.len(), rest.last().unwrap().as_str()), (300, "z"));
}
