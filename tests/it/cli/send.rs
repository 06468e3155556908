//! `headcount send` against a real server.

use std::{fs, process::ExitCode};

use clap::Parser as _;
use headcount::{
    cli::{Args, Command, SendArgs, send},
    config::{Config, JournalKind},
    pb::{GetRoomUsersRequest, GetUserRequest},
    providers::Registry,
    reconcile::Rules,
    server::Server,
};
use headcount_client::Client;
use tempfile::TempDir;

const APPS: &str = "[[apps]]\nname = \"arena\"\nzego = { app_id = 7, callback_secret = \"s3cret\" }\n\
    [[apps]]\nname = \"meet\"\ntencent = { sdk_app_id = 8, callback_token = \"t0ken\" }\n\
    [[apps]]\nname = \"open\"\ntencent = { sdk_app_id = 9 }\n";

/// A server, and what a client needs to send callbacks to it.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) webhook: String,
    grpc: String,
    client: Client,
}

impl World {
    /// A server whose configuration is the file `headcount.toml`.
    pub(super) async fn serve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("headcount.toml");
        fs::write(&file, APPS).unwrap();
        let mut config = Config::read(Some(&file), Registry::standard()).unwrap();
        config.journal.kind = JournalKind::Memory;
        config.webhook.listen = "127.0.0.1:0".parse().unwrap();
        config.grpc.listen = "127.0.0.1:0".parse().unwrap();
        let server = Server::bind(&config, Registry::standard(), Rules::default());
        let server = server.await.unwrap();
        let webhook = server.webhook_address().unwrap().to_string();
        let grpc = server.grpc_address().unwrap().to_string();
        tokio::spawn(server.run(std::future::pending()));
        let client = headcount_client::connect(&format!("http://{grpc}")).unwrap();
        Self {
            folder,
            webhook,
            grpc,
            client,
        }
    }

    fn parse(&self, line: &str, webhook: &str) -> SendArgs {
        let file = self.folder.path().join("headcount.toml");
        let line = format!("headcount send --config FILE --webhook {webhook} {line}");
        let words = line.split(' ').map(|word| match word {
            "FILE" => file.to_str().unwrap(),
            word => word,
        });
        match Args::try_parse_from(words).unwrap().command {
            Command::Send(args) => args,
            other => panic!("{other:?}"),
        }
    }

    /// What it prints, and whether the callback was accepted.
    async fn send(&self, line: &str) -> (String, bool) {
        self.send_to(&self.webhook, line).await
    }

    /// The same, to another URL.
    pub(super) async fn send_to(&self, webhook: &str, line: &str) -> (String, bool) {
        let args = self.parse(line, webhook);
        let mut out = Vec::new();
        let code = send(args, [], &mut out).await.unwrap();
        let shown = String::from_utf8(out).unwrap();
        (
            shown,
            format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS),
        )
    }

    /// Why no answer comes.
    pub(super) async fn refused(&self, line: &str, webhook: &str) -> String {
        let sent = send(self.parse(line, webhook), [], Vec::new()).await;
        sent.unwrap_err().to_string()
    }

    pub(super) async fn users(&self, app: &str) -> Vec<String> {
        let request = GetRoomUsersRequest {
            app: app.into(),
            room_id: "lobby".into(),
            ..Default::default()
        };
        let answer = self.client.clone().get_room_users(request).await.unwrap();
        let users = answer.into_inner().users.into_iter();
        users.map(|user| user.user_id).collect()
    }

    async fn is_online(&self, user_id: &str) -> bool {
        let request = GetUserRequest {
            app: "arena".into(),
            user_id: user_id.into(),
            ..GetUserRequest::default()
        };
        let answer = self.client.clone().get_user(request).await.unwrap();
        answer.into_inner().user.unwrap().online
    }
}

#[tokio::test]
async fn callbacks_of_every_vendor_are_accepted() {
    let world = World::serve().await;
    for (app, signed, said) in [
        ("arena", "signed", ": accepted\n"),
        ("meet", "signed", ": OK\n"),
        ("open", "not signed", ": OK\n"),
    ] {
        for event in ["open lobby", "login lobby ann", "login lobby bob"] {
            let (shown, is_accepted) = world.send(&format!("--app {app} {event}")).await;
            assert!(is_accepted, "{shown}");
            let first = format!(", of the app {app}, {signed}\n200 in ");
            assert!(shown.contains(&first) && shown.contains(said), "{shown}");
        }
        assert_eq!(world.users(app).await, ["ann", "bob"]);
        world.send(&format!("--app {app} logout lobby ann")).await;
        assert_eq!(world.users(app).await, ["bob"]);
        world.send(&format!("--app {app} close lobby")).await;
        assert!(world.users(app).await.is_empty());
    }
    world.send("--app arena online ann").await;
    assert!(world.is_online("ann").await);
}

#[tokio::test]
async fn it_is_told_why_a_callback_is_refused() {
    let world = World::serve().await;
    let file = world.folder.path().join("headcount.toml");
    fs::write(
        &file,
        APPS.replace("s3cret", "another").replace("= 8", "= 88"),
    )
    .unwrap();
    let (shown, is_accepted) = world.send("--app arena login lobby ann").await;
    assert!(!is_accepted);
    assert!(
        shown.contains("401 in ") && shown.contains("signature_wrong"),
        "{shown}"
    );
    assert!(
        shown.contains("the server has another secret for this app"),
        "{shown}"
    );
    let (shown, is_accepted) = world.send("--app meet login lobby ann").await;
    assert!(!is_accepted);
    assert!(shown.contains("no app with this vendor's id"), "{shown}");
    assert!(
        !shown.contains("another\n") && !shown.contains("t0ken"),
        "{shown}"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_told() {
    let world = World::serve().await;
    let line = "--app arena login lobby ann";
    let refused = world.refused(line, &world.grpc).await;
    let hint = "(is that the port of gRPC? callbacks have a port of their own, by default 8080; one that speaks TLS needs https://)";
    assert!(refused.ends_with(hint), "{refused}");
    let refused = world.refused(line, "127.0.0.1:9").await;
    assert!(
        refused.ends_with("(is `headcount serve` running?)"),
        "{refused}"
    );
    for (line, expected) in [
        (
            "login lobby ann",
            "name one of arena, meet, open with --app",
        ),
        (
            "--app x login lobby ann",
            "no app is called \"x\": there is arena, meet, open",
        ),
        ("--app arena login lobby", "this event needs ROOM USER"),
        ("--app arena online ann 7", "this event needs USER"),
        ("--app meet online ann", "Tencent's rooms do not tell"),
    ] {
        let refused = world.refused(line, &world.webhook).await;
        assert!(refused.contains(expected), "{refused}");
    }
}
