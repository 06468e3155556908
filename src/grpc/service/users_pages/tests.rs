use std::{sync::Arc, time::Duration};

use tokio_test::block_on;

use crate::{
    domain::{
        Decoded, Login, Logins, ProductName, Profile, RoomEvent, RoomEventKind, Time, UserId,
    },
    grpc::{Outgoing, Presence, PresenceService as _, request_from_within},
    journal::{Callback, Entry, Epoch, Follower as _, Payload},
    net::Readiness,
    pb::{GetRoomUsersRequest, GetRoomUsersResponse},
    reconcile::Rules,
    roster::{Applier, Limits, Roster},
};

use super::{super::answer_bytes::ANSWER_BYTES_MAX, *};

const APP: &str = "arena";
const ROOM: &str = "r";

/// The presence service over a roster, to which a test applies entries.
struct World {
    roster: Arc<Roster>,
    applier: Applier,
    presence: Presence,
    metrics: GrpcMetrics,
    revision: Revision,
}

impl World {
    /// A world whose room has so many users that its page is kept.
    fn new() -> Self {
        let apps = [(AppName::from(APP), Logins::Exclusive)];
        let (roster, applier) = Roster::new(Epoch(1), apps, Rules::default(), Limits::default());
        let metrics = GrpcMetrics::default();
        let mut world = Self {
            presence: Presence::new(
                Arc::clone(&roster),
                Readiness::new(true),
                Duration::from_secs(1),
                1,
                metrics.clone(),
            ),
            roster,
            applier,
            metrics,
            revision: 0,
        };
        (0..MEMBERS_MIN).for_each(|user| world.login(ROOM, user));
        world
    }

    /// The same, but at most `bytes_max` bytes of answers are made in advance.
    fn with_answer_bytes(bytes_max: usize) -> Self {
        let mut world = Self::new();
        world.presence.users_pages = Arc::new(UsersPages::new(
            AnswerBytes::new(bytes_max),
            Turns::new(world.metrics.heavy_calls_refused.clone()),
            world.metrics.clone(),
        ));
        world
    }

    /// Applies the login of a user. It changes nothing if it is repeated.
    fn login(&mut self, room: &str, user: usize) {
        let at = Time::from_millis(1_700_000_000_000 + user as u64).unwrap();
        let login = RoomEventKind::Login(Login {
            user: UserId::from(user.to_string().as_str()),
            session: "1".into(),
            at: Some(at),
            profile: Profile::default(),
            room_name: None,
            seq: None,
        });
        let event = RoomEvent {
            room: room.into(),
            incarnation: "1".into(),
            kind: login,
        };
        let payload = Payload::Callback(Callback {
            app: APP.into(),
            product: ProductName::new("zego_room"),
            query: "".into(),
            body: Bytes::new(),
            decoded: Arc::new(Decoded::Room(vec![event])),
        });
        let entry = Entry {
            received_at: at,
            payload,
        };
        self.revision += 1;
        self.applier.apply(self.revision, &entry);
    }

    /// What `GetRoomUsers` responds with.
    fn answer(&self, room: &str) -> Outgoing<GetRoomUsersResponse> {
        let request = request_from_within(GetRoomUsersRequest {
            room_id: room.to_owned(),
            ..GetRoomUsersRequest::default()
        });
        let response = block_on(self.presence.get_room_users(request)).unwrap();
        response.into_inner()
    }

    fn users(&self, room: &str) -> usize {
        self.answer(room).into_message().unwrap().users.len()
    }

    /// The first bytes of the page that is kept of a room.
    fn kept(&self, room: &str) -> Option<Bytes> {
        let kept = self.presence.users_pages.kept.lock();
        let page = &kept.get(&(APP.into(), room.into()))?.page;
        page.pieces().next()
    }

    /// How many values share the list of members: the room, the answer here, and any other.
    fn members_shared_by(&self) -> Option<usize> {
        let answer = self.roster.room(&APP.into(), &ROOM.into());
        answer.view.members.shared_by()
    }
}

#[test]
fn a_page_is_reused_until_the_room_changes() {
    let mut world = World::new();
    assert_eq!(world.users(ROOM), MEMBERS_MIN);
    let first = world.kept(ROOM).unwrap();
    world.users(ROOM);
    assert_eq!(world.kept(ROOM).unwrap().as_ptr(), first.as_ptr());
    world.login(ROOM, 0);
    world.users(ROOM);
    let same = world.kept(ROOM).unwrap();
    assert_eq!(same.as_ptr(), first.as_ptr(), "nothing changed");
    world.login(ROOM, MEMBERS_MIN);
    assert_eq!(world.users(ROOM), MEMBERS_MIN + 1);
    let second = world.kept(ROOM).unwrap();
    assert_ne!(second.as_ptr(), first.as_ptr());
    world.users(ROOM);
    assert_eq!(world.kept(ROOM).unwrap().as_ptr(), second.as_ptr());
}

#[test]
fn a_kept_page_does_not_keep_members() {
    let world = World::new();
    assert_eq!(world.members_shared_by(), Some(2));
    drop(world.answer(ROOM));
    assert!(world.kept(ROOM).is_some());
    assert_eq!(world.members_shared_by(), Some(2));
}

#[test]
fn the_pages_of_rooms_that_changed_count_until_they_are_sent() {
    let mut world = World::with_answer_bytes(ANSWER_BYTES_MAX);
    // So many that their bytes are not copied to those of the head.
    (0..500).for_each(|user| world.login(ROOM, user));
    let mut unread = Vec::new();
    for user in 500..503 {
        unread.push(world.answer(ROOM));
        world.login(ROOM, user);
    }
    let left = |world: &World| world.presence.users_pages.bytes.left();
    let page_bytes = world.kept(ROOM).unwrap().len();
    assert!(ANSWER_BYTES_MAX - left(&world) >= 2 * page_bytes);
    drop(unread);
    assert_eq!(ANSWER_BYTES_MAX - left(&world), page_bytes);
}

#[test]
fn what_clients_do_not_read_leaves_no_room_for_kept_pages_but_answers_stay_whole() {
    let mut world = World::with_answer_bytes(4 * 1024);
    let unread = world.answer(ROOM);
    let (_, of_unread) = (unread, world.kept(ROOM).unwrap());
    (0..2 * MEMBERS_MIN).for_each(|user| world.login("other", user));
    assert_eq!(world.users("other"), 2 * MEMBERS_MIN);
    assert_eq!(world.kept(ROOM), None, "dropped, to make room");
    assert_eq!(world.kept("other"), None, "there was none");
    assert_eq!(world.metrics.answers_dropped.get(), 1);
    assert_eq!(world.metrics.answers_made_late.get(), 1);

    drop(of_unread);
    assert_eq!(world.users("other"), 2 * MEMBERS_MIN);
    assert!(world.kept("other").is_some());
    assert_eq!(world.metrics.answers_made_late.get(), 1);
}
