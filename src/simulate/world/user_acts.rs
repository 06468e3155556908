//! What single users do: the small stories that every room is full of. Each is
//! complete in itself, and its end can be known from its callbacks.

use rand::{RngExt as _, seq::IteratorRandom as _};

use super::room_history::{LoginEnd, RoomHistory};

/// How far two of the vendor's clocks may be apart here: below the 250 ms that
/// reconciliation forgives, so that what is generated can be decided.
const SKEW: u64 = 200;

/// Why users leave, other than being kicked.
const REASONS: [u32; 4] = [0, 1, 2, 4];
const KICKED: u32 = 3;

impl RoomHistory {
    /// Makes one user act at `at`. `pool` is how many regulars there are.
    pub(super) fn act(&mut self, pool: usize, at: u64) {
        let user_id = self.idle_user(pool, at);
        if self.truth.users.contains_key(&user_id) {
            match self.rng.random_range(0..100) {
                0..52 => self.leave(&user_id, at),
                52..64 => self.login_again(&user_id, at),
                _ if self.life.legacy => self.login_again(&user_id, at),
                64..73 => self.kick_oneself(&user_id, at),
                73..82 => self.bounce(&user_id, at),
                82..94 => self.change_device(&user_id, at),
                _ => self.take_over(&user_id, at),
            }
        } else {
            match self.rng.random_range(0..100) {
                0..60 => self.join(&user_id, at),
                60..92 => self.visit(&user_id, at),
                _ if self.life.legacy => self.join(&user_id, at),
                _ => self.join_twice_at_once(&user_id, at),
            }
        }
    }

    /// A user whose last act has ended.
    fn idle_user(&mut self, pool: usize, at: u64) -> String {
        for _ in 0..8 {
            let user_id = self.some_regular(pool);
            if self.is_idle(&user_id, at) {
                return user_id;
            }
        }
        self.newcomer()
    }

    pub(super) fn is_idle(&self, user_id: &str, at: u64) -> bool {
        let until = self.life.busy_until.get(user_id);
        until.is_none_or(|until| *until < at)
    }

    /// Logs in; sometimes with the session of the last time.
    pub(super) fn join(&mut self, user_id: &str, at: u64) {
        let last = self.life.last_session.get(user_id).cloned();
        let session = match last {
            Some(last) if self.rng.random_bool(0.3) => last,
            _ => self.new_session(at),
        };
        self.login(user_id, &session, at);
    }

    /// Logs out. A logout that names its login may be stamped by a clock that is
    /// behind the login's. (`LogoutsLeaveTombstones`, `LogoutsEndTheirLogin`,
    /// `EndsAreFinal`)
    pub(super) fn leave(&mut self, user_id: &str, at: u64) {
        let names_login = self.rng.random_bool(0.85) && !self.life.legacy;
        let reason = self.rng.random_range(0..5);
        let at = if names_login { self.skewed(at) } else { at };
        let leaving = LoginEnd {
            at,
            reason,
            names_login,
        };
        self.logout(user_id, leaving);
    }

    /// In and out again, within what clocks may be apart: the logout may bear an
    /// earlier time than the login, or the same. (`LogoutsEndTheirLogin`)
    pub(super) fn visit(&mut self, user_id: &str, at: u64) {
        self.join(user_id, at);
        let left_at = at + self.rng.random_range(1..30);
        if self.life.legacy {
            return self.leave(user_id, left_at);
        }
        let stamped = match self.rng.random_range(0..3) {
            0 => at,
            1 => self.skewed(left_at),
            _ => left_at,
        };
        let reason = self.any_reason();
        let leaving = LoginEnd {
            at: stamped,
            reason,
            names_login: true,
        };
        self.logout(user_id, leaving);
    }

    /// Logs in again under the same session, and appears in another way; the
    /// vendor says nothing of the login before. (`LatestLoginCounts`)
    pub(super) fn login_again(&mut self, user_id: &str, at: u64) {
        if let Some((session, _)) = self.login_of(user_id) {
            self.login(user_id, &session, at);
        }
    }

    /// Logs in again under the same session; the logout of the login that was
    /// replaced follows, stamped after the new login. (`KicksSpareTheirReplacement`)
    pub(super) fn kick_oneself(&mut self, user_id: &str, at: u64) {
        let Some((session, login_at)) = self.login_of(user_id) else {
            return;
        };
        self.login(user_id, &session, at);
        let leaving = LoginEnd {
            at: at + self.rng.random_range(1..=SKEW),
            reason: KICKED,
            names_login: true,
        };
        self.report_logout(user_id, &session, login_at, leaving);
    }

    /// Logs out and in within a millisecond, under the same session.
    /// (`LogoutsSpareTheirMillisecond`)
    pub(super) fn bounce(&mut self, user_id: &str, at: u64) {
        let Some((session, _)) = self.login_of(user_id) else {
            return;
        };
        let leaving = LoginEnd {
            at,
            reason: self.any_reason(),
            names_login: true,
        };
        self.logout(user_id, leaving);
        self.login(user_id, &session, at);
    }

    /// Logs in on another device; the vendor reports the end of the old login at
    /// about the same time, not always by name. (`LatestSessionDecides`)
    pub(super) fn change_device(&mut self, user_id: &str, at: u64) {
        let Some((session, login_at)) = self.login_of(user_id) else {
            return;
        };
        self.take_over(user_id, at);
        let leaving = LoginEnd {
            at: self.skewed(at).max(login_at),
            reason: KICKED,
            names_login: self.rng.random_bool(0.8),
        };
        self.report_logout(user_id, &session, login_at, leaving);
    }

    /// Logs in on another device, and the vendor never speaks of the old login
    /// again: it must not come back when the new one ends.
    /// (`LatestSessionDecides`)
    pub(super) fn take_over(&mut self, user_id: &str, at: u64) {
        let session = self.new_session(at);
        self.login(user_id, &session, at);
    }

    /// Logs in on two devices in one millisecond: the vendor gives the second
    /// one the greater id. (`TiesGoToTheGreaterSession`)
    pub(super) fn join_twice_at_once(&mut self, user_id: &str, at: u64) {
        let (first, second) = (self.growing_session(at), self.growing_session(at));
        self.login(user_id, &first, at);
        self.login(user_id, &second, at);
        if self.rng.random_bool(0.5) {
            let leaving = LoginEnd {
                at: at + self.rng.random_range(0..=SKEW),
                reason: KICKED,
                names_login: true,
            };
            self.report_logout(user_id, &first, at, leaving);
        }
    }

    fn login_of(&self, user_id: &str) -> Option<(String, u64)> {
        let user = self.truth.users.get(user_id)?;
        Some((user.session_id.clone(), user.login_time))
    }

    fn skewed(&mut self, at: u64) -> u64 {
        at - SKEW + self.rng.random_range(0..=2 * SKEW)
    }

    fn any_reason(&mut self) -> u32 {
        REASONS.into_iter().choose(&mut self.rng).unwrap_or(0)
    }
}
