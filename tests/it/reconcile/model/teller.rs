//! Turns the plan of a history into what happened.

use headcount::domain::{LeaveReason, Profile, Role, RoomEvent, RoomEventKind};

use super::{
    events::{because, close, create, login, logout, numbered},
    history::{Act, Plan, Step},
};

/// The last of them is a recorder.
pub(crate) const USERS: usize = 6;
/// Lives that begin this far apart are told apart by any of the vendor's clocks.
const LIFE_SPAN_MIN: i64 = 300;
/// A room that is empty for longer is destroyed.
const EMPTY_SPAN_MAX: i64 = 25 * 60_000;

/// A session of a user, and when it may be used again.
#[derive(Clone, Debug)]
struct Session {
    id: String,
    login_at: i64,
    /// The step of the login.
    step: usize,
    /// The last logouts of it, with and without their login's time.
    named_end: i64,
    unnamed_end: i64,
}

#[derive(Debug, Default)]
struct User {
    present: Option<Session>,
    past: Vec<Session>,
    last_login_at: i64,
}

/// Tells a history.
#[derive(Debug, Default)]
pub(super) struct Teller {
    steps: Vec<Step>,
    now: i64,
    /// Before this the next life cannot begin.
    floor: i64,
    sessions: u64,
    loses_logins: bool,
    incarnation: &'static str,
    users: Vec<User>,
    number: Option<u64>,
    first_login_at: Option<i64>,
    named_at: Option<i64>,
}

// === impl Teller ===

