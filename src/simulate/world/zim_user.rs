//! What users of ZIM go through: their devices log in and out, several at once.
//! Times are whole seconds, so nothing here depends on the order of what one
//! session does within a second, but for two things that are certain: a logout
//! that names its login ends that one, and spares a later one.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _, seq::IteratorRandom as _};
use rand_pcg::Pcg64;

use crate::simulate::{
    callbacks::{
        PlannedCallback, Sending, Spelling, SubjectIndex, VendorReport,
        zim::{Action, Report},
    },
    truth::{TrueDevice, UserTruth},
};

use super::{late_stories::SLACK, names, story_frame::StoryFrame};

/// Milliseconds.
const SECOND: u64 = 1_000;

/// With so many online, a device goes before another comes.
const DEVICES_MAX: usize = 6;

const PLATFORMS: [&str; 8] = [
    "PC",
    "IOS_PHONE",
    "ANDROID",
    "MAC",
    "LINUX",
    "WEB",
    "MINIPROGRAM",
    "ANDROID_TV",
];

/// A user in the making. Each method is one thing that truly happens: it changes
/// the truth and adds the callbacks that report it.
#[derive(Debug)]
pub(super) struct ZimUser {
    rng: Pcg64,
    user: usize,
    pub(super) truth: UserTruth,
    pub(super) callbacks: Vec<PlannedCallback>,
    /// The second of the login that gave the name.
    named_at: u64,
    /// The second in which the last act of each session ends.
    busy_until: BTreeMap<String, u64>,
    /// How the next callbacks are sent.
    sending: Sending,
    /// Whether the server may forget a user who is not online.
    is_forgotten: bool,
}

impl ZimUser {
    pub(super) fn new(seed: u64, user: usize) -> Self {
        Self {
            rng: Pcg64::seed_from_u64(seed),
            user,
            truth: UserTruth::default(),
            callbacks: Vec::new(),
            named_at: 0,
            busy_until: BTreeMap::new(),
            sending: Sending::Disordered,
            is_forgotten: false,
        }
    }

    pub(super) fn play(&mut self, frame: &StoryFrame) {
        self.is_forgotten = frame.grace > 0;
        if self.is_forgotten && self.user.is_multiple_of(4) {
            self.leave_late(frame);
        }
        let mut at = frame.from;
        loop {
            self.act(at);
            let done = self.callbacks.len();
            if done >= frame.callbacks {
                return;
            }
            at = frame.from + frame.span() * done as u64 / frame.callbacks as u64;
        }
    }

    fn act(&mut self, at: u64) {
        let is_full = self.truth.devices.len() >= DEVICES_MAX;
        let device = self.some_idle_device(at);
        match (device, self.rng.random_range(0..100)) {
            (Some(session), _) if is_full => self.leave(&session, at),
            (Some(session), 0..40) => self.leave(&session, at),
            // Logs in anew; the vendor says nothing of the login before.
            // (`LatestLoginCounts`)
            (Some(session), 40..50) => self.login(&session, at),
            (Some(session), 50..60) => self.bounce(&session, at),
            (_, 60..75) => self.visit(at),
            _ => {
                let session = self.some_session(at);
                self.login(&session, at);
            }
        }
    }

    /// In and out again, within a second. (`LogoutsEndTheirLogin`)
    fn visit(&mut self, at: u64) {
        let session = self.some_session(at);
        self.login(&session, at);
        self.leave(&session, at);
    }

    /// Logs out. A logout that names its login may be stamped by a clock of
    /// another second. (`LogoutsLeaveTombstones`, `EndsAreFinal`)
    fn leave(&mut self, session: &str, at: u64) {
        let Some(device) = self.truth.devices.remove(session) else {
            return;
        };
        let (mut stamped, mut login_at) = (at / SECOND, None);
        if self.rng.random_bool(0.8) {
            login_at = Some(device.login_time / SECOND);
            // Where the horizon is a few seconds, one that is off is too much.
            if !self.is_forgotten {
                stamped = stamped - 1 + self.rng.random_range(0..=2);
            }
        }
        self.report_leave(session, &device, at, login_at, stamped);
    }

    /// Logs out and in within a second, under the same session. The logout names
    /// the login that it ends. (`LogoutsSpareTheirMillisecond`)
    fn bounce(&mut self, session: &str, at: u64) {
        if let Some(device) = self.truth.devices.get(session).cloned() {
            let login_at = device.login_time / SECOND;
            self.report_leave(session, &device, at, Some(login_at), at / SECOND);
            self.login(session, at);
        }
    }

