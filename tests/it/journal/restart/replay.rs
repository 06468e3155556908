//! While the journal is replayed, callbacks and queries are answered that the service is
//! unavailable.

use std::{path::Path, sync::Arc};

use futures_util::{StreamExt as _, stream};
use headcount::{
    domain::{Decoded, ProductName, Time},
    journal::{
        Callback, DataFolder, Decoder, DiskJournal, Entry, Follower, Journal as _, Payload,
        Revision,
    },
    providers::Registry,
};
use http::StatusCode;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

use super::room::{ROOM, login, told};
use crate::common::child::{Sender, Site, ZEGO_APP, get, now, zego};

/// Some seconds' worth of replay for a build without optimisation: long before that,
/// all questions of these tests are answered.
const ENTRIES: usize = 150_000;

struct NoopFollower;

impl Follower for NoopFollower {
    fn apply(&mut self, _: Revision, _: &Entry) {}
}

/// Writes a long journal, in which one user logs in over and over.
async fn write_journal(path: &Path) {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        let journal = DiskJournal::open(
            &DataFolder::open(&path).unwrap(),
            Decoder::new(|product, query, body| Registry::standard().decode(product, query, body)),
        )
        .unwrap();
        journal.follow(0, Box::new(NoopFollower)).unwrap();
        journal
    });
    let journal = opened.await.unwrap();
    let body = zego((ROOM, 1), ("ann", "ann"), now(), None).body;
    let entry = Entry {
        received_at: Time::from_millis(now()).unwrap(),
        payload: Payload::Callback(Callback {
            app: ZEGO_APP.into(),
            product: ProductName::new("zego_room"),
            query: "".into(),
            body: body.into(),
            decoded: Arc::new(Decoded::Room(Vec::new())),
        }),
    };
    let appends = stream::iter(0..ENTRIES).map(|_| journal.append(entry.clone()));
    let mut appends = appends.buffer_unordered(4096);
    while let Some(appended) = appends.next().await {
        appended.unwrap();
    }
    drop(appends);
    tokio::task::spawn_blocking(move || drop(journal))
        .await
        .unwrap();
}

async fn health(site: &Site, service: &str) -> ServingStatus {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = site.health().check(request).await;
    answer.unwrap().into_inner().status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_during_a_replay_is_told_to_come_back() {
    let site = Site::new("");
    write_journal(&site.data()).await;

    // Who asks it to end meanwhile need not wait for the end of the replay.
    let mut process = site.spawn();
    process.says("replaying the journal: not ready yet").await;
    process.signal("TERM");
    let (code, said) = process.ends().await;
    assert_eq!(code, Some(0), "{said:#?}");
    assert!(
        !said.iter().any(|line| line.contains("replayed")),
        "{said:#?}"
    );

    let mut process = site.spawn();
    process.says("replaying the journal: not ready yet").await;
    let login_of_bob = zego((ROOM, 2), ("bob", "bob"), now(), None);
    let (status, answer) = Sender::new(site.webhook())
        .post(&login_of_bob)
        .await
        .unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert!(answer.contains("not_ready"), "{answer}");
    assert_eq!(told(&site).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(get(site.admin(), "/healthz"), (200, "ok".to_owned()));
    let starting = (503, "starting".to_owned());
    assert_eq!(get(site.webhook_address(), "/healthz"), starting);
    let (status, reason) = get(site.admin(), "/readyz");
    let far = reason.strip_prefix("starting: replaying the journal, at revision ");
    let far: usize = far.expect("how far it is").parse().unwrap();
    assert!(status == 503 && far < ENTRIES, "{reason}");
    for service in ["", "headcount.v1.PresenceService", "headcount.journal"] {
        let status = health(&site, service).await;
        assert_eq!(status, ServingStatus::NotServing, "{service:?}");
    }
    process.says("serving callbacks on").await;
    assert_eq!(health(&site, "").await, ServingStatus::Serving);
    assert_eq!(get(site.admin(), "/readyz"), (200, "ready".to_owned()));
    assert_eq!(told(&site).await.unwrap().revision, ENTRIES as u64);
    // Who is killed now need not replay all of it again.
    process.says("wrote a checkpoint").await;
    login(&site, &["bob"]).await;
    process.kill();
    let mut process = site.spawn();
    let line = process.says("replayed the journal").await;
    assert!(line.contains(&format!("after={ENTRIES} ")), "{line}");
}
