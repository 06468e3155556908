mod users;

use super::*;
use crate::simulate::{
    callbacks::{PlannedCallback, Sending, Spelling, VendorReport, zego::Report},
    disorder::Delivery,
    truth::RoomTruth,
    world::{RoomStory, Story, WorldRoom},
};

const OLD: u64 = 1;
const CURRENT: u64 = 2;

fn mk_callback(life: u64, number: Option<u64>) -> PlannedCallback {
    let report = match number {
        None => Report::Close { at: 0, reason: 0 },
        Some(_) => Report::Logout {
            user_id: "u".to_owned(),
            session_id: "1".to_owned(),
            login_at: None,
            at: 0,
            reason: 0,
            number,
        },
    };
    PlannedCallback {
        about: SubjectIndex::Room(0),
        life,
        what: report.into(),
        happened_at: 0,
        sending: Sending::Disordered,
        spelling: Spelling::Json,
    }
}

/// What explains a difference in a room of two lives, of which these
/// callbacks arrived and were lost.
#[track_caller]
fn cause(
    arrived: &[(u64, Option<u64>)],
    lost: &[(u64, Option<u64>)],
    told: u64,
    missing: u32,
) -> Cause {
    let life = TrueLife {
        session_id: CURRENT.to_string(),
        name: String::new(),
        creator_id: String::new(),
        open_time: None,
        close_time: None,
    };
    let room = WorldRoom {
        id: "r".to_owned(),
        vendor: VendorName::Zego,
        story: RoomStory::Story(Story::Lives),
        truth: RoomTruth {
            life: Some(life),
            ..RoomTruth::default()
        },
    };
    let callbacks = arrived.iter().chain(lost);
    let world = World {
        rooms: vec![room],
        users: Vec::new(),
        callbacks: callbacks.map(|(life, n)| mk_callback(*life, *n)).collect(),
    };
    let deliver = |callback| Delivery {
        callback,
        at: 0,
        signed: 0,
        signed_at: 0,
    };
    let schedule = Schedule {
        deliveries: (0..arrived.len()).map(deliver).collect(),
        lost: (arrived.len()..world.callbacks.len()).collect(),
        duplicates: 0,
    };
    let told = pb::Room {
        session_id: told.to_string(),
        missing_callbacks: missing,
        ..Default::default()
    };
    Judge::new(&world, &schedule, Memory::Keeps).cause(0, &told)
}

#[test]
fn only_loss_that_leaves_no_hole_is_invisible() {
    let arrived = [(OLD, Some(1)), (OLD, Some(3)), (CURRENT, Some(5))];
    let (hole, end, close) = ((CURRENT, Some(4)), (CURRENT, Some(6)), (CURRENT, None));
    for (lost, missing, expected) in [
        (vec![], 0, Cause::Unexplained),
        (vec![], 1, Cause::Unexplained),
        (vec![hole], 1, Cause::LossFlagged),
        (vec![end], 0, Cause::LossAtTheEnd),
        (vec![close], 0, Cause::LossUnnumbered),
        (vec![end, close], 0, Cause::LossAtTheEnd),
        // A hole that is not flagged is a fault, whatever else was lost.
        (vec![hole], 0, Cause::Unexplained),
        (vec![hole, end], 0, Cause::Unexplained),
        (vec![hole, close], 0, Cause::Unexplained),
        // What an older life lost does not explain this one.
        (vec![(OLD, Some(2))], 0, Cause::Unexplained),
        (vec![(OLD, Some(4))], 0, Cause::Unexplained),
        (vec![(OLD, None)], 0, Cause::Unexplained),
    ] {
        assert_eq!(
            cause(&arrived, &lost, CURRENT, missing),
            expected,
            "{lost:?}"
        );
    }
    // The old life is told: a hole in the true one is not shown, but one in the
    // old one would be.
    for (lost, expected) in [
        (hole, Cause::LossOfItsLife),
        (end, Cause::LossAtTheEnd),
        (close, Cause::LossUnnumbered),
        ((OLD, None), Cause::LossUnnumbered),
        ((OLD, Some(2)), Cause::Unexplained),
    ] {
        assert_eq!(cause(&arrived, &[lost], OLD, 0), expected, "{lost:?}");
    }
}