    /// A device logs in, another after it, which is quiet from then on, and the
    /// logout of the first is sent after the horizon. (`LateEndsStillEnd`,
    /// `PresentUsersStay`)
    fn leave_late(&mut self, frame: &StoryFrame) {
        let at = frame.from;
        self.sending = Sending::At(vec![at]);
        let (first, second) = (self.new_session(), self.new_session());
        self.login(&first, at);
        self.login(&second, at);
        self.sending = Sending::At(vec![at + frame.horizon + SLACK]);
        self.leave(&first, at);
        self.sending = Sending::Disordered;
        // No other callback is about the second device.
        self.busy_until.insert(second, u64::MAX);
    }

    fn login(&mut self, session: &str, at: u64) {
        let second = at / SECOND;
        let is_again = self.busy_until.contains_key(session);
        // A later login may name the time of the first.
        let is_first_named = is_again && self.rng.random_bool(0.5);
        let login_at = match is_first_named {
            true => second.saturating_sub(self.rng.random_range(1..60)),
            false => second,
        };
        let platform = PLATFORMS.choose(&mut self.rng).copied().unwrap_or_default();
        let user_name = self.some_name();
        let named = (second, &user_name);
        if !user_name.is_empty() && named > (self.named_at, &self.truth.name) {
            self.named_at = second;
            user_name.clone_into(&mut self.truth.name);
        }
        let device = TrueDevice {
            platform: platform.to_owned(),
            login_time: second * SECOND,
        };
        self.truth.devices.insert(session.to_owned(), device);
        let report = Report {
            session_id: session.to_owned(),
            user_name,
            os: self.spell(platform),
            relogin_at: is_again.then_some(second),
            login_at: Some(login_at),
            action: Action::Online,
        };
        self.report(at, second, report);
    }

    fn report_leave(
        &mut self,
        session: &str,
        device: &TrueDevice,
        at: u64,
        login_at: Option<u64>,
        stamped: u64,
    ) {
        let as_tabled = self.rng.random_bool(0.5);
        let action = match self.rng.random_bool(0.6) {
            true => Action::Logout { at: stamped },
            false => Action::Offline {
                at: stamped,
                as_tabled,
            },
        };
        let report = Report {
            session_id: session.to_owned(),
            user_name: self.truth.name.clone(),
            os: self.spell(&device.platform),
            relogin_at: None,
            login_at,
            action,
        };
        self.report(at, stamped.max(at / SECOND), report);
    }

    /// `until` is the second in which the act of its session ends.
    fn report(&mut self, at: u64, until: u64, report: Report) {
        let session = report.session_id.clone();
        let busy_until = self.busy_until.entry(session).or_default();
        *busy_until = until.max(*busy_until);
        self.callbacks.push(PlannedCallback {
            about: SubjectIndex::User(self.user),
            life: 0,
            what: VendorReport::Zim(report),
            happened_at: at,
            sending: self.sending.clone(),
            spelling: Spelling::any(&mut self.rng),
        });
    }

    fn some_idle_device(&mut self, at: u64) -> Option<String> {
        let devices = self.truth.devices.keys();
        let idle = devices.filter(|session| self.busy_until[*session] < at / SECOND);
        idle.choose(&mut self.rng).cloned()
    }

    /// A session that is not online: a new one, or one that was.
    fn some_session(&mut self, at: u64) -> String {
        let is_gone = |session: &&String| !self.truth.devices.contains_key(*session);
        let known = self.busy_until.iter();
        let done = known.filter(|(_, until)| **until < at / SECOND);
        let gone = done.map(|(session, _)| session).filter(is_gone);
        match gone.choose(&mut self.rng).cloned() {
            Some(gone) if self.rng.random_bool(0.3) => gone,
            _ => self.new_session(),
        }
    }

    fn new_session(&mut self) -> String {
        // Above half of the range, where signed numbers and floats go wrong.
        self.rng.random_range(1..u64::MAX).to_string()
    }

    /// A name; sometimes none, if the server knows one for as long as another
    /// device is online.
    fn some_name(&mut self) -> String {
        if !self.truth.devices.is_empty() && self.rng.random_bool(0.1) {
            return String::new();
        }
        let version = self.rng.random_range(0..1000);
        let plain = format!("user {} v{version}", self.user);
        names::name(&mut self.rng, &plain)
    }

    /// As in the vendor's sample, or without the space.
    fn spell(&mut self, platform: &str) -> String {
        let space = if self.rng.random_bool(0.5) { " " } else { "" };
        format!("{platform}{space}")
    }
}
