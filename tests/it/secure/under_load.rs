//! Certificates, secrets and tokens change under many watches and a busy vendor.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use headcount::pb::WatchRoomRequest;
use headcount_client::{Client, RoomCopy};
use http::StatusCode;
use tokio::{
    sync::{RwLock, watch},
    task::JoinSet,
    time::timeout,
};
use tonic::{Code, Status};

use super::site::{ARENA_TOKEN, CREDENTIALS, JWT_SECRET, Show, Site, bearer, jwt, keys};
use crate::common::child::{Authority, Sender, now, zego_of};

const ROOMS: usize = 50;
const CONNECTIONS: usize = 10;
const WATCHES_PER_CONNECTION: usize = 100;
const VENDOR_CONNECTIONS: usize = 64;

/// The user whose arrival is the last thing that happens in each room.
const LAST: &str = "last";

/// A token that a reload takes out, and its place among the credentials.
const OLD_TOKEN: &str = "the-token-that-is-taken-out";
const OLD: &str =
    "[[grpc.tokens]]\nname = \"old\"\ntoken_file = \"old.token\"\napps = [\"arena\"]\n";

/// Only not to wait for ever where it fails.
const HANGS: Duration = Duration::from_secs(120);

fn room(number: usize) -> String {
    format!("room-{}", number % ROOMS)
}

/// Sends callbacks, all of which have to be taken.
struct Vendor {
    webhook: String,
    /// What it signs with. Nothing is under way while it changes.
    secret: RwLock<&'static str>,
    next: AtomicU64,
    taken: watch::Sender<u64>,
}

impl Vendor {
    async fn post(&self, sender: &Sender, room: &str, user: &str) {
        let number = self.next.fetch_add(1, SeqCst);
        let secret = self.secret.read().await;
        let session = number.to_string();
        let post = zego_of((7, &secret), (room, number), (user, &session), now(), None);
        let (status, answer) = sender.post(&post).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        self.taken.send_modify(|taken| *taken += 1);
    }

    /// Posts on one connection, for ever.
    async fn go_on(self: Arc<Self>, sender: Sender, mut number: usize) {
        loop {
            self.post(&sender, &room(number), &format!("user-{}", number % 500))
                .await;
            number += VENDOR_CONNECTIONS;
        }
    }

    /// Waits until as many more callbacks were taken as are under way a few times over.
    async fn a_while(&self) {
        let mut taken = self.taken.subscribe();
        let aim = *taken.borrow() + 4 * VENDOR_CONNECTIONS as u64;
        let came = timeout(HANGS, taken.wait_for(|taken| *taken >= aim));
        came.await.expect("callbacks are taken").unwrap();
    }
}

/// Reads a watch until [`LAST`] comes, or it ends.
async fn follow(mut client: Client, room_id: String) -> Result<(), Status> {
    let request = WatchRoomRequest {
        app: "arena".to_owned(),
        room_id,
        ..WatchRoomRequest::default()
    };
    let mut messages = client.watch_room(request).await?.into_inner();
    let mut copy = RoomCopy::new();
    copy.open();
    while let Some(message) = messages.message().await? {
        copy.apply(&message).unwrap();
        if copy.users().contains_key(LAST) {
            return Ok(());
        }
    }
    panic!("a watch ended without a status");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_under_load_ends_what_it_should_and_nothing_else() {
    let site = Site::serve().await;
    site.write("old.token", OLD_TOKEN);
    site.reload(&format!("{CREDENTIALS}{OLD}")).unwrap();
    let vendor = Arc::new(Vendor {
        webhook: format!("https://localhost:{}", site.webhook.port()),
        secret: RwLock::new("s3cret"),
        next: AtomicU64::new(1),
        taken: watch::Sender::new(0),
    });
    let trusted = site.authority.pem();
    let mut posting = JoinSet::new();
    for number in 0..VENDOR_CONNECTIONS {
        let sender = Sender::trusting(vendor.webhook.clone(), Some(&trusted));
        posting.spawn(Arc::clone(&vendor).go_on(sender, number));
    }
    let (mut staying, mut ending) = (JoinSet::new(), JoinSet::new());
    let shown = [
        bearer(ARENA_TOKEN),
        Show::Bearer(OLD_TOKEN.to_owned()),
        Show::Certificate(site.clients.sign("game.example")),
        Show::Bearer(jwt(&["arena"], Duration::from_secs(3600))),
    ];
    for connection in 0..CONNECTIONS {
        let kind = connection % shown.len();
        let client = site.client(&shown[kind]);
        let watches = if kind == 1 { &mut ending } else { &mut staying };
        for number in 0..WATCHES_PER_CONNECTION {
            watches.spawn(follow(client.clone(), room(number)));
        }
    }
    vendor.a_while().await;

    // New certificates of all fronts.
    let renewed = Authority::new("new servers");
    renewed.sign("localhost").write(&site.path(""), "server");
    assert_eq!(site.reload_files().unwrap(), [""; 0]);
    vendor.a_while().await;

    // A new secret of the vendor: both are right, then the vendor changes, then the old one goes.
    site.write("next.secret", "n3xt");
    let (old, both, new) = (
        r#""zego.secret""#,
        r#"["next.secret", "zego.secret"]"#,
        r#""next.secret""#,
    );
    site.replace("headcount.toml", old, both);
    assert_eq!(site.reload_files().unwrap(), [""; 0]);
    vendor.a_while().await;
    *vendor.secret.write().await = "n3xt";
    vendor.a_while().await;
    site.replace("headcount.toml", both, new);
    assert_eq!(site.reload_files().unwrap(), [""; 0]);
    vendor.a_while().await;

    // New keys of JWTs beside the old one, and a token less.
    site.write(
        "keys.json",
        &keys(&[b"the next key of the identity provider", JWT_SECRET]),
    );
    site.replace("headcount.toml", OLD, "");
    assert_eq!(site.reload_files().unwrap(), [""; 0]);
    while let Some(ended) = timeout(HANGS, ending.join_next()).await.unwrap() {
        let refused = ended.unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    }
    vendor.a_while().await;

    posting.shutdown().await;
    let sender = Sender::trusting(vendor.webhook.clone(), Some(&renewed.pem()));
    for number in 0..ROOMS {
        vendor.post(&sender, &room(number), LAST).await;
    }
    while let Some(ended) = timeout(HANGS, staying.join_next()).await.unwrap() {
        ended.unwrap().unwrap();
    }
}
