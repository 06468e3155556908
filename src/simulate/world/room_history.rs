//! Makes the history of one room, and writes two accounts of it at once: what is true, and
//! what the vendor reports.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use crate::simulate::{
    callbacks::{PlannedCallback, Sending, Spelling, SubjectIndex, VendorReport, zego::Report},
    truth::{RoomTruth, TrueLife, TrueUser},
};

use super::names;

/// The epoch of the vendor's session ids, as documented samples show: their
/// upper bits are the login time.
const SESSION_EPOCH: u64 = 1_474_802_888_000;

/// A history in the making. Each method is one thing that truly happens: it
/// changes the truth and adds the callback that reports it.
#[derive(Debug)]
pub(super) struct RoomHistory {
    pub(super) rng: Pcg64,
    room: usize,
    /// What makes ids unique to this run.
    tag: String,
    pub(super) truth: RoomTruth,
    pub(super) callbacks: Vec<PlannedCallback>,
    pub(super) life: Life,
    /// How the next callbacks are sent.
    pub(super) sending: Sending,
    sessions: u64,
}

/// The life that a history is in.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    pub(super) id: u64,
    /// The last number given to a login or logout.
    number: u64,
    /// Callbacks as they were in 2022: no session ids, no numbers, no login
    /// times in logouts.
    pub(super) legacy: bool,
    name: String,
    /// From when on it has another name.
    renamed: Option<(u64, String)>,
    named_by: u64,
    /// When the last act of each user ends. The next act of the user must not begin in the same
    /// millisecond, unless a story is about that.
    pub(super) busy_until: BTreeMap<String, u64>,
    /// The last session that each user had.
    pub(super) last_session: BTreeMap<String, String>,
}

/// How a life begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct LifeStart {
    /// By the clock that stamps it.
    pub(super) at: u64,
    /// Whether the vendor reports it: a switch of its own in the console.
    pub(super) reported: bool,
    pub(super) legacy: bool,
}

/// How a login ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoginEnd {
    /// By the clock that stamps it.
    pub(super) at: u64,
    pub(super) reason: u32,
    pub(super) names_login: bool,
}

impl RoomHistory {
    pub(super) fn new(seed: u64, room: usize, tag: &str) -> Self {
        Self {
            rng: Pcg64::seed_from_u64(seed),
            room,
            tag: tag.to_owned(),
            truth: RoomTruth::default(),
            callbacks: Vec::new(),
            life: Life::default(),
            sending: Sending::Disordered,
            sessions: 0,
        }
    }

    /// The room begins a life with a random id. Users of the life before are not in this one.
    pub(super) fn open(&mut self, opening: LifeStart) {
        // Above half of the range, where signed numbers and floats go wrong.
        let id = self.rng.random_range(1..u64::MAX);
        self.open_as(id, opening);
    }

    pub(super) fn open_as(&mut self, id: u64, opening: LifeStart) {
        let LifeStart {
            at,
            reported,
            legacy,
        } = opening;
        let plain = format!("room {}", self.room);
        let name = names::name(&mut self.rng, &plain);
        let spare = names::name(&mut self.rng, "another name");
        self.life = Life {
            id,
            legacy,
            name,
            ..Life::default()
        };
        if self.rng.random_bool(0.2) {
            self.life.renamed = Some((at + self.rng.random_range(0..20_000), spare));
        }
        let creator_id = if reported {
            self.some_user()
        } else {
            String::new()
        };
        self.truth.users.clear();
        self.truth.life = Some(TrueLife {
            session_id: id.to_string(),
            name: String::new(),
            creator_id: creator_id.clone(),
            open_time: reported.then_some(at),
            close_time: None,
        });
        if reported {
            self.report(at, Report::Create { at, creator_id });
        }
    }

    /// The life ends, and with it the presence of all its users.
    pub(super) fn close(&mut self, at: u64, reason: u32) {
        self.truth.users.clear();
        if let Some(life) = &mut self.truth.life {
            life.close_time = Some(at);
        }
        self.report(at, Report::Close { at, reason });
    }

