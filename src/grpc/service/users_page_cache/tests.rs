use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio_test::block_on;
use tonic::Request;

use crate::{
    domain::{
        Decoded, Login, Logins, ProductName, Profile, RoomEvent, RoomEventKind, Time, UserId,
    },
    grpc::{GrpcMetrics, Outgoing, Presence, PresenceService as _},
    journal::{Callback, Entry, Epoch, Follower as _, Payload},
    net::Readiness,
    pb::GetRoomUsersRequest,
    reconcile::Rules,
    roster::{Applier, Limits, Roster},
};

use super::*;

const APP: &str = "arena";
const ROOM: &str = "r";

/// The presence service over a roster, to which a test applies entries.
struct World {
    roster: Arc<Roster>,
    applier: Applier,
    presence: Presence,
    revision: Revision,
}

impl World {
    /// A world whose room has so many users that its page is kept.
    fn new() -> Self {
        let apps = [(AppName::from(APP), Logins::Exclusive)];
        let (roster, applier) = Roster::new(Epoch(1), apps, Rules::default(), Limits::default());
        let mut world = Self {
            presence: Presence::new(
                Arc::clone(&roster),
                Readiness::new(true),
                Duration::from_secs(1),
                1,
                GrpcMetrics::default(),
            ),
            roster,
            applier,
            revision: 0,
        };
        (0..MEMBERS_MIN).for_each(|user| world.login(user));
        world
    }

    /// Applies the login of a user. It changes nothing if it is repeated.
    fn login(&mut self, user: usize) {
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
            room: ROOM.into(),
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

    /// The encoded users of the room, as `GetRoomUsers` responds with them.
    fn users(&self) -> Bytes {
        let request = Request::new(GetRoomUsersRequest {
            room_id: ROOM.to_owned(),
            ..GetRoomUsersRequest::default()
        });
        let response = block_on(self.presence.get_room_users(request)).unwrap();
        match response.into_inner() {
            Outgoing::Encoded([_, users]) => users,
            Outgoing::Message(message) => panic!("is not encoded: {message:?}"),
        }
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
    let first = world.users();
    assert_eq!(world.users().as_ptr(), first.as_ptr());
    world.login(0);
    assert_eq!(world.users().as_ptr(), first.as_ptr(), "nothing changed");
    world.login(MEMBERS_MIN);
    let second = world.users();
    assert_ne!(second.as_ptr(), first.as_ptr());
    assert!(second.len() > first.len());
    assert_eq!(world.users().as_ptr(), second.as_ptr());
}

#[test]
fn a_kept_page_does_not_keep_members() {
    let world = World::new();
    assert_eq!(world.members_shared_by(), Some(2));
    let kept = world.users();
    assert_eq!(world.users().as_ptr(), kept.as_ptr());
    assert_eq!(world.members_shared_by(), Some(2));
}
