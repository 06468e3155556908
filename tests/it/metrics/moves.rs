//! What the dashboard and the alerts look at moves when something happens.

use std::{collections::BTreeSet, fs};

use headcount::pb::{GetRoomUsersRequest, WatchRoomRequest, WatchUserRequest};
use headcount_client::Client;
use http::StatusCode;
use tonic::{Code, Streaming};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
};

use super::{
    file,
    named::{Selector, selectors},
    page::Page,
    site::Watched,
};
use crate::common::child::{Post, Process, Sender, TENCENT_APP, ZEGO_APP, now, tencent, zego, zim};

/// What need not move in this test, and why.
const STILL: [(&str, &str); 9] = [
    ("headcount_build_info", "it is what it is"),
    ("headcount_journal_bytes_max", "a setting"),
    ("headcount_roster_bytes_max", "a setting"),
    ("headcount_roster_rooms_max", "a setting"),
    ("headcount_roster_users_max", "a setting"),
    ("process_max_fds", "a setting"),
    ("process_start_time_seconds", "it is what it is"),
    (
        "headcount_ready",
        "the replay would have to take long: net::readiness has a test of it",
    ),
    (
        "headcount_clock_offset_seconds",
        "the system's clock would have to jump: server::clock_watch has a test of it",
    ),
];

const ROOM: &str = "lobby";

#[tokio::test]
async fn what_the_dashboard_and_the_alerts_look_at_moves() {
    let watched = Watched::new();
    let mut process = watched.start().await;
    let mut pages = vec![watched.page().await];
    Story {
        watched: &watched,
        sender: Sender::new(watched.site.webhook()),
        client: watched.site.client(),
        pages: &mut pages,
    }
    .tell(&mut process)
    .await;
    pages.push(watched.page().await);

    let may_stand = |selector: &Selector| STILL.iter().any(|(name, _)| selector.name == *name);
    let mut still = selectors();
    still.retain(|selector| !moves(selector, &pages) && !may_stand(selector));
    assert!(still.is_empty(), "these stand still: {still:#?}");
}

/// Whether a series that is selected has another value on one page than on another.
fn moves(selector: &Selector, pages: &[Page]) -> bool {
    let mut series = BTreeSet::new();
    for page in pages {
        series.extend(
            page.samples
                .keys()
                .filter(|series| selector.matches(series)),
        );
    }
    assert!(!series.is_empty(), "{selector:?} selects nothing");
    series.iter().any(|series| {
        let mut values = pages.iter().map(|page| page.samples.get(series));
        let first = values.next();
        values.any(|value| Some(value) != first)
    })
}

/// What happens to a server.
struct Story<'a> {
    watched: &'a Watched,
    sender: Sender,
    client: Client,
    pages: &'a mut Vec<Page>,
}

