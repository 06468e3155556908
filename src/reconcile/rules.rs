//! The names of the rules of reconciliation, and their constants.

use std::time::Duration;

use crate::domain::{CLOCK_TOLERANCE, Logins, Time};

/// The assumed maximum difference between the clocks of a vendor's machines. Different
/// machines set the time of the start of a life of a room and of the end of the life before
/// it. The same holds for a login and for the logout of the login that it replaced.
pub const CLOCK_SKEW: Duration = Duration::from_millis(250);

/// A logout that names its login does not end other logins within this time before it. So a
/// login in the same millisecond as the logout counts as later than the logout.
pub(super) const LOGOUT_RESOLUTION: Duration = Duration::from_millis(1);

/// How much longer than the reorder horizon evidence is kept, so that every event within the
/// horizon is compared with the evidence that decides about it. Between the clocks that say when
/// it is received and when evidence is forgotten there may be as much.
pub const EVIDENCE_GRACE: Duration = CLOCK_TOLERANCE;

/// How evidence is weighed, and how long it is kept.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How far the time of an event may be from its receipt, either way, for the event to
    /// be applied.
    pub reorder_horizon: Duration,
    /// How much longer than the horizon evidence is kept: [`EVIDENCE_GRACE`] in production.
    pub evidence_grace: Duration,
    /// How long a room without members is believed to be open.
    pub empty_room_ttl: Duration,
    /// Whether a user can be present by one session at a time or by several.
    pub logins: Logins,
    /// A rule that is left out; `None` in production. Tests leave out one rule after another,
    /// to show that some test fails without it.
    pub without: Option<Rule>,
}

impl Rules {
    /// How long evidence is kept after the later of its receipt and its time.
    pub(crate) fn evidence_span(&self) -> Duration {
        if self.keeps(Rule::EvidenceOutlivesHorizon) {
            self.reorder_horizon.saturating_add(self.evidence_grace)
        } else {
            Duration::ZERO
        }
    }

    /// Whether an event is so close to its receipt that it is applied in any case.
    pub(crate) fn in_time(&self, at: Time, received_at: Time) -> bool {
        let Self {
            reorder_horizon, ..
        } = *self;
        let earliest = received_at.saturating_sub(reorder_horizon);
        let latest = received_at.saturating_add(reorder_horizon);
        (earliest <= at && at <= latest) || !self.keeps(Rule::StaleIsNotApplied)
    }

    /// Whether a rule is in force, and not left out.
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

/// One rule of reconciliation. `docs/reconciliation.md` explains each rule by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The latest login of a session counts, whatever the order of arrival.
    LatestLoginCounts,
    /// A logout whose login was not seen is kept, so that it ends the login when that comes.
    LogoutsLeaveTombstones,
    /// A logout that names its login ends that login, whatever its own time.
    LogoutsEndTheirLogin,
    /// A logout that names its login does not end a login of the same millisecond.
    LogoutsSpareTheirMillisecond,
    /// A logout whose reason is [`Kicked`](crate::domain::LeaveReason::Kicked) does not end
    /// logins from shortly before it.
    KicksSpareTheirReplacement,
    /// Where logins are exclusive, the session with the latest login decides whether the user
    /// is present.
    LatestSessionDecides,
    /// A login time that only a logout names counts as known.
    NamedLoginsDecide,
    /// Between two logins of one time, the greater session id decides.
    TiesGoToTheGreaterSession,
    /// A login at or before a time up to which logins are ended stays ended.
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
    /// An event too far from its receipt is not applied.
    StaleIsNotApplied,
    /// A late logout of a known session, or close of a known life, still ends it.
    LateEndsStillEnd,
    /// Evidence is kept for longer than the reorder horizon.
    EvidenceOutlivesHorizon,
    /// A user who is present is not forgotten.
    PresentUsersStay,
    /// All sessions of a user who is not present are forgotten together.
    AbsentUsersGoWhole,
    /// Forgetting a life forgets those that began earlier.
    EarlierLivesGoToo,
    /// The current life is not forgotten because another life is forgotten.
    TheCurrentLifeStays,
    /// A life whose start is unknown is not forgotten because another life is forgotten.
    UnknownStartsStay,
    /// Recorders and bots are present, but not counted.
    AdminsAreNotCounted,
    /// A number that is seen twice counts once.
    NumbersAreASet,
}

impl Rule {
    /// All rules.
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
