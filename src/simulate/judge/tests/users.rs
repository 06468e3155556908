//! What the judge finds of users.

use super::*;
use crate::simulate::{
    callbacks::zim::{self, Action},
    truth::{TrueDevice, UserTruth},
    world::WorldUser,
};

/// A world of one user, Ann: on one device, and in the room r. Another user has
/// nothing.
fn mk_world() -> World {
    let device = TrueDevice {
        platform: "WEB".to_owned(),
        login_time: 7_000,
    };
    let truth = UserTruth {
        name: "Ann".to_owned(),
        devices: [("1".to_owned(), device)].into(),
        rooms: [("r".to_owned(), 5_000)].into(),
    };
    let mk_user = |id: &str, truth| WorldUser {
        id: id.to_owned(),
        truth,
    };
    let users = vec![mk_user("u", truth), mk_user("v", UserTruth::default())];
    let report = zim::Report {
        session_id: "1".to_owned(),
        user_name: String::new(),
        os: String::new(),
        relogin_at: None,
        login_at: None,
        action: Action::Online,
    };
    let callbacks = (0..users.len()).map(|user| PlannedCallback {
        about: SubjectIndex::User(user),
        what: VendorReport::Zim(report.clone()),
        ..mk_callback(0, None)
    });
    World {
        rooms: Vec::new(),
        callbacks: callbacks.collect(),
        users,
    }
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// That user, as told by a server that is right.
fn mk_told() -> pb::User {
    pb::User {
        user_id: "u".to_owned(),
        name: "Ann".to_owned(),
        online: true,
        devices: vec![pb::Device {
            session_id: "1".to_owned(),
            platform: "WEB".to_owned(),
            login_time: at(7),
        }],
        rooms: vec![pb::UserRoom {
            room_id: "r".to_owned(),
            login_time: at(5),
        }],
    }
}

/// The causes of what differs when this was told, and that callback lost.
fn causes(told: &pb::User, lost: Option<usize>, of_room: Option<Cause>) -> Vec<Cause> {
    let world = mk_world();
    let schedule = Schedule {
        lost: lost.into_iter().collect(),
        ..Schedule::default()
    };
    let mut judge = Judge::new(&world, &schedule, Memory::Keeps);
    judge.causes.extend(of_room.map(|cause| ("r", cause)));
    judge.judge_user(0, told, None);
    let differences = judge.differences.iter();
    differences.map(|difference| difference.cause).collect()
}

#[test]
fn what_is_right_of_a_user_is_no_difference() {
    assert_eq!(causes(&mk_told(), None, None), []);
}

#[test]
fn only_the_loss_of_a_users_own_callbacks_explains_devices() {
    let changes: [fn(&mut pb::User); 7] = [
        |user| user.devices.clear(),
        |user| user.devices.push(user.devices[0].clone()),
        |user| user.devices[0].session_id.push('2'),
        |user| user.devices[0].platform.push(' '),
        |user| user.devices[0].login_time = at(8),
        |user| user.online = false,
        |user| user.name.clear(),
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let mut told = mk_told();
        change(&mut told);
        for (lost, expected) in [
            (None, Cause::Unexplained),
            (Some(1), Cause::Unexplained),
            (Some(0), Cause::LossUnnumbered),
        ] {
            let causes = causes(&told, lost, Some(Cause::LossFlagged));
            assert!(!causes.is_empty(), "{case} goes unnoticed");
            assert!(causes.iter().all(|cause| *cause == expected), "{case}");
        }
    }
}

#[test]
fn what_explains_a_room_explains_who_is_in_it() {
    let changes: [fn(&mut pb::User); 4] = [
        |user| user.rooms.clear(),
        |user| user.rooms.push(user.rooms[0].clone()),
        |user| user.rooms[0].login_time = None,
        |user| user.rooms[0].login_time = at(6),
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let mut told = mk_told();
        change(&mut told);
        for cause in [Cause::LossFlagged, Cause::Unexplained] {
            assert_eq!(causes(&told, Some(0), Some(cause)), [cause], "{case}");
        }
        assert_eq!(causes(&told, Some(0), None), [Cause::Unexplained], "{case}");
    }
}

#[test]
fn a_copy_that_is_not_what_is_told_is_never_explained() {
    let world = mk_world();
    let schedule = Schedule {
        lost: vec![0],
        ..Schedule::default()
    };
    let mut judge = Judge::new(&world, &schedule, Memory::Keeps);
    let nothing = WatchResult {
        copy: headcount_client::UserCopy::new(),
        faults: Vec::new(),
    };
    judge.judge_user(0, &mk_told(), Some(&nothing));
    let unexplained = |found: &&Difference| found.cause == Cause::Unexplained;
    let differences = judge.differences.iter();
    assert!(differences.filter(unexplained).any(|found| {
        found.witnesses.contains(&Witness::Watch) && found.what.contains("GetUser")
    }));
}