    pub(super) fn login(&mut self, user_id: &str, session_id: &str, at: u64) {
        let relogin = self.truth.users.contains_key(user_id);
        let profile = names::profile(&mut self.rng, user_id);
        let room_name = match &self.life.renamed {
            _ if self.life.legacy => String::new(),
            Some((from, renamed)) if at >= *from => renamed.clone(),
            _ => self.life.name.clone(),
        };
        let user = TrueUser {
            session_id: session_id.to_owned(),
            login_time: at,
            profile: profile.clone(),
        };
        self.truth.users.insert(user_id.to_owned(), user);
        self.name_room(&room_name, at);
        let number = self.next_number();
        let report = Report::Login {
            user_id: user_id.to_owned(),
            session_id: self.spell_session(session_id),
            at,
            room_name,
            profile,
            relogin,
            number,
        };
        self.report(at, report);
        self.note(user_id, session_id, at);
    }

    /// The user's login ends, and the user is gone.
    pub(super) fn logout(&mut self, user_id: &str, leaving: LoginEnd) {
        if let Some(user) = self.truth.users.remove(user_id) {
            self.report_logout(user_id, &user.session_id, user.login_time, leaving);
        }
    }

    /// The vendor reports the end of a login that makes no difference to who is
    /// here: another one replaced it, or it was of a life that is over.
    pub(super) fn report_logout(
        &mut self,
        user_id: &str,
        session_id: &str,
        login_at: u64,
        leaving: LoginEnd,
    ) {
        let number = self.next_number();
        let report = Report::Logout {
            user_id: user_id.to_owned(),
            session_id: self.spell_session(session_id),
            login_at: (leaving.names_login && !self.life.legacy).then_some(login_at),
            at: leaving.at,
            reason: leaving.reason,
            number,
        };
        self.report(leaving.at, report);
        self.note(user_id, session_id, leaving.at);
    }

    /// A callback about this room; the ones before were made by the methods
    /// above, this one is for stories that need it their own way.
    pub(super) fn report(&mut self, happened_at: u64, report: impl Into<VendorReport>) {
        let what = report.into();
        let spelling = match what {
            VendorReport::Zego(Report::Login { .. } | Report::Logout { .. })
                if self.life.legacy =>
            {
                Spelling::Legacy
            }
            _ => Spelling::any(&mut self.rng),
        };
        self.callbacks.push(PlannedCallback {
            about: SubjectIndex::Room(self.room),
            life: self.life.id,
            what,
            happened_at,
            sending: self.sending.clone(),
            spelling,
        });
    }

    /// A session id for a login at a time: most grow with the time, some are random.
    pub(super) fn new_session(&mut self, at: u64) -> String {
        if self.life.legacy {
            return String::new();
        }
        if self.rng.random_bool(0.2) {
            return self.rng.random_range(1..u64::MAX).to_string();
        }
        self.growing_session(at)
    }

    /// A session id that is greater than every earlier one of its millisecond.
    pub(super) fn growing_session(&mut self, at: u64) -> String {
        self.sessions += 1;
        ((at.saturating_sub(SESSION_EPOCH) << 22) + self.sessions).to_string()
    }

    /// A user who has not been in the room yet, for parts of a story.
    pub(super) fn newcomer(&mut self) -> String {
        self.sessions += 1;
        format!("sim-{}-guest-{}-{}", self.tag, self.room, self.sessions)
    }

    /// One of the `pool` regulars.
    pub(super) fn some_regular(&mut self, pool: usize) -> String {
        names::regular(&self.tag, self.rng.random_range(0..pool.max(1)))
    }

    fn some_user(&mut self) -> String {
        let number = self.rng.random_range(0..1000);
        names::name(&mut self.rng, &format!("creator-{number}"))
    }

    /// Older callbacks say `"0"` where they have no session id.
    fn spell_session(&self, session_id: &str) -> String {
        if session_id.is_empty() {
            "0"
        } else {
            session_id
        }
        .to_owned()
    }

    fn name_room(&mut self, name: &str, at: u64) {
        if !name.is_empty() && at >= self.life.named_by {
            self.life.named_by = at;
            if let Some(life) = &mut self.truth.life {
                name.clone_into(&mut life.name);
            }
        }
    }

    fn next_number(&mut self) -> Option<u64> {
        self.life.number += 1;
        (!self.life.legacy).then_some(self.life.number)
    }

    pub(super) fn note(&mut self, user_id: &str, session_id: &str, at: u64) {
        let life = &mut self.life;
        let until = life.busy_until.entry(user_id.to_owned()).or_default();
        *until = at.max(*until);
        (life.last_session).insert(user_id.to_owned(), session_id.to_owned());
    }
}
