//! Users who are in very many rooms: `GetUser` in pages, `WatchUser` in parts.

use headcount::pb::{GetUserRequest, GetUserResponse, WatchUserRequest};
use headcount_client::UserCopy;
use prost::Message as _;
use tonic::{Code, Status};

use crate::common::in_process::{Server, World, next, room};

/// The most rooms of a page.
const PAGE_MAX: usize = 1000;

/// The most bytes of a part of a snapshot, with what is not a list.
const PART_BYTES_MAX: usize = 33 * 1024;

/// A server on which `bot` is in so many rooms.
async fn server(rooms: usize) -> Server {
    let server = Server::new(World::new()).await;
    for number in 0..rooms {
        server.world.login(&id(number), "bot");
    }
    server
}

fn id(number: usize) -> String {
    format!("r{number:05}")
}

async fn page(
    server: &Server,
    user: &str,
    page_size: u32,
    page_token: &str,
) -> Result<GetUserResponse, Status> {
    let request = GetUserRequest {
        app: String::new(),
        user_id: user.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    let answer = server.client().await.get_user(request).await;
    answer.map(tonic::Response::into_inner)
}

/// The rooms of all pages, and how many each page had.
async fn walk(server: &Server, page_size: u32) -> (Vec<String>, Vec<usize>) {
    let (mut rooms, mut pages, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = page(server, "bot", page_size, &token).await.unwrap();
        let listed = page.user.unwrap().rooms;
        pages.push(listed.len());
        rooms.extend(listed.into_iter().map(|room| room.room_id));
        token = page.next_page_token;
        if token.is_empty() {
            return (rooms, pages);
        }
    }
}

#[tokio::test]
async fn every_room_is_on_one_page() {
    const ROOMS: usize = 2 * PAGE_MAX + 1;
    let server = server(ROOMS).await;
    let all: Vec<_> = (0..ROOMS).map(id).collect();
    for (page_size, expected) in [
        (0, vec![PAGE_MAX, PAGE_MAX, 1]),
        (u32::MAX, vec![PAGE_MAX, PAGE_MAX, 1]),
        (999, vec![999, 999, 3]),
    ] {
        assert_eq!(walk(&server, page_size).await, (all.clone(), expected));
    }
    let server = self::server(6).await;
    assert_eq!(walk(&server, 3).await.1, [3, 3], "none follows the last");
}

#[tokio::test]
async fn a_walk_lists_every_room_that_the_user_stays_in() {
    let server = server(12).await;
    let first = page(&server, "bot", 4, "").await.unwrap();
    // Of the rooms to come one closes and one is left; so is the last of the first page.
    server.world.close(&room(&id(5)));
    server.world.logout(&id(6), "bot");
    server.world.logout(&id(3), "bot");
    let second = page(&server, "bot", 4, &first.next_page_token).await;
    let second = second.unwrap();
    let rooms: Vec<_> = second.user.unwrap().rooms;
    let rooms: Vec<_> = rooms.into_iter().map(|room| room.room_id).collect();
    assert_eq!(rooms, [id(4), id(7), id(8), id(9)]);
    let third = page(&server, "bot", 4, &second.next_page_token).await;
    let third = third.unwrap();
    let rooms: Vec<_> = third.user.unwrap().rooms;
    let rooms: Vec<_> = rooms.into_iter().map(|room| room.room_id).collect();
    assert_eq!(rooms, [id(10), id(11)]);
    assert_eq!(third.next_page_token, "");
}

#[tokio::test]
async fn a_token_of_another_user_is_refused() {
    let server = server(2).await;
    let token = page(&server, "bot", 1, "").await.unwrap().next_page_token;
    for (user, token) in [("ann", &*token), ("bot", "garbage")] {
        let status = page(&server, user, 1, token).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_watch_gets_the_rooms_in_parts_and_follows_them() {
    const ROOMS: usize = 3000;
    let server = server(ROOMS).await;
    let request = WatchUserRequest {
        user_id: "bot".to_owned(),
        ..WatchUserRequest::default()
    };
    let watch = server.client().await.watch_user(request).await;
    let mut watch = watch.unwrap().into_inner();
    let (mut copy, mut parts) = (UserCopy::new(), 0);
    while !copy.is_complete() {
        let part = next(&mut watch).await;
        assert!(
            part.encoded_len() <= PART_BYTES_MAX,
            "{}",
            part.encoded_len()
        );
        copy.apply(&part).unwrap();
        assert_eq!(part.resume_token.is_empty(), !copy.is_complete());
        parts += 1;
    }
    assert!(parts > 1);
    assert_eq!(copy.rooms().len(), ROOMS);
    server.world.logout(&id(7), "bot");
    copy.apply(&next(&mut watch).await).unwrap();
    assert_eq!(copy.rooms().len(), ROOMS - 1);
}