impl Teller {
    pub(super) fn new(loses_logins: bool) -> Self {
        Self {
            loses_logins,
            ..Self::default()
        }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    pub(super) fn live(&mut self, plan: &Plan, incarnation: &'static str) {
        self.now = (self.now + plan.gap - plan.skew).max(self.floor);
        self.incarnation = incarnation;
        self.users = (0..USERS).map(|_| User::default()).collect();
        for user in &mut self.users {
            user.last_login_at = i64::MIN;
        }
        self.number = plan.is_numbered.then_some(0);
        self.first_login_at = None;
        self.named_at = None;
        self.floor = self.now + LIFE_SPAN_MIN;
        if plan.is_created || plan.acts.is_empty() {
            self.tell(create(incarnation, self.now));
        }
        for act in &plan.acts {
            let is_empty = self.users.iter().all(|user| user.present.is_none());
            let longest = if is_empty { EMPTY_SPAN_MAX } else { i64::MAX };
            self.now += act.gap.min(longest);
            self.act(act);
        }
        self.now += plan.end_gap.min(EMPTY_SPAN_MAX);
        if plan.logouts == 1 {
            self.everybody_leaves();
        }
        if plan.is_closed {
            let mut close = close(incarnation, self.now);
            if let RoomEventKind::Closed { reason, .. } = &mut close.kind {
                *reason = plan.reason;
            }
            self.tell(close);
        }
        if plan.logouts == 2 {
            self.now += 3;
            self.everybody_leaves();
        }
        let first_login_at = self.first_login_at.unwrap_or(self.floor);
        self.floor = self.floor.max(first_login_at + LIFE_SPAN_MIN);
    }

    fn act(&mut self, act: &Act) {
        let now = self.now;
        let user = &mut self.users[act.user];
        let Some(held) = user.present.take() else {
            let again = user.past.iter().position(|past| {
                now > past.unnamed_end && now >= past.named_end && now > user.last_login_at
            });
            let again = again.filter(|_| act.choice < 3);
            let session = again.map(|at| user.past.remove(at));
            return self.log_in(act, session);
        };
        match act.choice {
            // The user comes back by another device.
            0..=2 => {
                self.log_in(act, None);
                let ended_at = (now + act.kick_lag).max(held.login_at);
                self.kick(act, held, ended_at);
            }
            // By the same session. Its kick names its login, and is not early.
            3 if now > held.login_at => {
                let ended_at = now + act.kick_lag.max(0);
                let named = Act {
                    is_named: true,
                    ..act.clone()
                };
                let mut kicked = held.clone();
                kicked.named_end = kicked.named_end.max(ended_at);
                self.log_in(act, Some(kicked));
                self.number_and_tell(self.logout(&named, &held, ended_at), act.is_lost);
            }
            // The login of which nothing was heard but its end.
            4 if self.loses_logins => {
                self.steps[held.step].is_lost = true;
                let named = Act {
                    is_named: true,
                    ..act.clone()
                };
                self.log_out(&named, held);
            }
            _ => self.log_out(act, held),
        }
    }

    fn log_in(&mut self, act: &Act, again: Option<Session>) {
        let session = again.unwrap_or_else(|| {
            self.sessions += 1;
            Session {
                id: (self.sessions + 8).to_string(),
                login_at: 0,
                step: 0,
                named_end: i64::MIN,
                unnamed_end: i64::MIN,
            }
        });
        let session = Session {
            login_at: self.now,
            step: self.steps.len(),
            ..session
        };
        let mut event = login(self.incarnation, &name(act.user), &session.id, self.now);
        if let RoomEventKind::Login(login) = &mut event.kind {
            login.profile = profile(act);
            // Two names at one time are for a case of its own.
            if act.look >= 4 && self.named_at.is_none_or(|named_at| named_at < self.now) {
                login.room_name = Some(format!("room {}", act.look).into());
                self.named_at = Some(self.now);
            }
        }
        self.first_login_at = self.first_login_at.or(Some(self.now));
        self.users[act.user].last_login_at = self.now;
        self.users[act.user].present = Some(session);
        self.number_and_tell(event, false);
    }

    fn log_out(&mut self, act: &Act, held: Session) {
        let event = because(self.logout(act, &held, self.now), act.reason);
        self.number_and_tell(event, false);
        self.retire(act, held, self.now);
    }

    fn kick(&mut self, act: &Act, held: Session, ended_at: i64) {
        self.number_and_tell(self.logout(act, &held, ended_at), act.is_lost);
        self.retire(act, held, ended_at);
    }

    fn retire(&mut self, act: &Act, mut held: Session, ended_at: i64) {
        let end = if act.is_named {
            &mut held.named_end
        } else {
            &mut held.unnamed_end
        };
        *end = ended_at.max(*end);
        self.users[act.user].past.push(held);
    }

    fn logout(&self, act: &Act, held: &Session, ended_at: i64) -> RoomEvent {
        let login_at = act.is_named.then_some(held.login_at);
        let event = logout(
            self.incarnation,
            &name(act.user),
            &held.id,
            login_at,
            ended_at,
        );
        because(event, LeaveReason::Kicked)
    }

    fn everybody_leaves(&mut self) {
        for user in 0..USERS {
            if let Some(held) = self.users[user].present.take() {
                let login_at = Some(held.login_at);
                let name = name(user);
                let event = logout(self.incarnation, &name, &held.id, login_at, self.now);
                self.number_and_tell(event, false);
            }
        }
    }

    /// A number is spent also on a callback that is not delivered.
    fn number_and_tell(&mut self, event: RoomEvent, is_lost: bool) {
        self.number = self.number.map(|number| number + 1);
        let event = self.number.map_or(event.clone(), |n| numbered(event, n));
        if !is_lost {
            self.tell(event);
        }
    }

    fn tell(&mut self, event: RoomEvent) {
        let is_lost = false;
        self.steps.push(Step { event, is_lost });
    }
}

fn name(user: usize) -> String {
    format!("u{user}")
}

/// The last of the users is a recorder.
fn profile(act: &Act) -> Profile {
    let role = match act.look % 3 {
        _ if act.user + 1 == USERS => Role::Admin,
        0 => Role::Host,
        _ => Role::Audience,
    };
    Profile {
        nickname: format!("nick {}", act.look / 4).into(),
        role,
        platform: "ios".into(),
        custom_data: "".into(),
    }
}
