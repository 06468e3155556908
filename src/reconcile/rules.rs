//! The rules of reconciliation, by name, and their constants.

use std::time::Duration;

use crate::domain::{Logins, Time};

/// How far a vendor's own clocks may be apart. Different machines stamp the start of one
/// life of a room and the end of the life before; likewise a login and the logout of the
/// login that it replaced.
pub const CLOCK_SKEW: Duration = Duration::from_millis(250);

/// How long before a logout that names its login a login does not end with it: a login in
/// the millisecond of the logout is a later one.
pub(super) const LOGOUT_RESOLUTION: Duration = Duration::from_millis(1);

/// How much longer than the reorder horizon evidence is kept, so that every event that the
/// horizon still admits meets the evidence that decides it.
pub const EVIDENCE_GRACE: Duration = Duration::from_secs(60);

/// How evidence is weighed, and how long it is kept.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How far the time of an event may be from its receipt, either way, for the event to
    /// be applied.
    pub reorder_horizon: Duration,
    /// See [`EVIDENCE_GRACE`], which it is in production.
    pub evidence_grace: Duration,
    /// How long an open room with nobody in it is believed to be open.
    pub empty_room_ttl: Duration,
    /// How several sessions of one user add up.
    pub logins: Logins,
    /// A rule to leave out; `None` in production. Tests leave out each in turn, to show
    /// that a test fails without it.
    pub without: Option<Rule>,
}

impl Rules {
    /// How long evidence is kept: from the later of its receipt and its time.
    pub(crate) fn evidence_span(&self) -> Duration {
        if self.keeps(Rule::EvidenceOutlivesHorizon) {
            self.reorder_horizon.saturating_add(self.evidence_grace)
        } else {
            Duration::ZERO
        }
    }

    /// Whether an event is close enough to its receipt to be applied, whatever is
    /// known.
    pub(crate) fn in_time(&self, at: Time, received_at: Time) -> bool {
        let Self {
            reorder_horizon, ..
        } = *self;
        let earliest = received_at.saturating_sub(reorder_horizon);
        let latest = received_at.saturating_add(reorder_horizon);
        (earliest <= at && at <= latest) || !self.keeps(Rule::StaleIsNotApplied)
    }

    /// Whether a rule is not left out.
    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            reorder_horizon: Duration::from_secs(10 * 60),
            evidence_grace: EVIDENCE_GRACE,
            empty_room_ttl: Duration::from_secs(35 * 60),
            logins: Logins::Exclusive,
            without: None,
        }
    }
}

/// One rule that an answer can depend on. `docs/reconciliation.md` explains
/// each under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The latest login of a session counts, in whatever order they arrive.
    LatestLoginCounts,
    /// A logout whose login was not seen is remembered.
    LogoutsLeaveTombstones,
    /// A logout that names its login ends that login, whatever its own time.
    LogoutsEndTheirLogin,
    /// A logout that names its login does not end a login of the same millisecond.
    LogoutsSpareTheirMillisecond,
    /// A logout whose reason is [`Kicked`](crate::domain::LeaveReason::Kicked) does not end
    /// logins from shortly before it.
    KicksSpareTheirReplacement,
    /// Of an exclusive user's sessions the one with the latest login decides.
    LatestSessionDecides,
    /// A login time that only a logout names counts as known.
    NamedLoginsDecide,
    /// Between two logins of one time, the greater session id decides.
    TiesGoToTheGreaterSession,
    /// A login that is no newer than one that was already ended stays ended.
    EndsAreFinal,
    /// A login proves that its life of the room exists.
    LoginsProveTheRoom,
    /// The life with the latest start is the current one.
    LatestStartIsCurrent,
    /// Between two lives of one start, the greater id is the current one.
    TiesGoToTheGreaterIncarnation,
    /// A life that began shortly before the end of the current one can replace it.
    ClockSkewIsForgiven,
    /// A life that closed has no users, whatever arrives later.
    ClosedIsFinal,
    /// An event too far behind its receipt is not applied.
    StaleIsNotApplied,
    /// A late logout or close of something known still ends it.
    LateEndsStillEnd,
    /// Evidence is kept for longer than the horizon admits events.
    EvidenceOutlivesHorizon,
    /// A user who is present is not forgotten.
    PresentUsersStay,
    /// All sessions of a user who is not present are forgotten together.
    AbsentUsersGoWhole,
    /// Forgetting a life forgets those that began earlier.
    EarlierLivesGoToo,
    /// The current life is not forgotten because another is.
    TheCurrentLifeStays,
    /// A life whose start is unknown is not forgotten because another is.
    UnknownStartsStay,
    /// Recorders and bots are present, but not counted.
    AdminsAreNotCounted,
    /// A number that is seen twice counts once.
    NumbersAreASet,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 24] = [
        Rule::LatestLoginCounts,
        Rule::LogoutsLeaveTombstones,
        Rule::LogoutsEndTheirLogin,
        Rule::LogoutsSpareTheirMillisecond,
        Rule::KicksSpareTheirReplacement,
        Rule::LatestSessionDecides,
        Rule::NamedLoginsDecide,
        Rule::TiesGoToTheGreaterSession,
        Rule::EndsAreFinal,
        Rule::LoginsProveTheRoom,
        Rule::LatestStartIsCurrent,
        Rule::TiesGoToTheGreaterIncarnation,
        Rule::ClockSkewIsForgiven,
        Rule::ClosedIsFinal,
        Rule::StaleIsNotApplied,
        Rule::LateEndsStillEnd,
        Rule::EvidenceOutlivesHorizon,
        Rule::PresentUsersStay,
        Rule::AbsentUsersGoWhole,
        Rule::EarlierLivesGoToo,
        Rule::TheCurrentLifeStays,
        Rule::UnknownStartsStay,
        Rule::AdminsAreNotCounted,
        Rule::NumbersAreASet,
    ];
}
