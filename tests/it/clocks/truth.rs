//! Users who come and go, and who is present in truth.

use std::collections::BTreeMap;

use super::{
    machine::{MINUTE, SECOND},
    rig::Rig,
    vendor::Event,
};

/// Who is present, and every callback so far.
pub(crate) struct Truth {
    pub(crate) rig: Rig,
    present: BTreeMap<u32, Event>,
    events: Vec<Event>,
}

impl Truth {
    /// Nobody has come yet.
    pub(crate) fn new(rig: Rig) -> Self {
        Self {
            rig,
            present: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// Every callback so far.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// A user comes, or goes if they are there.
    pub(crate) async fn toggle(&mut self, user: u32) {
        let now = self.rig.now();
        let event = match self.present.remove(&user) {
            Some(login) => Event {
                logout_at: Some(now),
                ..login
            },
            None => {
                let login = Event {
                    user,
                    session: self.events.len() as u64 + 1,
                    login_at: now,
                    logout_at: None,
                };
                self.present.insert(user, login);
                login
            }
        };
        self.events.push(event);
        self.rig.send(event).await;
        // ZIM's times are in seconds.
        self.rig.pass(2 * SECOND).await;
    }

    /// A callback comes once more, with a new signature. That changes nothing.
    pub(crate) async fn repeat(&self, event: &Event, what: &str) {
        self.rig.send_once(event, self.rig.now()).await;
        self.assert_known(what);
    }

    /// Every callback since a time comes once more.
    pub(crate) async fn repeat_since(&self, since: u64, what: &str) {
        for event in self.events.iter().filter(|event| event.at() >= since) {
            self.repeat(event, what).await;
        }
    }

    /// The clock is right again, for long enough that what was refused is sent again.
    pub(crate) async fn recover(&mut self) {
        self.rig.set_skew(0);
        self.rig.pass(2 * MINUTE).await;
    }

    /// Everything was taken, and the truth is known.
    #[track_caller]
    pub(crate) fn assert_settled(&self, what: &str) {
        assert_eq!(self.rig.waiting(), 0, "not taken: {what}");
        self.assert_known(what);
    }

    /// Nobody who is there has vanished, and nobody is there who left, unless something is still
    /// to be taken.
    #[track_caller]
    pub(crate) fn assert_known(&self, what: &str) {
        if self.rig.waiting() > 0 {
            return;
        }
        for Event { user, .. } in &self.events {
            let is_present = self.present.contains_key(user);
            assert_eq!(self.rig.is_present(*user), is_present, "{user}: {what}");
        }
    }
}
