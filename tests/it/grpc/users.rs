//! `GetRoomUsers`: the fields of its answer.

use headcount::{
    domain::{LeaveReason, Logout, Profile, Role, RoomEventKind},
    pb::{self, GetRoomUsersRequest},
    reconcile::digest_of,
};

use crate::common::in_process::{PROGRESS_INTERVAL, Server, World, life, next, room, timestamp};

fn request(room: &str) -> GetRoomUsersRequest {
    GetRoomUsersRequest {
        room_id: room.to_owned(),
        ..GetRoomUsersRequest::default()
    }
}

#[tokio::test]
async fn a_room_nobody_heard_of_is_an_answer() {
    let server = Server::new(World::new()).await;
    let elsewhere = server.world.login("other", "ann");
    let answer = server.users(request("r")).await.unwrap();
    let unknown = pb::Room {
        app: "arena".to_owned(),
        room_id: "r".to_owned(),
        state: pb::RoomState::Unknown.into(),
        ..pb::Room::default()
    };
    assert_eq!(answer.room, Some(unknown));
    assert_eq!(answer.users, []);
    assert_eq!(answer.next_page_token, "");
    assert_eq!(answer.revision, elsewhere);
    assert_eq!(server.world.roster.room_count(), 1);
}

#[tokio::test]
async fn every_field_of_a_room_and_its_users_is_there() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    let opened_at = world.now();
    world.send(|_| vec![room("r").created(opened_at)]);
    let host = Profile {
        nickname: "Ann".into(),
        role: Role::Host,
        platform: "IOS".into(),
        custom_data: "{}".into(),
    };
    let bot = Profile {
        role: Role::Admin,
        ..Profile::default()
    };
    let ann_at = world
        .now()
        .saturating_add(std::time::Duration::from_millis(1));
    world.send(|at| {
        let mut login = room("r").login_as("ann", at, &host);
        if let RoomEventKind::Login(login) = &mut login.kind {
            login.seq = Some(3);
        }
        vec![login]
    });
    let bot_at = world
        .now()
        .saturating_add(std::time::Duration::from_millis(1));
    let revision = world.send(|at| vec![room("r").login_as("bot", at, &bot)]);
    let answer = server.users(request("r")).await.unwrap();
    let expected = pb::Room {
        app: "arena".to_owned(),
        room_id: "r".to_owned(),
        state: pb::RoomState::Open.into(),
        session_id: "1".to_owned(),
        name: "lobby".to_owned(),
        creator_id: "creator".to_owned(),
        open_time: timestamp(opened_at),
        close_time: None,
        user_count: 1,
        missing_callbacks: 2,
        last_event_time: timestamp(bot_at),
        reported_user_count: 0,
    };
    assert_eq!(answer.room, Some(expected));
    let ann = pb::RoomUser {
        user_id: "ann".to_owned(),
        nickname: "Ann".to_owned(),
        role: pb::UserRole::Host.into(),
        session_id: "7".to_owned(),
        login_time: timestamp(ann_at),
        platform: "IOS".to_owned(),
        custom_data: "{}".to_owned(),
    };
    let bot = pb::RoomUser {
        user_id: "bot".to_owned(),
        role: pb::UserRole::Admin.into(),
        session_id: "7".to_owned(),
        login_time: timestamp(bot_at),
        ..pb::RoomUser::default()
    };
    assert_eq!(answer.users, [ann, bot]);
    assert_eq!(answer.revision, revision);
}

#[tokio::test]
async fn a_closed_room_is_empty_and_says_when_it_closed() {
    let server = Server::new(World::new()).await;
    server.world.login("r", "ann");
    let closed_at = server.world.now();
    server.world.send(|_| vec![room("r").closed(closed_at)]);
    let answer = server.users(request("r")).await.unwrap();
    let room = answer.room.unwrap();
    assert_eq!(room.state(), pb::RoomState::Closed);
    assert_eq!(room.close_time, timestamp(closed_at));
    assert_eq!((room.user_count, answer.users), (0, vec![]));
}

