//! A server with TLS and credentials, and its clients.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use headcount::{
    config::{Config, JournalKind},
    providers::Registry,
    reconcile::Rules,
    server::{Reloader, Server},
};
use headcount_client::{Certificate, Client, ClientTlsConfig, Credentials, Identity};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tempfile::TempDir;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::common::child::{Authority, Pair};

pub(super) const ARENA_TOKEN: &str = "the token of arena's game servers";
pub(super) const LOBBY_TOKEN: &str = "the token of lobby's game servers";
pub(super) const ADMIN_TOKEN: &str = "the token of the operators of all";

/// What signs the JWTs.
pub(super) const JWT_SECRET: &[u8] = b"what the identity provider signs with";

/// The apps, and everything that is asked of their callers.
const SETTINGS: &str = r#"
webhook = { listen = "127.0.0.1:0", tls = { certificate = "server.pem", key = "server.key" } }
[grpc]
listen = "127.0.0.1:0"
tls = { certificate = "server.pem", key = "server.key", client_ca = "clients.pem" }
jwt = { keys_file = "keys.json", issuer = "us", audience = "headcount" }
[[apps]]
name = "arena"
zego = { app_id = 7, callback_secret_file = "zego.secret" }
[[apps]]
name = "lobby"
zego = { app_id = 8, callback_secret = "other" }
"#;

/// The admin front, for this machine alone.
const ADMIN: &str = "listen = \"127.0.0.1:0\"";

/// The credentials that a reload changes.
pub(super) const CREDENTIALS: &str = r#"
[[grpc.tokens]]
name = "arena"
token_file = "arena.token"
apps = ["arena"]
[[grpc.tokens]]
name = "lobby"
token_file = "lobby.token"
apps = ["lobby"]
[[grpc.tokens]]
name = "operators"
token_file = "admin.token"
apps = ["*"]
admin = true
[[grpc.clients]]
san = "game.example"
apps = ["arena"]
[[grpc.clients]]
san = "lobby.example"
apps = ["lobby"]
[[grpc.clients]]
san = "operator.example"
apps = ["*"]
admin = true
"#;

pub(super) struct Site {
    folder: TempDir,
    /// Beside the credentials.
    settings: String,
    pub(super) authority: Authority,
    /// Signs the certificates of clients.
    pub(super) clients: Authority,
    pub(super) webhook: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) admin: SocketAddr,
    reloader: Reloader,
}

/// What a client shows.
#[derive(Clone)]
pub(super) enum Show {
    Nothing,
    Bearer(String),
    Certificate(Pair),
}

impl Site {
    pub(super) async fn serve() -> Self {
        Self::serve_with(ADMIN, CREDENTIALS).await
    }

    /// One with these settings of the admin front, and these credentials.
    pub(super) async fn serve_with(admin: &str, credentials: &str) -> Self {
        let settings = format!(
            "admin = {{ {admin}, tls = {{ certificate = \"server.pem\", key = \"server.key\", client_ca = \"clients.pem\" }} }}\n{SETTINGS}"
        );
        let folder = tempfile::tempdir().unwrap();
        let (authority, clients) = (Authority::new("servers"), Authority::new("clients"));
        authority.sign("localhost").write(folder.path(), "server");
        let write =
            |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
        write("clients.pem", &clients.pem());
        write("keys.json", &keys(&[JWT_SECRET]));
        write("zego.secret", "s3cret\n");
        write("arena.token", &format!("{ARENA_TOKEN}\n").replace(' ', "-"));
        write("lobby.token", &LOBBY_TOKEN.replace(' ', "-"));
        write("admin.token", &ADMIN_TOKEN.replace(' ', "-"));
        write("headcount.toml", &format!("{settings}{credentials}"));
        let file = folder.path().join("headcount.toml");
        let config = read(&file).unwrap().0;
        let server = Server::bind(&config, Registry::standard(), Rules::default());
        let server = server.await.unwrap();
        let site = Self {
            folder,
            settings,
            authority,
            clients,
            webhook: server.webhook_address().unwrap(),
            grpc: server.grpc_address().unwrap(),
            admin: server.admin_address().unwrap().unwrap(),
            reloader: server.reloader(config, move || read(&file)),
        };
        tokio::spawn(server.run(std::future::pending()));
        site.until_ready().await;
        site
    }

    async fn until_ready(&self) {
        let endpoint = headcount_client::endpoint(&self.url()).unwrap();
        let channel = endpoint.tls_config(self.tls()).unwrap().connect_lazy();
        let mut client = HealthClient::new(channel);
        let health = client.watch(HealthCheckRequest::default()).await;
        let mut health = health.unwrap().into_inner();
        while health.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Replaces a part of a file that is in it.
    pub(super) fn replace(&self, name: &str, part: &str, by: &str) {
        let content = fs::read_to_string(self.path(name)).unwrap();
        assert!(content.contains(part), "{part} is in {content}");
        self.write(name, &content.replace(part, by));
    }

    /// Makes these the credentials that are known, beside JWTs.
    pub(super) fn reload(&self, credentials: &str) -> Result<Vec<String>, String> {
        self.write("headcount.toml", &format!("{}{credentials}", self.settings));
        self.reload_files()
    }

    pub(super) fn reload_files(&self) -> Result<Vec<String>, String> {
        self.reloader.reload().map_err(|error| error.to_string())
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.grpc.port())
    }

    /// Trusts the server.
    fn tls(&self) -> ClientTlsConfig {
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.authority.pem()))
    }

    /// A client with a connection of its own.
    pub(super) fn client(&self, show: &Show) -> Client {
        let (mut tls, mut credentials) = (self.tls(), Credentials::none());
        match show {
            Show::Nothing => {}
            Show::Bearer(token) => credentials = Credentials::bearer(token).unwrap(),
            Show::Certificate(pair) => {
                tls = tls.identity(Identity::from_pem(&pair.certificate, &pair.key));
            }
        }
        self.client_with(tls, credentials)
    }

    pub(super) fn client_with(&self, tls: ClientTlsConfig, credentials: Credentials) -> Client {
        headcount_client::connect_tls(&self.url(), tls, credentials).unwrap()
    }

    /// A client whose token may change.
    pub(super) fn renewing(
        &self,
        token: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Client {
        self.client_with(self.tls(), Credentials::renewed(token))
    }
}

fn read(file: &Path) -> Result<(Config, Vec<String>), headcount::config::ConfigError> {
    let mut config = Config::read(Some(file), Registry::standard())?;
    config.journal.kind = JournalKind::Memory;
    let warnings = config.validate()?;
    Ok((config, warnings))
}

/// One of the tokens of the files.
pub(super) fn bearer(token: &str) -> Show {
    Show::Bearer(token.replace(' ', "-"))
}

/// The set with these secrets.
pub(super) fn keys(secrets: &[&[u8]]) -> String {
    let key = |secret| json!({"kty": "oct", "k": BASE64_URL_SAFE_NO_PAD.encode(secret)});
    let keys: Vec<_> = secrets.iter().map(key).collect();
    json!({"keys": keys}).to_string()
}

/// A JWT that grants an app for a while.
pub(super) fn jwt(apps: &[&str], valid: Duration) -> String {
    signed_jwt(apps, valid.as_secs_f64(), JWT_SECRET)
}

/// A JWT that expires in so many seconds, or did so before.
pub(super) fn signed_jwt(apps: &[&str], valid: f64, secret: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims = json!({
        "iss": "us", "aud": "headcount", "exp": now.as_secs_f64() + valid, "headcount_apps": apps,
    });
    encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret),
    )
    .unwrap()
}
