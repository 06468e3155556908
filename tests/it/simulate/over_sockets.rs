//! The simulator against a real server, in this process and over real sockets.

use std::time::Duration;

use headcount::{
    domain::Logins,
    pb::{Room, RoomState},
    reconcile::Rules,
    simulate::{CannotRun, Cause, Options, Trouble, VendorName, run},
};
use headcount_client::RoomWatch;
use http::StatusCode;
use tokio::time::timeout;

use super::{
    assert_none,
    real_server::{serve, serve_by},
};
use crate::common::child::{Sender, ZEGO_APP, now, zego};

/// Only not to wait for ever where it fails.
const HANGS: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_right_server_tells_the_truth() {
    for seed in 0..3 {
        let running = serve().await;
        let verdict = run(&running.options(seed)).await.unwrap();
        assert_none(&verdict);
        assert_eq!(verdict.watched, verdict.rooms + verdict.users);
        assert!(verdict.duplicates > verdict.callbacks / 10, "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_vendor_can_be_alone() {
    let running = serve().await;
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

/// Users log in on several devices, where the app's configuration says so.
#[tokio::test(flavor = "multi_thread")]
async fn devices_that_replace_each_other_are_noticed() {
    let running = serve_by(Rules::default(), |config| {
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

/// The rules of forgetting are tested in paused time. This is about the server's own ticks.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_forgets_without_being_asked() {
    let running = serve_by(
        Rules {
            empty_room_ttl: Duration::from_millis(1),
            ..Rules::default()
        },
        |_| {},
    )
    .await;
    let client = headcount_client::connect(&running.server).unwrap();
    let mut watch = RoomWatch::new(client, ZEGO_APP, "lobby");
    while !watch.copy().is_complete() {
        watch.next().await.unwrap();
    }
    let sender = Sender::new(running.webhook.clone());
    let login_at = now();
    for logout_at in [None, Some(login_at + 1)] {
        let post = zego(("lobby", 1), ("ann", "7"), login_at, logout_at);
        assert_eq!(sender.post(&post).await.unwrap().0, StatusCode::OK);
    }
    let state = |watch: &RoomWatch| watch.copy().room().map(Room::state);
    let forgotten = async {
        while state(&watch) != Some(RoomState::Closed) {
            watch.next().await.unwrap();
        }
    };
    timeout(HANGS, forgotten).await.expect("it forgets nothing");
}

#[tokio::test]
async fn what_cannot_be_run_has_no_verdict() {
    let running = serve().await;
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
}

#[tokio::test]
async fn the_port_of_grpc_takes_no_callbacks() {
    let running = serve().await;
    let options = Options {
        webhook: running.server.clone(),
        ..running.options(1)
    };
    let error = run(&options).await.unwrap_err();
    let is_told = matches!(
        error,
        CannotRun::Webhook {
            trouble: Trouble::NotHttp,
            ..
        }
    );
    assert!(is_told, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_in_use_gets_a_number() {
    let running = serve().await;
    let tag = Options {
        tag: "mine".to_owned(),
        callbacks: 400,
        ..running.options(1)
    };
    let first = run(&tag).await.unwrap();
    assert_none(&first);
    let mut tags = vec![first.tag];
    // Users of the chat are in the rooms of the first run.
    for vendor in [None, Some(VendorName::Tencent), Some(VendorName::Zim)] {
        let again = Options {
            vendor,
            ..tag.clone()
        };
        let again = run(&again).await.unwrap();
        assert_none(&again);
        tags.push(again.tag);
    }
    // The third run is in the app of Tencent, so its tag is unused in the app of the chat.
    assert_eq!(tags, ["mine", "mine.2", "mine.3", "mine.3"]);
}

/// What the server was told is gone, so there is nothing to compare.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_with_another_journal_is_told() {
    let running = serve().await;
    let options = Options {
        rooms: 3,
        callbacks: 4_000,
        rate: Some(200.0),
        vendor: Some(VendorName::Zego),
        ..running.options(6)
    };
    let simulation = tokio::spawn(async move { run(&options).await });
    running.until_it_knows_a_room().await;
    let _again = running.restart().await;
    let error = simulation.await.unwrap().unwrap_err();
    assert!(matches!(error, CannotRun::OtherJournal { .. }), "{error}");
}