#[tokio::test]
async fn users_are_in_order_of_login_time_then_id() {
    let server = Server::new(World::new()).await;
    server.world.send(|at| {
        let earlier = at.saturating_sub(std::time::Duration::from_millis(5));
        let r = room("r");
        vec![r.login("b", at), r.login("a", at), r.login("z", earlier)]
    });
    let answer = server.users(request("r")).await.unwrap();
    let ids: Vec<_> = answer.users.iter().map(|user| &*user.user_id).collect();
    assert_eq!(ids, ["z", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn changes_say_what_happened_to_the_letter() {
    use pb::{room_change::Change, watch_room_response::Update};
    let server = Server::new(World::new()).await;
    let world = &server.world;
    let mut watch = server.watch("r", "").await.unwrap();
    next(&mut watch).await;
    world.login("r", "ann");
    let left_at = world.now();
    world.send(|_| {
        let mut logout = room("r").logout("ann", left_at);
        if let RoomEventKind::Logout(Logout { reason, .. }) = &mut logout.kind {
            *reason = LeaveReason::Kicked;
        }
        vec![logout]
    });
    world.login("r", "bob");
    world.send(|at| vec![room("r").login("bob", at)]);
    let next_life = world.send(|at| vec![life("r", "2").created(at)]);
    let mut kinds = Vec::new();
    while kinds.len() < 8 {
        let message = next(&mut watch).await;
        let Some(Update::Changes(changes)) = message.update else {
            panic!("no changes: {message:?}");
        };
        for change in changes.changes {
            kinds.push(match change.change.unwrap() {
                Change::RoomOpened(it) => format!("opened {}", it.room.unwrap().session_id),
                Change::RoomClosed(it) => {
                    let (reason, room) = (it.reason(), it.room.unwrap());
                    format!("closed {} {}", room.session_id, reason.as_str_name())
                }
                Change::RoomUpdated(it) => format!("room {}", it.room.unwrap().name),
                Change::UserJoined(it) => format!("joined {}", it.user.unwrap().user_id),
                Change::UserUpdated(it) => format!("updated {}", it.user.unwrap().user_id),
                Change::UserLeft(it) => {
                    assert_eq!(it.leave_time, timestamp(left_at));
                    let reason = it.reason().as_str_name();
                    format!("left {} {reason}", it.user.unwrap().user_id)
                }
            });
        }
        if message.revision == next_life {
            break;
        }
    }
    let expected = [
        "opened 1",
        "joined ann",
        "left ann LEAVE_REASON_KICKED",
        "joined bob",
        "updated bob",
        "closed 1 CLOSE_REASON_SUPERSEDED",
        "opened 2",
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test(start_paused = true)]
async fn progress_has_the_count_and_the_digest_of_all_present() {
    use pb::watch_room_response::Update;
    let server = Server::new(World::new()).await;
    let world = &server.world;
    world.login("r", "ann");
    let bot = Profile {
        role: Role::Admin,
        ..Profile::default()
    };
    let revision = world.send(|at| vec![room("r").login_as("bot", at, &bot)]);
    let mut watch = server.watch("r", "").await.unwrap();
    let snapshot = next(&mut watch).await;
    let begun = tokio::time::Instant::now();
    let message = next(&mut watch).await;
    assert!(begun.elapsed() >= PROGRESS_INTERVAL);
    assert!(begun.elapsed() < 2 * PROGRESS_INTERVAL);
    let digests = ["ann", "bot"].map(|user| digest_of(user, "7"));
    let progress = pb::Progress {
        user_count: 1,
        digest: digests[0].wrapping_add(digests[1]),
    };
    assert_eq!(message.update, Some(Update::Progress(progress)));
    assert_eq!(message.revision, revision);
    assert_eq!(message.resume_token, snapshot.resume_token);
}
