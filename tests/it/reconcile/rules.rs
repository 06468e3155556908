//! Every rule is guarded: leaving it out changes the answer to some case.

use headcount::{
    domain::{LeaveReason, Role, RoomEvent},
    reconcile::{Rule, Rules},
};

use super::model::{
    events::{MIN, S, at, because, close, create, login, logout, numbered, with_role},
    replica::Replica,
};

/// Events with the times of their receipt, and the time to wait until.
struct Scenario {
    receipts: Vec<(RoomEvent, i64)>,
    until: i64,
}

/// Each event is received at the given time.
fn received<const N: usize>(receipts: [(RoomEvent, i64); N], until: i64) -> Scenario {
    Scenario {
        receipts: receipts.into(),
        until,
    }
}

/// All are received at one time, and looked at then.
fn at_once<const N: usize>(events: [RoomEvent; N]) -> Scenario {
    received(events.map(|event| (event, 20 * S)), 20 * S)
}

#[expect(clippy::too_many_lines, reason = "one arm a rule")]
fn scenario(rule: Rule) -> Scenario {
    match rule {
        Rule::LatestLoginCounts => at_once([
            login("a", "u1", "s", S),
            logout("a", "u1", "s", Some(0), 10),
            login("a", "u1", "s", 0),
        ]),
        Rule::LogoutsLeaveTombstones | Rule::EndsAreFinal => {
            at_once([logout("a", "u1", "s", Some(0), S), login("a", "u1", "s", 0)])
        }
        Rule::LogoutsEndTheirLogin => at_once([
            login("a", "u1", "s", 30),
            logout("a", "u1", "s", Some(30), -40),
        ]),
        Rule::LogoutsSpareTheirMillisecond => at_once([
            login("a", "u1", "s", 0),
            logout("a", "u1", "s", Some(0), S),
            login("a", "u1", "s", S),
        ]),
        Rule::KicksSpareTheirReplacement => at_once([
            login("a", "u1", "s", 0),
            login("a", "u1", "s", S),
            because(logout("a", "u1", "s", Some(0), S + 40), LeaveReason::Kicked),
        ]),
        Rule::LatestSessionDecides => at_once([
            login("a", "u1", "s1", 0),
            login("a", "u1", "s2", S),
            logout("a", "u1", "s2", Some(S), 2 * S),
        ]),
        Rule::NamedLoginsDecide => at_once([
            login("a", "u1", "s1", 0),
            logout("a", "u1", "s2", Some(10 * S), 20 * S),
        ]),
        Rule::TiesGoToTheGreaterSession => {
            at_once([login("a", "u1", "9", 5), login("a", "u1", "10", 5)])
        }
        Rule::LoginsProveTheRoom => at_once([login("a", "u1", "s", 0)]),
        Rule::LatestStartIsCurrent => {
            at_once([login("a", "u1", "s1", 0), login("b", "u2", "s2", S)])
        }
        Rule::TiesGoToTheGreaterIncarnation => {
            at_once([login("a", "u1", "s1", 5), login("b", "u2", "s2", 5)])
        }
        Rule::ClockSkewIsForgiven => at_once([
            login("a", "u1", "s1", 0),
            close("a", 30),
            login("b", "u2", "s2", -40),
        ]),
        Rule::ClosedIsFinal => at_once([close("a", S), login("a", "u1", "s", 0)]),
        Rule::StaleIsNotApplied => received([(create("a", 0), 700 * S)], 700 * S),
        Rule::LateEndsStillEnd => received(
            [
                (login("a", "u1", "s", 0), 0),
                (logout("a", "u1", "s", Some(0), 5 * S), 700 * S),
            ],
            700 * S,
        ),
        Rule::EvidenceOutlivesHorizon => received(
            [
                (login("a", "u1", "s", 30 * S), 0),
                (logout("a", "u1", "s", Some(30 * S), 31 * S), S),
                (login("a", "u1", "s", 30 * S), 629 * S),
            ],
            630 * S,
        ),
        Rule::PresentUsersStay => received([(login("a", "u1", "s", 0), 0)], 12 * MIN),
        Rule::AbsentUsersGoWhole => received(
            [
                (login("a", "u1", "901", 0), 0),
                (login("a", "u1", "902", S), S),
                (logout("a", "u1", "902", Some(S), 300 * S), 300 * S),
                // Keeps the older session a little longer.
                (login("a", "u1", "901", 0), 400 * S),
            ],
            961 * S,
        ),
        Rule::EarlierLivesGoToo => received(
            [
                (login("a", "u1", "s1", 0), 70 * S),
                (login("b", "u2", "s2", 10 * S), 10 * S),
                (close("b", 20 * S), 20 * S),
            ],
            700 * S,
        ),
        Rule::TheCurrentLifeStays => received(
            [
                (login("b", "u2", "s2", -40), 0),
                (login("a", "u1", "s1", 0), 0),
                (close("a", 30), 30),
            ],
            700 * S,
        ),
        Rule::UnknownStartsStay => received(
            [
                (login("a", "u1", "s1", 0), 0),
                (close("a", 2 * S), 2 * S),
                (close("b", 600 * S), 600 * S),
                (login("b", "u2", "s2", 595 * S), 664 * S),
            ],
            664 * S,
        ),
        Rule::AdminsAreNotCounted => at_once([with_role(login("a", "u1", "s", 0), Role::Admin)]),
        Rule::NumbersAreASet => at_once([
            numbered(login("a", "u1", "s", 0), 1),
            numbered(login("a", "u1", "s", 0), 1),
            numbered(logout("a", "u2", "s", Some(0), 10), 3),
        ]),
        other => panic!("{other:?} is guarded by no case"),
    }
}

#[test]
fn leaving_out_any_rule_changes_an_answer() {
    let answer = |rule, without| {
        let rules = Rules {
            without,
            ..Rules::default()
        };
        let mut replica = Replica::with_rules(&rules);
        let Scenario { receipts, until } = scenario(rule);
        for (event, received_at) in &receipts {
            replica.receive(event, at(*received_at));
        }
        replica.advance_to_millis(until);
        replica.visible()
    };
    for rule in Rule::ALL {
        let (whole, left_out) = (answer(rule, None), answer(rule, Some(rule)));
        assert_ne!(whole, left_out, "{rule:?} made no difference");
    }
}
