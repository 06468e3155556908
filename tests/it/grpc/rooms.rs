//! `ListRooms`.

use headcount::{
    pb::{self, ListRoomsRequest},
    reconcile::Rules,
    roster::Limits,
};

use crate::common::in_process::{Server, World, room};

/// All ids of open rooms with a prefix, read in pages of `page_size`.
async fn ids(server: &Server, prefix: &str, page_size: u32) -> Vec<String> {
    let mut request = ListRoomsRequest {
        app: String::new(),
        prefix: prefix.to_owned(),
        page_size,
        page_token: String::new(),
    };
    let mut ids = Vec::new();
    loop {
        let page = server.rooms(request.clone()).await.unwrap();
        assert!(page_size == 0 || page.rooms.len() <= page_size as usize);
        for room in page.rooms {
            assert_eq!(room.state(), pb::RoomState::Open);
            ids.push(room.room_id);
        }
        if page.next_page_token.is_empty() {
            return ids;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn rooms_are_in_the_byte_order_of_their_ids() {
    let server = Server::new(World::new()).await;
    for id in ["b", "é", "a", "B", "10", "9"] {
        server.world.login(id, "ann");
    }
    for page_size in [0, 1, 2, 6, u32::MAX] {
        assert_eq!(
            ids(&server, "", page_size).await,
            ["10", "9", "B", "a", "b", "é"]
        );
    }
}

#[tokio::test]
async fn a_prefix_is_of_the_id() {
    let server = Server::new(World::new()).await;
    for id in ["a", "ab", "ab1", "ab2", "ac", "b"] {
        server.world.login(id, "ann");
    }
    assert_eq!(ids(&server, "ab", 1).await, ["ab", "ab1", "ab2"]);
    assert_eq!(ids(&server, "b", 0).await, ["b"]);
    assert!(ids(&server, "x", 0).await.is_empty());
}

#[tokio::test]
async fn rooms_that_are_closed_or_only_watched_are_not_listed() {
    let server = Server::new(World::new()).await;
    for id in ["closed", "empty", "forgotten"] {
        server.world.login(id, "ann");
    }
    server.world.close(&room("closed"));
    let _watch = server.watch("watched", "").await.unwrap();
    server.world.logout("forgotten", "ann");
    assert_eq!(ids(&server, "", 0).await, ["empty", "forgotten"]);
    server.world.forget();
    assert_eq!(ids(&server, "", 0).await, ["empty"]);
}

#[tokio::test]
async fn rooms_of_another_app_are_not_listed() {
    let world = World::of_apps(&["a", "b"], Limits::default(), Rules::default());
    world.send_to("a", |at| vec![room("of-a").login("ann", at)]);
    let revision = world.send_to("b", |at| vec![room("of-b").login("ann", at)]);
    let server = Server::new(world).await;
    let request = ListRoomsRequest {
        app: "b".to_owned(),
        ..ListRoomsRequest::default()
    };
    let answer = server.rooms(request).await.unwrap();
    assert_eq!(answer.revision, revision);
    let [room] = &answer.rooms[..] else {
        panic!("one room: {answer:?}");
    };
    assert_eq!(
        (&*room.app, &*room.room_id, room.user_count),
        ("b", "of-b", 1)
    );
}

#[tokio::test]
async fn more_rooms_than_are_read_at_a_time_are_all_listed() {
    let server = Server::new(World::new()).await;
    let rooms: Vec<_> = (0..1024).map(|n| format!("{n:04}")).collect();
    for id in &rooms {
        server.world.login(id, "ann");
    }
    assert_eq!(ids(&server, "", 0).await, rooms);
    assert_eq!(ids(&server, "", 256).await, rooms);
}

#[tokio::test]
async fn a_walk_lists_every_room_that_stays_open_while_others_come_and_go() {
    let server = Server::new(World::new()).await;
    let stay: Vec<_> = (0..20).map(|n| format!("{n:02}")).collect();
    for id in &stay {
        server.world.login(id, "ann");
    }
    let mut request = ListRoomsRequest {
        page_size: 3,
        ..ListRoomsRequest::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = server.rooms(request.clone()).await.unwrap();
        seen.extend(page.rooms.into_iter().map(|room| room.room_id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        // The last listed closes; one before it and one after it open.
        let last = seen.last().unwrap().clone();
        if !stay.contains(&last) {
            server.world.close(&room(&last));
        }
        server.world.login(&format!("{last}-after"), "bob");
        server.world.login(&format!("-before{}", seen.len()), "bob");
        assert!(seen.len() < 200, "the walk does not end");
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert!(stay.iter().all(|id| seen.contains(id)), "{seen:?}");
}

#[tokio::test]
async fn a_page_whose_size_is_not_said_has_a_thousand_rooms() {
    let server = Server::new(World::new()).await;
    for number in 0..1001 {
        server.world.login(&number.to_string(), "ann");
    }
    let listed = async |page_size| {
        let request = ListRoomsRequest {
            page_size,
            ..ListRoomsRequest::default()
        };
        let page = server.rooms(request).await.unwrap();
        (page.rooms.len(), page.next_page_token.is_empty())
    };
    assert_eq!(listed(0).await, (1000, false));
    assert_eq!(listed(1001).await, (1001, true));
    assert_eq!(listed(u32::MAX).await, (1001, true));
}
