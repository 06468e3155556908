//! What a replay remembers of users is bounded, and what is dropped of it is told.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    domain::{
        AppName, Decoded, LeaveReason, Login, Logins, Logout, ProductName, Profile, RoomEvent,
        RoomEventKind, Time, UserId,
    },
    journal::{Callback, Entry, Epoch, Follower as _, Payload},
    reconcile::Rules,
    roster::{Limits, Roster, SnapshotReason, Start, WatchEvent, subject::cell::Subject},
};

use super::User;

const USERS: u64 = 4_000;

fn entry(kind: RoomEventKind, at: Time) -> Entry {
    let event = RoomEvent {
        room: "r".into(),
        incarnation: "1".into(),
        kind,
    };
    Entry {
        received_at: at,
        payload: Payload::Callback(Callback {
            app: "arena".into(),
            product: ProductName::new("test"),
            query: "".into(),
            body: Bytes::new(),
            decoded: Arc::new(Decoded::Room(vec![event])),
        }),
    }
}

#[test]
fn users_who_are_remembered_only_for_their_history_are_bounded_by_it_in_a_replay() {
    let limits = Limits {
        history_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let remembered_max = limits.history_bytes_max / User::kept_bytes(&UserId::from("0"));
    assert!((remembered_max as u64) < USERS / 2);
    let apps = [(AppName::from("arena"), Logins::Concurrent)];
    let (roster, mut applier) = Roster::new(Epoch(1), apps, Rules::default(), limits);
    let app = AppName::from("arena");
    let time = |revision: u64| Time::from_millis(1_000_000 + revision).unwrap();
    for number in 0..2 * USERS {
        let (revision, at) = (number + 1, time(number + 1));
        let user = UserId::from(&*(number % USERS).to_string());
        let kind = match number < USERS {
            true => RoomEventKind::Login(Login {
                user,
                session: "1".into(),
                at: Some(at),
                profile: Profile::default(),
                room_name: None,
                seq: None,
            }),
            false => RoomEventKind::Logout(Logout {
                user,
                session: "1".into(),
                login_at: None,
                at: Some(at),
                reason: LeaveReason::Logout,
                seq: None,
            }),
        };
        applier.apply(revision, &entry(kind, at));
        let remembered = roster.known_users(&app).len();
        assert!(
            remembered <= remembered_max,
            "{remembered} users at {revision}"
        );
    }
    applier.caught_up();

    // The first user left at revision `USERS + 1`, and is dropped since: whoever resumes from
    // before that is not told that nothing happened.
    let resume = |user: &str, after| {
        let start = Start::After(after);
        let mut watch = roster.watch_user(&app, &user.into(), start).unwrap();
        watch.try_next()
    };
    let lost = resume("0", USERS);
    assert!(
        matches!(
            lost,
            Some(WatchEvent::Snapshot {
                reason: SnapshotReason::ResumeExpired,
                ..
            })
        ),
        "{lost:?}"
    );
    let last = (USERS - 1).to_string();
    let told = resume(&last, 2 * USERS - 1);
    assert!(matches!(told, Some(WatchEvent::Changes(_))), "{told:?}");
}
