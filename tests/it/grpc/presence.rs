//! `GetUser` and `WatchUser`.

use std::time::Duration;

use headcount::{
    domain::{LeaveReason, Logout, Time, UserEvent},
    pb::{self, GetUserRequest, LeaveReason as Reason, SnapshotReason, WatchUserRequest},
    reconcile::digest_of,
};
use pb::{user_change::Change, watch_user_response::Update};
use tokio::time::Instant;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::common::in_process::{self, PROGRESS_INTERVAL, Server, World, next, room, timestamp};

type UserWatch = Streaming<pb::WatchUserResponse>;

/// Ann's device comes online; returns the time and the revision.
fn online(world: &World, session: &str) -> (Time, u64) {
    let mut login_at = world.now();
    let revision = world.tell(|at| {
        login_at = at;
        vec![in_process::device("ann", session).login_as("Ann", at)]
    });
    (login_at, revision)
}

fn offline(world: &World, session: &str) -> (Time, u64) {
    let mut logout_at = world.now();
    let revision = world.tell(|at| {
        logout_at = at;
        vec![UserEvent::Logout(Logout {
            user: "ann".into(),
            session: session.into(),
            login_at: None,
            at: Some(at),
            reason: LeaveReason::Timeout,
            seq: None,
        })]
    });
    (logout_at, revision)
}

fn device(session: &str, login_at: Time) -> pb::Device {
    pb::Device {
        session_id: session.to_owned(),
        platform: "WEB".to_owned(),
        login_time: timestamp(login_at),
    }
}

fn in_room(room: &str, login_at: Time) -> pb::UserRoom {
    pb::UserRoom {
        room_id: room.to_owned(),
        login_time: timestamp(login_at),
    }
}

async fn get(server: &Server, user: &str) -> Result<pb::GetUserResponse, Status> {
    let request = GetUserRequest {
        user_id: user.to_owned(),
        ..GetUserRequest::default()
    };
    let answer = server.client().await.get_user(request).await;
    answer.map(tonic::Response::into_inner)
}

async fn watch(server: &Server, user: &str, resume_token: &str) -> Result<UserWatch, Status> {
    let request = WatchUserRequest {
        app: String::new(),
        user_id: user.to_owned(),
        resume_token: resume_token.to_owned(),
    };
    let answer = server.client().await.watch_user(request).await;
    answer.map(tonic::Response::into_inner)
}

/// The next message, which must be changes.
async fn changes(watch: &mut UserWatch) -> (u64, Vec<Change>) {
    let message = next(watch).await;
    let Some(Update::Changes(changes)) = message.update else {
        panic!("no changes: {message:?}");
    };
    let changes = changes.changes.into_iter();
    (
        message.revision,
        changes.map(|it| it.change.unwrap()).collect(),
    )
}

/// The next message, which must be a snapshot.
async fn snapshot(watch: &mut UserWatch) -> (pb::UserSnapshot, String) {
    let message = next(watch).await;
    let Some(Update::Snapshot(snapshot)) = message.update else {
        panic!("no snapshot: {message:?}");
    };
    assert!(snapshot.complete);
    (snapshot, message.resume_token)
}

#[tokio::test]
async fn every_field_of_a_user_is_there() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    let (first_at, _) = online(world, "81");
    let (second_at, _) = online(world, "9");
    let mut entered_at = first_at;
    let revision = world.send(|at| {
        entered_at = at;
        vec![room("r").login("ann", at)]
    });
    let answer = get(&server, "ann").await.unwrap();
    let ann = pb::User {
        user_id: "ann".to_owned(),
        name: "Ann".to_owned(),
        online: true,
        devices: vec![device("81", first_at), device("9", second_at)],
        rooms: vec![in_room("r", entered_at)],
    };
    assert_eq!(answer.user, Some(ann));
    assert_eq!(answer.revision, revision);
    assert!(!answer.resume_token.is_empty());
}

#[tokio::test]
async fn a_user_nobody_heard_of_is_offline_and_so_is_one_who_is_only_in_a_room() {
    let server = Server::new(World::new()).await;
    let revision = server.world.login("r", "bob");
    let answer = get(&server, "ann").await.unwrap();
    let unknown = pb::User {
        user_id: "ann".to_owned(),
        ..pb::User::default()
    };
    assert_eq!(answer.user, Some(unknown));
    assert_eq!(answer.revision, revision);
    let roster = &server.world.roster;
    assert_eq!(roster.user_count(), 2, "who asked may go on from there");
    let later = server.world.now().saturating_add(Duration::from_secs(660));
    roster.trim_history(later);
    assert_eq!(roster.user_count(), 1, "but not for ever");
    let bob = get(&server, "bob").await.unwrap().user.unwrap();
    assert_eq!((bob.online, bob.rooms.len()), (false, 1));
}

