//! Clocks that are wrong while the service is restarted on its data folder.

use super::{
    machine::{SECOND, SKEWS},
    rig::Rig,
    service::Storage,
    truth::Truth,
    vendor::Vendor,
};

/// What happens in a plan.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The system's clock becomes wrong.
    Wrong,
    /// The system's clock becomes right.
    Right,
    /// A user comes, or goes if they are there.
    Toggle(u32),
    /// So many seconds pass.
    Pass(u64),
    /// The service is killed, and starts from its journal.
    Kill,
    /// The service is stopped, and starts from its checkpoint.
    Stop,
    /// The clock is right for long enough that what was refused is taken. Then every callback comes
    /// once more, and the truth is checked.
    Check,
}

use Act::{Check, Kill, Right, Stop, Wrong};

const ANN: Act = Act::Toggle(1);
const BOB: Act = Act::Toggle(2);
const CARL: Act = Act::Toggle(3);

const BLINK: Act = Act::Pass(1);
const WAIT: Act = Act::Pass(9);
/// Long enough that evidence of before is forgotten.
const LONG: Act = Act::Pass(12 * 60);

/// When the system's clock is wrong.
const PLANS: [(&str, &[Act]); 5] = [
    (
        "at the first start and the next",
        &[
            Wrong, Kill, ANN, BOB, Kill, BOB, Stop, CARL, Check, ANN, Kill, Check, Stop, Check,
        ],
    ),
    (
        "while it runs, and right at each start",
        &[
            ANN, BOB, Wrong, CARL, WAIT, Right, Kill, BOB, Wrong, WAIT, BOB, Right, Stop, Check,
            LONG, Wrong, CARL, WAIT, Right, Stop, Check, Kill, Check,
        ],
    ),
    (
        "from before a start until after it",
        &[
            ANN, BOB, LONG, Wrong, WAIT, Stop, BOB, WAIT, Check, CARL, Wrong, ANN, Kill, WAIT,
            Check, Stop, Check,
        ],
    ),
    (
        "at each start",
        &[
            ANN, BOB, Wrong, Kill, Right, BOB, Wrong, Stop, Right, CARL, WAIT, Check, LONG, Wrong,
            Stop, Right, CARL, Wrong, Kill, Right, BOB, Check, Stop, Check,
        ],
    ),
    (
        "again and again",
        &[
            ANN, Wrong, BLINK, Right, BLINK, Wrong, BOB, Right, Wrong, Kill, Right, BLINK, Wrong,
            BOB, Right, BLINK, Wrong, Stop, BLINK, Right, CARL, Wrong, BLINK, Right, BLINK, Wrong,
            Check, LONG, Wrong, ANN, Stop, Right, Kill, Wrong, Kill, Check,
        ],
    ),
];

async fn run(vendor: Vendor, skew: i64, (name, plan): (&str, &[Act])) {
    let what = format!("{vendor:?}, {skew} ms ahead {name}");
    let at_start = match plan {
        [Wrong, ..] => skew,
        _ => 0,
    };
    let mut truth = Truth::new(Rig::start_with(vendor, at_start, Storage::in_folder()));
    for act in plan {
        match *act {
            Wrong => truth.rig.set_skew(skew),
            Right => truth.rig.set_skew(0),
            Act::Toggle(user) => truth.toggle(user).await,
            Act::Pass(seconds) => truth.rig.pass(seconds * SECOND).await,
            Kill => truth.rig.restart(),
            Stop => truth.rig.stop_and_start(),
            Check => {
                truth.recover().await;
                for event in truth.events() {
                    truth.repeat(event).await;
                }
                truth.assert(&what);
            }
        }
    }
}

async fn run_all(vendor: Vendor) {
    for skew in SKEWS {
        for plan in PLANS {
            run(vendor, skew, plan).await;
        }
    }
}

#[tokio::test]
async fn zego_keeps_the_truth_through_wrong_clocks_and_restarts() {
    run_all(Vendor::Zego).await;
}

#[tokio::test]
async fn zim_keeps_the_truth_through_wrong_clocks_and_restarts() {
    run_all(Vendor::Zim).await;
}

#[tokio::test]
async fn tencent_keeps_the_truth_through_wrong_clocks_and_restarts() {
    run_all(Vendor::Tencent).await;
}

#[tokio::test]
async fn tencent_without_signatures_keeps_the_truth_through_wrong_clocks_and_restarts() {
    run_all(Vendor::TencentUnsigned).await;
}
