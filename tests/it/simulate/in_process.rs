//! The simulator against a real server, in this process and over real sockets:
//! no difference when the service is right, and one whenever a rule is missing.

use std::time::Duration;

use headcount::{
    config::{Config, JournalKind},
    domain::Logins,
    providers::Registry,
    reconcile::{Rule, Rules},
    server::Server,
    simulate::{CannotRun, Cause, Forgetting, Options, VendorName, Verdict, run},
};
use headcount_client::endpoint;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

const HORIZON: Duration = Duration::from_secs(3);
const GRACE: Duration = Duration::from_millis(500);

/// A server that runs until this is dropped.
struct Running {
    webhook: String,
    server: String,
    _stop: DropGuard,
}

async fn serve(rules: Rules) -> Running {
    serve_with(rules, |_| {}).await
}

async fn serve_with(rules: Rules, change: fn(&mut Config)) -> Running {
    let mut config = Config::dev(Registry::standard()).unwrap();
    config.journal.kind = JournalKind::Memory;
    change(&mut config);
    config.webhook.listen = "127.0.0.1:0".parse().unwrap();
    config.grpc.listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::bind(&config, Registry::standard(), rules)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let running = Running {
        webhook: format!("http://{}", server.webhook_address().unwrap()),
        server: format!("http://{}", server.grpc_address().unwrap()),
        _stop: stop.clone().drop_guard(),
    };
    tokio::spawn(server.run(stop.cancelled_owned()));
    until_ready(&running.server).await;
    running
}

/// Waits until a server is ready. Before that it answers calls with `UNAVAILABLE`.
async fn until_ready(server: &str) {
    let channel = endpoint(server).unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(channel);
    let health = client.watch(HealthCheckRequest::default()).await;
    let mut health = health.unwrap().into_inner();
    while health.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
}

impl Running {
    fn options(&self, seed: u64) -> Options {
        Options {
            seed,
            rooms: 40,
            users: 10,
            callbacks: 1_600,
            webhook: self.webhook.clone(),
            server: self.server.clone(),
            ..Options::default()
        }
    }
}

/// A run that sends everything at once, to a server with all rules but one.
async fn at_once(seed: u64, without: Option<Rule>) -> Verdict {
    let rules = Rules {
        without,
        ..Rules::default()
    };
    let running = serve(rules).await;
    run(&running.options(seed)).await.unwrap()
}

/// A run that takes its time, to a server that forgets after seconds.
async fn forgetting(seed: u64, without: Option<Rule>) -> Verdict {
    let rules = Rules {
        without,
        reorder_horizon: HORIZON,
        evidence_grace: GRACE,
        ..Rules::default()
    };
    let running = serve(rules).await;
    let options = Options {
        callbacks: 1_000,
        forgetting: Some(Forgetting {
            horizon: HORIZON,
            grace: GRACE,
        }),
        ..running.options(seed)
    };
    run(&options).await.unwrap()
}

