//! Any history of users, jumps and restarts.

use proptest::prelude::*;

use super::{
    machine::{HOUR, SECOND},
    rig::Rig,
    service::Storage,
    truth::Truth,
    vendor::Vendor,
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
    /// The same, and the service restarts with the wrong clock: from a checkpoint if it was
    /// stopped, from the journal if it was killed.
    Restart {
        skew: i64,
        seconds: u64,
        user: u32,
        is_stopped: bool,
    },
}

fn skew() -> impl Strategy<Value = i64> {
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
        1 => (skew(), 1..60u64, user, any::<bool>()).prop_map(|(skew, seconds, user, is_stopped)| {
            Step::Restart { skew, seconds, user, is_stopped }
        }),
    ]
}

async fn take(truth: &mut Truth, step: Step) {
    match step {
        Step::Toggle(user) => truth.toggle(user).await,
        Step::Repeat(_) if truth.events().is_empty() => {}
        Step::Repeat(which) => truth.repeat(which.get(truth.events()), "a repeat").await,
        Step::Pass(seconds) => truth.rig.pass(seconds * SECOND).await,
        Step::Jump {
            skew,
            seconds,
            user,
        } => {
            truth.rig.set_skew(skew);
            truth.toggle(user).await;
            truth.rig.pass(seconds * SECOND).await;
            truth.recover().await;
        }
        Step::Restart {
            skew,
            seconds,
            user,
            is_stopped,
        } => {
            truth.rig.set_skew(skew);
            match is_stopped {
                true => truth.rig.stop_and_start(),
                false => truth.rig.restart(),
            }
            truth.toggle(user).await;
            truth.rig.pass(seconds * SECOND).await;
            truth.recover().await;
        }
    }
}

async fn check(vendor: Vendor, steps: &[Step]) {
    let mut truth = Truth::new(Rig::start_with(vendor, 0, Storage::in_folder()));
    for step in steps {
        take(&mut truth, *step).await;
        truth.assert_known(&format!("{step:?}"));
    }
    truth.recover().await;
    truth.assert_settled("in the end");
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
            .build()
            .unwrap();
        runtime.block_on(check(vendor, &steps));
    }
}
