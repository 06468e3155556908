//! `headcount check-config`: what it prints, and what it finds.

use std::{ffi::OsString, fs, path::PathBuf, process::Command};

use headcount::{
    cli::{CheckConfigArgs, CliError, check_config},
    config::Config,
    providers::Registry,
};
use tempfile::TempDir;

use crate::common::child::BINARY;

/// Everything that has a secret in it, and some settings.
const CONFIG: &str = r#"
webhook = { listen = "127.0.0.1:1", body_max = "128KiB" }
[grpc]
listen = "127.0.0.1:2"
tls = { certificate = "server.pem", key = "server.key", client_ca = "clients.pem" }
jwt = { keys_file = "keys.json", issuer = "us", audience = "headcount" }
[[grpc.tokens]]
name = "game"
token_file = "game.token"
apps = ["arena", "gone"]
[[grpc.tokens]]
name = "operators"
token_sha256 = "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a"
apps = ["*"]
admin = true
[[apps]]
name = "arena"
zego = { app_id = 7, callback_secret_file = ["new.secret", "old.secret"] }
zim = { multi_login = true }
[[apps]]
name = "lobby"
zego = { app_id = 8, callback_secret = "planted-in-the-file" }
[[apps]]
name = "meet"
tencent = { sdk_app_id = 9, callback_token = "planted-tencent" }
[[apps]]
name = "open"
tencent = { sdk_app_id = 10 }
"#;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        folder.write("server.pem", &signed.cert.pem());
        folder.write("clients.pem", &signed.cert.pem());
        folder.write("server.key", &signed.signing_key.serialize_pem());
        // "planted-secret-of-the-issuer", as base64.
        let key = "cGxhbnRlZC1zZWNyZXQtb2YtdGhlLWlzc3Vlcg";
        let keys = format!(r#"{{"keys": [{{"kty": "oct", "k": "{key}"}}]}}"#);
        folder.write("keys.json", &keys);
        folder.write("game.token", "planted-token-of-game");
        folder.write("new.secret", "planted-new");
        folder.write("old.secret", "planted-old");
        folder.write("headcount.toml", CONFIG);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// What is printed, and the warnings.
    fn check(&self, env: &[(&str, &str)]) -> Result<(String, String), CliError> {
        let args = CheckConfigArgs {
            file: self.path("headcount.toml"),
        };
        let env = env.iter();
        let env = env.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let (mut out, mut aside) = (Vec::new(), Vec::new());
        check_config(args, env, &mut out, &mut aside)?;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ok((text(out), text(aside)))
    }

    fn error(&self) -> String {
        self.check(&[]).unwrap_err().to_string()
    }
}

#[test]
fn what_is_printed_is_the_configuration_with_all_defaults() {
    let folder = Folder::new();
    let (printed, _) = folder.check(&[]).unwrap();
    let mut printed: toml::Table = printed.parse().unwrap();
    let apps = printed.remove("apps").unwrap();
    let read = Config::read(Some(&folder.path("headcount.toml")), Registry::standard());
    let mut expected = toml::Table::try_from(read.unwrap()).unwrap();
    let tokens = expected["grpc"]["tokens"].as_array_mut().unwrap();
    tokens[1]["token_sha256"] = "***".into();
    assert_eq!(printed, expected);
    assert_eq!(apps.as_array().unwrap().len(), 4);
    assert_eq!(apps[0]["zego"]["app_id"].as_integer(), Some(7));
    assert_eq!(apps[2]["tencent"]["sdk_app_id"].as_integer(), Some(9));
}