#[track_caller]
fn assert_none(verdict: &Verdict) {
    let told: Vec<String> = verdict
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.is_empty(), "{verdict}\n{}", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_server_tells_the_truth() {
    for seed in 0..3 {
        let verdict = at_once(seed, None).await;
        assert_none(&verdict);
        assert_eq!(verdict.watched, verdict.rooms + verdict.users);
        assert!(verdict.duplicates > verdict.callbacks / 10, "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_vendor_can_be_alone() {
    let running = serve(Rules::default()).await;
    for (vendor, rooms, users) in [
        (VendorName::Zego, 40, 0),
        (VendorName::Zim, 0, 40),
        (VendorName::Tencent, 40, 0),
    ] {
        let options = Options {
            vendor: Some(vendor),
            callbacks: 600,
            ..running.options(4)
        };
        let verdict = run(&options).await.unwrap();
        assert_none(&verdict);
        assert_eq!((verdict.rooms, verdict.users), (rooms, users));
    }
}

/// Tencent and ZIM number no callbacks, so their loss cannot be noticed.
#[tokio::test(flavor = "multi_thread")]
async fn loss_of_what_has_no_numbers_is_never_flagged() {
    let running = serve(Rules::default()).await;
    for vendor in [VendorName::Tencent, VendorName::Zim] {
        let options = Options {
            vendor: Some(vendor),
            callbacks: 600,
            loss: 0.1,
            ..running.options(1)
        };
        let verdict = run(&options).await.unwrap();
        let unnumbered = verdict.count(Cause::LossUnnumbered);
        assert!(unnumbered > 0, "{verdict}");
        assert_eq!(unnumbered, verdict.differences.len(), "{verdict}");
    }
}

/// Users log in on several devices, where the app's configuration says so.
#[tokio::test(flavor = "multi_thread")]
async fn devices_that_replace_each_other_are_noticed() {
    let running = serve_with(Rules::default(), |config| {
        for app in &mut config.apps {
            app.account.logins = Logins::Exclusive;
        }
    })
    .await;
    let options = Options {
        vendor: Some(VendorName::Zim),
        callbacks: 1_000,
        ..running.options(1)
    };
    let verdict = run(&options).await.unwrap();
    assert!(verdict.count(Cause::Unexplained) > 40, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_server_forgets_only_what_it_may() {
    assert_none(&forgetting(1, None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_that_is_missing_is_noticed() {
    let mut unseen = Vec::new();
    for rule in Rule::ALL {
        let verdict = at_once(1, Some(rule)).await;
        println!("{rule:?}: {}", verdict.differences.len());
        assert_eq!(verdict.count(Cause::Unexplained), verdict.differences.len());
        if verdict.differences.is_empty() {
            unseen.push(rule);
        }
    }
    // These are about forgetting, for which time has to pass. A machine that is
    // busy with something else may let too much of it pass: then once more.
    for seed in 1..=3 {
        let mut runs = JoinSet::new();
        for rule in std::mem::take(&mut unseen) {
            runs.spawn(async move { (rule, forgetting(seed, Some(rule)).await) });
        }
        while let Some(done) = runs.join_next().await {
            let (rule, verdict) = done.unwrap();
            println!("{rule:?}: {} over time", verdict.differences.len());
            if verdict.differences.is_empty() {
                unseen.push(rule);
            }
        }
    }
    assert!(unseen.is_empty(), "nothing notices {unseen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_is_told_apart_from_faults() {
    let running = serve(Rules::default()).await;
    let mut counts = [0, 0, 0];
    for seed in 0..3 {
        let options = Options {
            vendor: Some(VendorName::Zego),
            loss: 0.05,
            ..running.options(seed)
        };
        let verdict = run(&options).await.unwrap();
        assert!(verdict.lost > 0);
        let unexplained = verdict
            .differences
            .iter()
            .filter(|found| found.cause == Cause::Unexplained);
        let unexplained: Vec<String> = unexplained.map(ToString::to_string).collect();
        assert!(
            unexplained.is_empty(),
            "{verdict}\n{}",
            unexplained.join("\n")
        );
        counts[0] += verdict.count(Cause::LossFlagged);
        counts[1] += verdict.count(Cause::LossAtTheEnd);
        counts[2] += verdict.count(Cause::LossUnnumbered);
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn paced_callbacks_take_their_time() {
    let running = serve(Rules::default()).await;
    let options = Options {
        rooms: 3,
        callbacks: 200,
        rate: Some(100.0),
        ..running.options(5)
    };
    let began = std::time::Instant::now();
    assert_none(&run(&options).await.unwrap());
    assert!(
        began.elapsed() > Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn what_cannot_be_run_has_no_verdict() {
    let running = serve(Rules::default()).await;
    let ok = running.options(1);
    let nowhere = "http://127.0.0.1:9".to_owned();
    let cases = [
        (
            "--loss",
            Options {
                loss: 1.5,
                ..ok.clone()
            },
        ),
        (
            "cannot ask http://127.0.0.1:9",
            Options {
                server: nowhere.clone(),
                ..ok.clone()
            },
        ),
        (
            "cannot send to http://127.0.0.1:9",
            Options {
                webhook: nowhere,
                ..ok.clone()
            },
        ),
        (
            "cannot send to nonsense",
            Options {
                webhook: "nonsense".to_owned(),
                ..ok.clone()
            },
        ),
        (
            "another",
            Options {
                app: "another".to_owned(),
                ..ok.clone()
            },
        ),
        (
            "401",
            Options {
                secret: "wrong".to_owned(),
                ..ok.clone()
            },
        ),
        (
            "401",
            Options {
                app_id: 9,
                ..ok.clone()
            },
        ),
        (
            "401",
            Options {
                vendor: Some(VendorName::Tencent),
                sdk_app_id: 9,
                ..ok.clone()
            },
        ),
        (
            "another",
            Options {
                tencent_app: "another".to_owned(),
                ..ok.clone()
            },
        ),
        (
            "only",
            Options {
                duration: Duration::from_millis(1),
                ..ok.clone()
            },
        ),
    ];
    for (at, (expected, options)) in cases.into_iter().enumerate() {
        // Some have sent a part before they fail.
        let options = Options {
            tag: format!("case-{at}"),
            ..options
        };
        let error = run(&options).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
    let tag = Options {
        tag: "mine".to_owned(),
        ..ok
    };
    assert_none(&run(&tag).await.unwrap());
    // Users of the chat are in the rooms of the first run.
    for vendor in [None, Some(VendorName::Tencent), Some(VendorName::Zim)] {
        let again = Options {
            vendor,
            ..tag.clone()
        };
        let again = run(&again).await.unwrap_err();
        assert!(matches!(again, CannotRun::Option(_)), "{again}");
    }
}
