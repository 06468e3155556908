//! Any history of users, jumps and restarts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    rig::{MINUTE, Rig, SECOND},
    vendor::{Event, Vendor},
};
use crate::common::properties;

const USERS: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A user comes or goes.
    Toggle(u32),
    /// A callback comes once more, with a new signature.
    Repeat(prop::sample::Index),
    /// Nothing happens for so long, in seconds.
    Pass(u64),
    /// The system's clock is so far ahead for so long, in seconds, while a user comes or goes.
    Jump { skew: i64, seconds: u64, user: u32 },
    /// The same, and the service restarts with the wrong clock.
    Restart { skew: i64, seconds: u64, user: u32 },
}

fn skew() -> impl Strategy<Value = i64> {
    const HOUR: i64 = 3_600_000;
    let hours = prop::sample::select(vec![1, -1, 8_760, -8_760, 0]);
    prop_oneof![hours.prop_map(|hours| hours * HOUR), -2 * HOUR..2 * HOUR]
}

fn step() -> impl Strategy<Value = Step> {
    let user = 0..USERS;
    prop_oneof![
        3 => user.clone().prop_map(Step::Toggle),
        3 => any::<prop::sample::Index>().prop_map(Step::Repeat),
        1 => (1..400u64).prop_map(Step::Pass),
        2 => (skew(), 1..200u64, user.clone())
            .prop_map(|(skew, seconds, user)| Step::Jump { skew, seconds, user }),
        1 => (skew(), 1..60u64, user)
            .prop_map(|(skew, seconds, user)| Step::Restart { skew, seconds, user }),
    ]
}

/// Who is present, and every callback so far.
struct Truth {
    rig: Rig,
    present: BTreeMap<u32, Event>,
    events: Vec<Event>,
}

impl Truth {
    async fn toggle(&mut self, user: u32) {
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

    async fn step(&mut self, step: Step) {
        match step {
            Step::Toggle(user) => self.toggle(user).await,
            Step::Repeat(_) if self.events.is_empty() => {}
            Step::Repeat(which) => {
                let event = which.get(&self.events);
                self.rig.send_once(event, self.rig.now()).await;
            }
            Step::Pass(seconds) => self.rig.pass(seconds * SECOND).await,
            Step::Jump {
                skew,
                seconds,
                user,
            } => {
                self.rig.set_skew(skew);
                self.toggle(user).await;
                self.rig.pass(seconds * SECOND).await;
                self.recover().await;
            }
            Step::Restart {
                skew,
                seconds,
                user,
            } => {
                self.rig.set_skew(skew);
                self.rig.restart(true);
                self.toggle(user).await;
                self.rig.pass(seconds * SECOND).await;
                self.recover().await;
            }
        }
    }

    /// The clock is right again, for long enough that what was refused is sent again.
    async fn recover(&mut self) {
        self.rig.set_skew(0);
        self.rig.pass(2 * MINUTE).await;
    }
}

async fn check(vendor: Vendor, steps: &[Step]) {
    let mut truth = Truth {
        rig: Rig::start(vendor, 0),
        present: BTreeMap::new(),
        events: Vec::new(),
    };
    for step in steps {
        truth.step(*step).await;
    }
    truth.recover().await;
    assert_eq!(truth.rig.waiting(), 0, "not taken");
    for user in 0..USERS {
        let is_present = truth.present.contains_key(&user);
        assert_eq!(truth.rig.is_present(user), is_present, "{user}");
    }
}

proptest! {
    #![proptest_config(properties::cases(24))]

    #[test]
    fn whoever_is_there_is_there_whatever_the_clock_does(
        vendor in prop::sample::select(&Vendor::ALL[..]),
        steps in prop::collection::vec(step(), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(check(vendor, &steps));
    }
}
