//! What rooms go through while a server forgets: short stories, sent to the
//! millisecond, against a server whose horizon is a few seconds. They begin
//! together; [`settled_after`] says when the last has had its effect.

use crate::simulate::callbacks::Sending;

use super::{
    room_history::{LifeStart, LoginEnd, RoomHistory},
    story_frame::StoryFrame,
};

/// Between two ticks of a server: forgetting happens at ticks.
const TICK: u64 = 1_000;

/// How far before or after the edge of what a server remembers a callback is sent.
pub(super) const SLACK: u64 = 600;

/// A story about forgetting, and the rule that its truth depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LateStory {
    /// Logouts come after the horizon, of sessions that are known.
    /// (`LateEndsStillEnd`)
    LateLogouts,
    /// A close comes after the horizon, of a life that is known.
    /// (`LateEndsStillEnd`)
    LateClose,
    /// Logins come long after their logouts, but within the horizon.
    /// (`EvidenceOutlivesHorizon`)
    LateLogins,
    /// Users log in and are silent from then on. (`PresentUsersStay`)
    QuietUsers,
    /// No callback reports the end of an older session, and its login is repeated once more
    /// than that of the newer. (`AbsentUsersGoWhole`)
    UnendedSessions,
    /// No callback reports the end of an older life, and a login of it is repeated once more
    /// than those of the newer. (`EarlierLivesGoToo`)
    UnendedLife,
    /// The life that counts began, by the clocks, before one that is over.
    /// (`TheCurrentLifeStays`)
    SkewedLives,
    /// All but the login of a life is known when an older one is forgotten.
    /// (`UnknownStartsStay`)
    UnknownStart,
    /// A create comes again after its life was forgotten. (`StaleIsNotApplied`)
    Echo,
}

/// When, after they begin, all of these stories have had their effect.
pub(crate) fn settled_after(horizon: u64, grace: u64) -> u64 {
    horizon + grace + 2 * TICK + SLACK
}

impl LateStory {
    pub(crate) const ALL: [LateStory; 9] = [
        LateStory::LateLogouts,
        LateStory::LateClose,
        LateStory::LateLogins,
        LateStory::QuietUsers,
        LateStory::UnendedSessions,
        LateStory::UnendedLife,
        LateStory::SkewedLives,
        LateStory::UnknownStart,
        LateStory::Echo,
    ];

    pub(super) fn play(self, history: &mut RoomHistory, frame: &StoryFrame) {
        match self {
            LateStory::LateLogouts => late_logouts(history, frame),
            LateStory::LateClose => late_close(history, frame),
            LateStory::LateLogins => late_logins(history, frame),
            LateStory::QuietUsers => quiet_users(history, frame),
            LateStory::UnendedSessions => unended_sessions(history, frame),
            LateStory::UnendedLife => unended_life(history, frame),
            LateStory::SkewedLives => skewed_lives(history, frame),
            LateStory::UnknownStart => unknown_start(history, frame),
            LateStory::Echo => echo(history, frame),
        }
    }
}

impl RoomHistory {
    fn sent_at<const N: usize>(&mut self, times: [u64; N]) -> &mut Self {
        self.sending = Sending::At(times.to_vec());
        self
    }

    fn open_now(&mut self, at: u64) {
        let opening = LifeStart {
            at,
            reported: true,
            legacy: false,
        };
        self.sent_at([at]).open(opening);
    }

    fn join_now(&mut self, at: u64) -> String {
        let user_id = self.newcomer();
        self.sent_at([at]).join(&user_id, at);
        user_id
    }
}

fn leaving(at: u64) -> LoginEnd {
    LoginEnd {
        at,
        reason: 0,
        names_login: true,
    }
}

fn late_logouts(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.from;
    history.open_now(at);
    history.join_now(at);
    for _ in 0..3 {
        let user_id = history.join_now(at);
        (history.sent_at([at + 100 + frame.horizon + SLACK])).logout(&user_id, leaving(at + 100));
    }
}

fn late_close(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.from;
    history.open_now(at);
    history.join_now(at);
    (history.sent_at([at + 100 + frame.horizon + SLACK])).close(at + 100, 0);
}

fn late_logins(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.from;
    history.open_now(at);
    history.join_now(at);
    for _ in 0..3 {
        let user_id = history.newcomer();
        (history.sent_at([at + frame.horizon - SLACK])).join(&user_id, at);
        history
            .sent_at([at + 50])
            .logout(&user_id, leaving(at + 50));
    }
}

fn quiet_users(history: &mut RoomHistory, frame: &StoryFrame) {
    history.open_now(frame.from);
    for _ in 0..3 {
        history.join_now(frame.from);
    }
}

fn unended_sessions(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.from;
    history.open_now(at);
    history.join_now(at);
    for _ in 0..3 {
        let user_id = history.newcomer();
        (history.sent_at([at, at + frame.horizon - SLACK])).join(&user_id, at);
        history.sent_at([at + 100]).take_over(&user_id, at + 100);
        (history.sent_at([at + 200])).logout(&user_id, leaving(at + 200));
    }
}

fn unended_life(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.from;
    history.open_now(at);
    let user_id = history.newcomer();
    (history.sent_at([at, at + frame.horizon - SLACK])).join(&user_id, at);
    let opens_at = at + 300;
    history.open_now(opens_at);
    let user_id = history.join_now(opens_at);
    let ends_at = opens_at + 50;
    history
        .sent_at([ends_at])
        .logout(&user_id, leaving(ends_at));
    history.sent_at([ends_at]).close(ends_at, 0);
}

fn skewed_lives(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.from + 100;
    history.open_now(at);
    let user_id = history.join_now(at);
    history
        .sent_at([at + 10])
        .logout(&user_id, leaving(at + 10));
    history.sent_at([at + 30]).close(at + 30, 0);
    history.open_now(at - 40);
    history.join_now(at - 40);
}

/// The older life is due [`EvidenceOutlivesHorizon`]'s span after it is closed;
/// the newer is known by its logout and its close just before that, and its
/// login comes just after.
///
/// [`EvidenceOutlivesHorizon`]: LateStory::LateLogins
fn unknown_start(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.from;
    history.open_now(at);
    history.join_now(at);
    history.sent_at([at + 50]).close(at + 50, 0);
    let due_at = at + 50 + frame.horizon + frame.grace;
    let opens_at = due_at - SLACK;
    history.open(LifeStart {
        at: opens_at,
        reported: false,
        legacy: false,
    });
    let user_id = history.newcomer();
    (history.sent_at([due_at + TICK + SLACK])).join(&user_id, opens_at);
    let nameless = LoginEnd {
        names_login: false,
        ..leaving(opens_at + 20)
    };
    history.sent_at([opens_at + 60]).logout(&user_id, nameless);
    (history.sent_at([opens_at + 60])).close(opens_at + 40, 0);
}

fn echo(history: &mut RoomHistory, frame: &StoryFrame) {
    let at = frame.from;
    let again = at + frame.horizon + frame.grace + TICK + SLACK;
    let opening = LifeStart {
        at,
        reported: true,
        legacy: false,
    };
    history.sent_at([at, again]).open(opening);
    history.sent_at([at + 100]).close(at + 100, 0);
}
