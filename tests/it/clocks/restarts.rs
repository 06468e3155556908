//! Clocks that are wrong while the service is restarted on its data folder.

use super::{
    machine::{HOUR, MINUTE, SECOND, SKEWS},
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
    /// Callbacks come once more, which changes nothing: all that are signed. If they are not
    /// signed, only the latest: the times of old ones would confirm a clock that is behind.
    Again,
    /// The clock is right for long enough that what was refused is taken. Then every callback comes
    /// once more.
    Check,
}

use Act::{Again, Check, Kill, Right, Stop, Wrong};

const ANN: Act = Act::Toggle(1);
const BOB: Act = Act::Toggle(2);
const CARL: Act = Act::Toggle(3);

const BLINK: Act = Act::Pass(1);
const WAIT: Act = Act::Pass(9);
/// Long enough that evidence of before is forgotten.
const LONG: Act = Act::Pass(12 * 60);

/// Within the reorder horizon, and just beyond it: what is old can seem to be in time.
const SMALL_SKEWS: [i64; 4] = [HOUR * 3 / 20, -HOUR * 3 / 20, HOUR / 5, -HOUR / 5];

/// When the system's clock is wrong.
const PLANS: [(&str, &[Act]); 6] = [
    (
        "at the first start and the next",
        &[
            Wrong, Kill, ANN, BOB, Again, Kill, BOB, Again, Stop, CARL, Check, ANN, Kill, Check,
            Stop, Check,
        ],
    ),
    (
        "while it runs, and right at each start",
        &[
            ANN, BOB, Wrong, CARL, WAIT, Right, Kill, BOB, Wrong, WAIT, BOB, Again, Right, Stop,
            Check, LONG, Wrong, CARL, WAIT, Again, Right, Stop, Check, Kill, Check,
        ],
    ),
    (
        "from before a start until after it",
        &[
            ANN, BOB, LONG, Wrong, WAIT, Stop, BOB, WAIT, Again, Check, CARL, Wrong, ANN, Kill,
            WAIT, Again, Check, Stop, Check,
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
        "at each start, when there is much to forget",
        &[
            ANN, BOB, BOB, LONG, BOB, BOB, CARL, Wrong, Kill, Again, WAIT, Again, Right, WAIT,
            Again, Wrong, Stop, Again, WAIT, Again, Right, Check, LONG, Wrong, Stop, Again, WAIT,
            Check,
        ],
    ),
    (
        "again and again",
        &[
            ANN, Wrong, BLINK, Right, BLINK, Wrong, BOB, Right, Wrong, Kill, Right, BLINK, Wrong,
            BOB, Right, BLINK, Wrong, Stop, BLINK, Right, CARL, Wrong, BLINK, Right, BLINK, Wrong,
            Again, Check, LONG, Wrong, ANN, Stop, Right, Kill, Wrong, Kill, Again, Check,
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
            Again if vendor == Vendor::TencentUnsigned => {
                let since = truth.rig.now() - 8 * MINUTE;
                truth.repeat_since(since, &what).await;
            }
            Again => truth.repeat_since(0, &what).await,
            Check => {
                truth.recover().await;
                truth.assert_settled(&what);
                truth.repeat_since(0, &what).await;
            }
        }
    }
}

async fn run_all(vendor: Vendor) {
    for skew in SKEWS.into_iter().chain(SMALL_SKEWS) {
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