#[test]
fn no_secret_is_printed() {
    let folder = Folder::new();
    let (printed, warnings) = folder.check(&[]).unwrap();
    for told in [&printed, &warnings] {
        for secret in ["planted", "cGxhbnRlZ", "c4bbcb1f", "PRIVATE KEY"] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }
    for expected in [
        "signed with any of 2 secrets; all devices of a user count",
        "signed with a secret; ",
        "not signed; ",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

#[test]
fn variables_are_applied_and_named_and_warnings_are_told() {
    let folder = Folder::new();
    let (printed, warnings) = folder
        .check(&[
            ("HEADCOUNT_WEBHOOK__BODY_MAX", "64KiB"),
            ("HEADCOUNT_ADMIN__LISTEN", "127.0.0.1:3"),
            ("HEADCOUNT_WEBHOOK_LISTEN", "127.0.0.1:4"),
            ("HEADCOUNT_ADMIN", "http://127.0.0.1:3"),
            ("HOME", "/"),
        ])
        .unwrap();
    assert!(printed.contains("\nbody_max = \"64KiB\"\n"), "{printed}");
    let named = "\n# HEADCOUNT_ADMIN__LISTEN sets admin.listen.\n# HEADCOUNT_WEBHOOK__BODY_MAX sets webhook.body_max.\n# Not set: admin.tls, grpc.connections_max, grpc.connections_per_address_max, grpc.watches_max, journal.bytes_max, roster.bytes_max, roster.history_bytes_max, webhook.connections_max, webhook.connections_per_address_max, webhook.nonce_pairs_max, webhook.path_secret_file, webhook.requests_per_second_max, webhook.tls, webhook.unread_bytes_max.\n";
    assert!(printed.contains(named), "{printed}");
    let mut warnings: Vec<_> = warnings.lines().collect();
    warnings.sort_unstable();
    let begins = [
        "warning: HEADCOUNT_WEBHOOK_LISTEN is not a setting",
        "warning: apps.open.tencent: callbacks are not signed",
        "warning: grpc.tokens.game.apps: no app is called \"gone\"",
    ];
    assert_eq!(warnings.len(), begins.len(), "{warnings:?}");
    for (warning, begin) in warnings.iter().zip(begins) {
        assert!(warning.starts_with(begin), "{warning}");
    }
}

#[test]
fn what_a_start_would_not_read_is_an_error() {
    for (file, content, told) in [
        ("headcount.toml", "webhook = 7", "line 1"),
        ("server.key", "no key", "the certificate of [grpc]"),
        ("clients.pem", "none", "the certificate of [grpc]"),
        ("keys.json", "{}", "grpc.jwt.keys_file"),
        ("game.token", "short", "grpc.tokens.game.token_file"),
        ("old.secret", "", "apps.arena.zego.callback_secret_file"),
    ] {
        let folder = Folder::new();
        folder.write(file, content);
        let error = folder.error();
        assert!(error.contains(told), "{file}: {error}");
        assert!(!error.contains("planted"), "{error}");
    }
}

#[test]
fn a_certificate_that_expires_soon_is_a_warning() {
    let folder = Folder::new();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    folder.write("server.pem", &params.self_signed(&key).unwrap().pem());
    folder.write("server.key", &key.serialize_pem());
    let (_, warnings) = folder.check(&[]).unwrap();
    assert!(
        warnings.contains("warning: grpc.tls: the certificate expires soon"),
        "{warnings}"
    );
}

#[test]
fn nothing_is_opened() {
    // The ports are taken, and there is no folder of a journal.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new();
    let port = taken.local_addr().unwrap().port();
    folder.write(
        "headcount.toml",
        &CONFIG.replace("127.0.0.1:1", &format!("127.0.0.1:{port}")),
    );
    let check = |file: PathBuf| {
        let output = Command::new(BINARY).arg("check-config").arg(file).output();
        output.unwrap()
    };
    let checked = check(folder.path("headcount.toml"));
    assert!(checked.status.success(), "{checked:?}");
    assert!(!folder.path("data").exists());
    let missing = check(folder.path("none.toml"));
    assert_eq!(missing.status.code(), Some(1));
    assert!(missing.stdout.is_empty());
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(
        said.starts_with("headcount: cannot read the configuration"),
        "{said}"
    );
}