#[tokio::test]
async fn an_empty_user_id_and_a_garbage_token_are_blamed_by_name() {
    #[track_caller]
    fn assert_blames(status: &Status, field: &str) {
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        let blamed = &details.bad_request().unwrap().field_violations;
        assert_eq!(blamed.len(), 1);
        assert_eq!(blamed[0].field, field);
    }
    let server = Server::new(World::new()).await;
    assert_blames(&get(&server, "").await.unwrap_err(), "user_id");
    assert_blames(&watch(&server, "", "").await.unwrap_err(), "user_id");
    let garbage = watch(&server, "ann", "garbage").await.unwrap_err();
    assert_blames(&garbage, "resume_token");
    let request = GetUserRequest {
        app: "nowhere".to_owned(),
        user_id: "ann".to_owned(),
        ..GetUserRequest::default()
    };
    let status = server.client().await.get_user(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_watch_is_a_snapshot_and_then_every_change() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    let mut ann = watch(&server, "ann", "").await.unwrap();
    let (first, _) = snapshot(&mut ann).await;
    assert_eq!(first.reason(), SnapshotReason::Initial);
    assert!(!first.user.unwrap().online);

    let (login_at, revision) = online(world, "7");
    let renamed = Change::UserUpdated(pb::UserRenamed {
        user: Some(pb::User {
            user_id: "ann".to_owned(),
            name: "Ann".to_owned(),
            ..pb::User::default()
        }),
    });
    let came = Change::DeviceOnline(pb::DeviceOnline {
        device: Some(device("7", login_at)),
    });
    assert_eq!(changes(&mut ann).await, (revision, vec![renamed, came]));

    let (logout_at, revision) = offline(world, "7");
    let went = Change::DeviceOffline(pb::DeviceOffline {
        device: Some(device("7", login_at)),
        reason: Reason::Timeout.into(),
        offline_time: timestamp(logout_at),
    });
    assert_eq!(changes(&mut ann).await, (revision, vec![went]));
}

#[tokio::test]
async fn a_close_of_a_room_is_told_as_leaving_it() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    let mut ann = watch(&server, "ann", "").await.unwrap();
    snapshot(&mut ann).await;
    let mut at = world.now();
    let revision = world.send(|now| {
        at = now;
        vec![room("r").login("ann", now)]
    });
    let entered = Change::RoomEntered(pb::RoomEntered {
        room: Some(in_room("r", at)),
    });
    assert_eq!(changes(&mut ann).await, (revision, vec![entered]));
    let mut closed_at = at;
    let revision = world.send(|now| {
        closed_at = now;
        vec![room("r").closed(now)]
    });
    let left = Change::RoomLeft(pb::RoomLeft {
        room: Some(in_room("r", at)),
        reason: Reason::RoomClosed.into(),
        leave_time: timestamp(closed_at),
    });
    assert_eq!(changes(&mut ann).await, (revision, vec![left]));
}

#[tokio::test(start_paused = true)]
async fn a_resume_gets_what_was_missed_or_at_once_that_nothing_was() {
    let server = Server::new(World::new()).await;
    let (_, _) = online(&server.world, "7");
    let answer = get(&server, "ann").await.unwrap();
    let begun = Instant::now();
    let mut ann = watch(&server, "ann", &answer.resume_token).await.unwrap();
    let message = next(&mut ann).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "not at once");
    let progress = pb::Progress {
        user_count: 1,
        digest: digest_of("ann", "7"),
    };
    assert_eq!(message.update, Some(Update::Progress(progress)));
    drop(ann);
    let (_, revision) = offline(&server.world, "7");
    let mut ann = watch(&server, "ann", &message.resume_token).await.unwrap();
    let (told_at, told) = changes(&mut ann).await;
    assert_eq!((told_at, told.len()), (revision, 1));
    assert!(matches!(told[0], Change::DeviceOffline(_)));
}

#[tokio::test(start_paused = true)]
async fn progress_has_the_count_and_the_digest_of_the_devices_and_not_of_rooms() {
    let server = Server::new(World::new()).await;
    online(&server.world, "7");
    online(&server.world, "8");
    let revision = server.world.login("r", "ann");
    let mut ann = watch(&server, "ann", "").await.unwrap();
    snapshot(&mut ann).await;
    let begun = Instant::now();
    let message = next(&mut ann).await;
    assert!(begun.elapsed() >= PROGRESS_INTERVAL);
    assert!(begun.elapsed() < 2 * PROGRESS_INTERVAL);
    let digests = ["7", "8"].map(|session| digest_of("ann", session));
    let progress = pb::Progress {
        user_count: 2,
        digest: digests[0].wrapping_add(digests[1]),
    };
    assert_eq!(message.update, Some(Update::Progress(progress)));
    assert_eq!(message.revision, revision);
}

#[tokio::test]
async fn a_token_of_another_journal_gets_a_snapshot_that_says_so() {
    let before = Server::new(World::new()).await;
    let after = Server::new(World::new()).await;
    let token = get(&before, "ann").await.unwrap().resume_token;
    let mut ann = watch(&after, "ann", &token).await.unwrap();
    let (first, _) = snapshot(&mut ann).await;
    assert_eq!(first.reason(), SnapshotReason::EpochChanged);
}
