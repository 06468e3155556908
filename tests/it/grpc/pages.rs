//! Pages of `GetRoomUsers`.

use std::{collections::BTreeSet, time::Duration};

use headcount::pb::{GetRoomUsersRequest, GetRoomUsersResponse};
use headcount_client::RoomCopy;
use prost::Message as _;
use tonic::{Code, Status};

use crate::common::in_process::{Server, World, heavy, life, next, room};

/// gRPC's default limit on a received message.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

async fn page(
    server: &Server,
    page_size: u32,
    page_token: &str,
) -> Result<GetRoomUsersResponse, Status> {
    let request = GetRoomUsersRequest {
        app: String::new(),
        room_id: "r".to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    server.users(request).await
}

fn ids(page: &GetRoomUsersResponse) -> Vec<String> {
    page.users.iter().map(|user| user.user_id.clone()).collect()
}

#[tokio::test]
async fn a_walk_neither_skips_nor_repeats_who_stayed() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    let users: Vec<_> = (0..40).map(|n| format!("u{n:02}")).collect();
    for user in &users {
        world.login("r", user);
    }
    let (mut seen, mut token, mut n) = (Vec::new(), String::new(), 0);
    loop {
        let page = page(&server, 3, &token).await.unwrap();
        assert!(page.users.len() <= 3);
        seen.extend(ids(&page));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        // The last of the page goes, and the one after it: its place is not.
        let last = seen.last().unwrap().clone();
        if last.starts_with('u') {
            world.logout("r", &last);
        }
        world.login("r", &format!("new{n}"));
        n += 1;
        assert!(n < 100, "the walk does not end");
    }
    let walked: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(walked.len(), seen.len(), "repeated: {seen:?}");
    assert!(users.iter().all(|user| walked.contains(user)), "{seen:?}");
}

#[tokio::test]
async fn a_copy_of_pages_goes_on_live_from_the_token_of_the_first() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    world.login_all("r", 0..9);
    let first = page(&server, 3, "").await.unwrap();
    world.logout("r", "1");
    world.logout("r", "8");
    world.login("r", "new");
    let mut present: BTreeSet<_> = ids(&first).into_iter().collect();
    let mut token = first.next_page_token;
    while !token.is_empty() {
        let page = page(&server, 3, &token).await.unwrap();
        present.extend(ids(&page));
        token = page.next_page_token;
    }
    let mut watch = server.watch("r", &first.resume_token).await.unwrap();
    let message = next(&mut watch).await;
    use headcount::pb::{room_change::Change, watch_room_response::Update};
    let Some(Update::Changes(changes)) = message.update else {
        panic!("no changes: {message:?}");
    };
    for change in changes.changes {
        match change.change.unwrap() {
            Change::UserJoined(it) => drop(present.insert(it.user.unwrap().user_id)),
            Change::UserLeft(it) => drop(present.remove(&it.user.unwrap().user_id)),
            other => panic!("{other:?}"),
        }
    }
    let whole = page(&server, 0, "").await.unwrap();
    assert_eq!(present, ids(&whole).into_iter().collect());
}

#[tokio::test]
async fn a_page_is_as_large_as_asked_for_or_as_fits() {
    let server = Server::new(World::new()).await;
    server.world.login_all("r", 0..5);
    for (size, expected) in [(0, 5), (u32::MAX, 5), (6, 5), (5, 5), (4, 4), (1, 1)] {
        let page = page(&server, size, "").await.unwrap();
        assert_eq!(page.users.len(), expected, "page size {size}");
        assert_eq!(page.next_page_token.is_empty(), expected == 5);
    }
}

#[tokio::test]
async fn another_life_between_two_pages_aborts_the_walk() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    world.login("r", "ann");
    world.login("r", "bob");
    let token = page(&server, 1, "").await.unwrap().next_page_token;
    assert!(page(&server, 1, &token).await.is_ok());
    // Much later, so that neither life may stand in for the other.
    world.pass(Duration::from_secs(10));
    world.send(|at| vec![life("r", "2").created(at)]);
    let status = page(&server, 1, &token).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    world.close(&life("r", "2"));
    world.forget();
    let status = page(&server, 1, &token).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "the room is forgotten");
}

#[tokio::test]
async fn a_room_that_closed_between_two_pages_has_nobody_left() {
    let server = Server::new(World::new()).await;
    server.world.login("r", "ann");
    server.world.login("r", "bob");
    let token = page(&server, 1, "").await.unwrap().next_page_token;
    server.world.close(&room("r"));
    let page = page(&server, 1, &token).await.unwrap();
    assert_eq!((page.users, page.next_page_token), (vec![], String::new()));
}

#[tokio::test]
async fn a_room_of_any_size_is_read_and_watched_in_messages_that_fit() {
    const USERS: usize = 100_000;
    let server = Server::new(World::new()).await;
    let profile = heavy(30);
    server.world.send(|at| {
        let r = room("r");
        let users = (0..USERS).map(|n| r.login_as(&format!("user-{n:06}"), at, &profile));
        users.collect()
    });
    let (mut users, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = page(&server, 0, &token).await.unwrap();
        let bytes = page.encoded_len();
        assert!(bytes < MESSAGE_BYTES_MAX);
        users.extend(ids(&page));
        pages += 1;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        assert!(bytes > MESSAGE_BYTES_MAX * 9 / 10, "wasteful: {bytes}");
    }
    assert!(pages > 1);
    assert!(users.is_sorted_by(|a, b| a < b) && users.len() == USERS);

    let mut watch = server.watch("r", "").await.unwrap();
    let (mut copy, mut parts) = (RoomCopy::new(), 0);
    while !copy.is_complete() {
        let part = next(&mut watch).await;
        assert!(part.encoded_len() < MESSAGE_BYTES_MAX);
        copy.apply(&part).unwrap();
        parts += 1;
        if parts == 1 {
            // What happens during a snapshot is told after it.
            server.world.login("r", "late");
        }
    }
    assert!(parts > 1);
    assert_eq!(copy.users().len(), USERS);
    copy.apply(&next(&mut watch).await).unwrap();
    assert!(copy.users().contains_key("late"));
}