impl Story<'_> {
    async fn tell(mut self, process: &mut Process) {
        let mut health = self.watch_health().await;
        let began = now();
        self.take(&zego((ROOM, 1), ("ann", "1"), began, None)).await;
        self.watch(began).await;
        self.send_what_is_odd(began).await;
        process.says("wrote a checkpoint").await;
        self.fill().await;
        self.refuse_by_the_disk(process, &mut health).await;
        self.reload(process).await;
    }

    async fn note(&mut self) {
        self.pages.push(self.watched.page().await);
    }

    async fn post(&self, post: &Post) -> StatusCode {
        self.sender.post(post).await.unwrap().0
    }

    async fn take(&self, post: &Post) {
        assert_eq!(self.post(post).await, StatusCode::OK, "{post:?}");
    }

    async fn watch_health(&self) -> Streaming<HealthCheckResponse> {
        let service = "headcount.journal".to_owned();
        let mut client = self.watched.site.health();
        let watch = client.watch(HealthCheckRequest { service }).await;
        watch.unwrap().into_inner()
    }

    /// Opens as many watches as there may be, and one more. A change is delivered.
    async fn watch(&mut self, began: u64) {
        let request = WatchRoomRequest {
            app: ZEGO_APP.to_owned(),
            room_id: ROOM.to_owned(),
            ..Default::default()
        };
        let mut room = self
            .client
            .watch_room(request.clone())
            .await
            .unwrap()
            .into_inner();
        let of_user = WatchUserRequest {
            app: TENCENT_APP.to_owned(),
            user_id: "ann".to_owned(),
            ..Default::default()
        };
        let _user = self.client.watch_user(of_user).await.unwrap();
        let refused = self.client.watch_room(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        room.message().await.unwrap();
        self.take(&zego((ROOM, 2), ("bob", "2"), began, None)).await;
        room.message().await.unwrap();
        let request = GetRoomUsersRequest {
            app: ZEGO_APP.to_owned(),
            room_id: ROOM.to_owned(),
            ..Default::default()
        };
        self.client.get_room_users(request).await.unwrap();
        self.note().await;
    }

    /// Callbacks of all products: out of order, with a hole before them, late, without a user, and
    /// with a wrong signature.
    async fn send_what_is_odd(&mut self, began: u64) {
        self.take(&zego((ROOM, 7), ("cid", "3"), began - 5_000, None))
            .await;
        self.take(&zego((ROOM, 8), ("dan", "4"), began - 3_600_000, None))
            .await;
        self.take(&zim(("ann", "5"), began, None)).await;
        self.take(&tencent(ROOM, "ann", began, true)).await;
        let login = || zego((ROOM, 9), ("eve", "6"), began, None);
        let changed = |from: &str, to: &str| {
            let mut post = login();
            post.body = post.body.replace(from, to);
            post
        };
        self.take(&changed("\"user_account\"", "\"account\"")).await;
        let wrong = changed("\"signature\":\"", "\"signature\":\"0");
        assert_eq!(self.post(&wrong).await, StatusCode::UNAUTHORIZED);
        self.note().await;
    }

    /// Users come until there are too many.
    async fn fill(&mut self) {
        for number in 10_u64.. {
            let user = format!("user {number}");
            let login = zego((ROOM, number), (&user, &user), now(), None);
            match self.post(&login).await {
                StatusCode::OK => {}
                refused => return assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE),
            }
        }
    }

    /// The disk takes nothing for a while.
    async fn refuse_by_the_disk(
        &mut self,
        process: &Process,
        health: &mut Streaming<HealthCheckResponse>,
    ) {
        process.limit_files("4096:");
        let refused = zego((ROOM, 1), ("ann", "1"), now(), None);
        assert_eq!(self.post(&refused).await, StatusCode::SERVICE_UNAVAILABLE);
        self.note().await;
        process.limit_files("unlimited:");
        until(health, ServingStatus::NotServing).await;
        until(health, ServingStatus::Serving).await;
        self.take(&refused).await;
    }

    async fn reload(&mut self, process: &mut Process) {
        process.signal("HUP");
        process.says("reloaded the configuration").await;
        fs::write(self.watched.config(), "grpc = 7").unwrap();
        process.signal("HUP");
        process.says("cannot reload the configuration").await;
    }
}

async fn until(health: &mut Streaming<HealthCheckResponse>, status: ServingStatus) {
    while health.message().await.unwrap().unwrap().status() != status {}
}

#[test]
fn every_alert_says_what_it_means_and_what_to_do() {
    let (rules, guide) = (
        file("deploy/prometheus/alerts.yml"),
        file("docs/operations.md"),
    );
    let headings = guide
        .lines()
        .filter_map(|line| line.strip_prefix("### Alerts: "));
    let headings: Vec<_> = headings.collect();
    let mut alerts = Vec::new();
    for rule in rules.split("- alert: ").skip(1) {
        let (name, rest) = rule.split_once('\n').unwrap();
        let anchor = format!("docs/operations.md#alerts-{}", name.to_lowercase());
        for part in [
            "severity: ",
            "summary: ",
            "description: ",
            &format!("runbook: {anchor}\n"),
        ] {
            assert!(rest.contains(part), "{name} has no {part}");
        }
        alerts.push(name);
    }
    assert_eq!(alerts, headings);
}
