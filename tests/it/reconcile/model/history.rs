//! True histories of a room, in the order in which things happened. What no
//! evidence can decide (a relogin that keeps its session id and whose logout
//! names no login, say) does not happen in them.

use std::fmt;

use headcount::domain::{CloseReason, LeaveReason, RoomEvent};
use proptest::{collection::vec, prelude::*};

use super::teller::{Teller, USERS};

/// The order in which a room's lives come is not that of their ids.
const LIVES: [&str; 4] = ["7000", "x9", "900", "12a"];

/// One thing that happened.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) event: RoomEvent,
    /// Whether its callback is never delivered.
    pub(crate) is_lost: bool,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = if self.is_lost { "lost: " } else { "" };
        let incarnation = &self.event.incarnation;
        write!(f, "\n  {lost}{incarnation:?} {:?}", self.event.kind)
    }
}

/// How far apart things happen, in ms, and which logins may be lost.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) gap: BoxedStrategy<i64>,
    pub(crate) lives: usize,
    pub(crate) acts: usize,
    pub(crate) loses_logins: bool,
}

/// Something a user does, if it can be done.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) gap: i64,
    pub(super) user: usize,
    pub(super) choice: u8,
    /// Of the kick of the session that this replaces, after the login.
    pub(super) kick_lag: i64,
    pub(super) is_named: bool,
    pub(super) is_lost: bool,
    pub(super) look: u8,
    pub(super) reason: LeaveReason,
}

/// What happens in one life of the room.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) gap: i64,
    /// How far the life's first clock is behind that of the life before.
    pub(super) skew: i64,
    pub(super) is_created: bool,
    pub(super) is_numbered: bool,
    pub(super) acts: Vec<Act>,
    pub(super) end_gap: i64,
    pub(super) is_closed: bool,
    /// Whether all users log out: before the close, after it, or not at all.
    pub(super) logouts: u8,
    pub(super) reason: CloseReason,
}

pub(crate) fn histories(pace: &Pace) -> impl Strategy<Value = Vec<Step>> + use<> {
    let loses_logins = pace.loses_logins;
    vec(plans(pace), 1..=pace.lives).prop_map(move |plans| {
        let mut teller = Teller::new(loses_logins);
        for (plan, incarnation) in plans.iter().zip(LIVES) {
            teller.live(plan, incarnation);
        }
        teller.into_steps()
    })
}

fn plans(pace: &Pace) -> impl Strategy<Value = Plan> + use<> {
    let times = (pace.gap.clone(), 0..200_i64, pace.gap.clone());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), 0..3_u8);
    let reasons = prop_oneof![
        Just(CloseReason::Normal),
        Just(CloseReason::LastUserTimeout)
    ];
    (times, flags, vec(acts(pace), 0..=pace.acts), reasons).prop_map(
        |((gap, skew, end_gap), (is_created, is_numbered, is_closed, logouts), acts, reason)| {
            Plan {
                gap,
                skew,
                is_created,
                is_numbered,
                acts,
                end_gap,
                is_closed,
                logouts,
                reason,
            }
        },
    )
}

fn acts(pace: &Pace) -> impl Strategy<Value = Act> + use<> {
    let lag = prop_oneof![Just(0_i64), 1..10_i64, -20..200_i64];
    let reason = prop_oneof![
        3 => Just(LeaveReason::Logout),
        1 => Just(LeaveReason::Timeout),
        1 => Just(LeaveReason::Kicked),
        1 => Just(LeaveReason::TokenExpired),
        1 => Just(LeaveReason::Unknown),
    ];
    let flags = (
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.2),
        0..8_u8,
    );
    (pace.gap.clone(), 0..USERS, 0..8_u8, lag, flags, reason).prop_map(
        |(gap, user, choice, kick_lag, (is_named, is_lost, look), reason)| Act {
            gap,
            user,
            choice,
            kick_lag,
            is_named,
            is_lost,
            look,
            reason,
        },
    )
}
