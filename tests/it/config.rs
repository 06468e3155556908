//! The configuration: where a setting comes from, and the error for every mistake.

use std::{ffi::OsString, fs, path::PathBuf, time::Duration};

use headcount::{
    config::{Config, ConfigError, JournalKind, NonceReuse, Size, Span, stray_variables},
    domain::Logins,
    providers::{Files, Registry, Signing},
};
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../../headcount.example.toml");

const TENCENT: &str =
    "[[apps]]\nname = \"meet\"\ntencent = { sdk_app_id = 7, callback_token = \"hunter2\" }\n";

const ZEGO: &str =
    "[[apps]]\nname = \"arena\"\nzego = { app_id = 7, callback_secret = \"hunter2\" }\n";

struct File {
    _dir: TempDir,
    path: PathBuf,
}

fn mk_file(text: &str) -> File {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("headcount.toml");
    fs::write(&path, text).unwrap();
    File { _dir: dir, path }
}

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::read(Some(&mk_file(text).path), Registry::standard())
}

fn env<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    let pairs: Vec<_> = variables
        .into_iter()
        .map(|(n, v)| (n.into(), v.into()))
        .collect();
    pairs.into_iter()
}

fn with_what_has_no_default(config: &mut Config) {
    config.admin.listen = Some(config.grpc.listen);
    config.journal.bytes_max = Some(Size::from_mib(512));
    config.roster.bytes_max = Some(Size::from_mib(512));
    config.roster.history_bytes_max = Some(Size::from_mib(64));
    config.grpc.watches_max = Some(100_000);
    config.grpc.connections_max = Some(10_000);
    config.grpc.connections_per_address_max = Some(7_500);
    config.webhook.nonce_pairs_max = Some(1_000_000);
    config.webhook.connections_max = Some(4_096);
    config.webhook.connections_per_address_max = Some(512);
    config.webhook.unread_bytes_max = Some(Size::from_mib(32));
    config.webhook.requests_per_second_max = Some(50);
    config.webhook.path_secret_file = Some(Files::One("path.secret".into()));
}

fn table(config: &Config) -> toml::Table {
    toml::Table::try_from(config).unwrap()
}

fn signed_with(secret: &str) -> Signing {
    Signing::Secrets(secret.into())
}

/// What is wrong with the file, without its path.
#[track_caller]
fn fault(text: &str) -> String {
    let file = mk_file(text);
    let checked =
        Config::read(Some(&file.path), Registry::standard()).and_then(|config| config.validate());
    let error = checked.unwrap_err().to_string();
    assert!(!error.contains('\n'), "one line: {error}");
    assert!(!error.contains("hunter2"), "no secret: {error}");
    let folder = file.path.parent().unwrap();
    error
        .replace(&*file.path.to_string_lossy(), "FILE")
        .replace(&*folder.to_string_lossy(), "FOLDER")
}

#[test]
fn nothing_set_is_the_defaults() {
    let config = Config::read(None, Registry::standard()).unwrap();
    assert_eq!(config.webhook.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.webhook.body_max.bytes(), 256 * 1024);
    assert_eq!(*config.webhook.freshness_window, Duration::from_secs(600));
    assert_eq!(config.webhook.nonce_reuse, NonceReuse::Count);
    assert_eq!(config.webhook.nonce_pairs_max, None);
    assert_eq!(config.webhook.connections_max, None);
    assert_eq!(config.webhook.connections_per_address_max, None);
    assert_eq!(config.webhook.requests_max, 1024);
    assert_eq!(*config.webhook.header_read_timeout, Duration::from_secs(10));
    assert_eq!(*config.webhook.body_read_timeout, Duration::from_secs(10));
    assert_eq!(config.webhook.body_rate_min.bytes(), 8 * 1024);
    assert_eq!(config.webhook.unread_bytes_max, None);
    assert_eq!(*config.webhook.idle_timeout, Duration::from_secs(75));
    assert_eq!(config.grpc.listen.to_string(), "127.0.0.1:50051");
    assert_eq!(*config.grpc.progress_interval, Duration::from_secs(15));
    assert_eq!(config.grpc.connections_max, None);
    assert_eq!(config.grpc.connections_per_address_max, None);
    assert_eq!(*config.grpc.idle_timeout, Duration::from_secs(300));
    assert_eq!(config.grpc.streams_per_connection_max, 1024);
    assert_eq!(config.grpc.watches_max, None);
    assert_eq!(config.journal.kind, JournalKind::Disk);
    assert_eq!(config.journal.path, PathBuf::from("data"));
    assert_eq!(*config.journal.retention, Duration::from_secs(24 * 3600));
    assert_eq!(
        *config.journal.checkpoint_interval,
        Duration::from_secs(600)
    );
    assert_eq!(config.journal.checkpoint_entries, 500_000);
    assert_eq!(*config.roster.reorder_horizon, Duration::from_secs(600));
    assert_eq!(*config.roster.empty_room_ttl, Duration::from_secs(35 * 60));
    assert_eq!(config.roster.history_changes_max, 1024);
    assert_eq!(*config.roster.history_age_max, Duration::from_secs(600));
    assert_eq!(config.roster.history_bytes_max, None);
    assert_eq!(config.roster.users_max, 4_000_000);
    assert_eq!(config.roster.rooms_max, 1_000_000);
    assert_eq!(config.roster.sessions_per_user_max, 1_000);
    assert_eq!(config.roster.lives_per_room_max, 1_000);
    assert_eq!(
        config.roster.bytes_max, None,
        "follows from the memory that there is"
    );
    assert_eq!(*config.server.drain_timeout, Duration::from_secs(10));
    assert_eq!(config.admin.listen, None);
    assert!(config.apps.is_empty());
}

#[test]
fn the_example_is_the_defaults_and_has_every_key() {
    let (settings, _) = EXAMPLE.split_once("[[apps]]\nname").unwrap();
    let file = mk_file(settings);
    let mut config = Config::read(Some(&file.path), Registry::standard()).unwrap();
    let beside = file.path.with_file_name("data");
    assert_eq!(
        config.journal.path, beside,
        "wherever the process is started"
    );
    config.journal.path = "data".into();
    assert_eq!(table(&config), table(&Config::default()));

    let keys = |table: &toml::Table| -> Vec<String> {
        let keys = table
            .iter()
            .filter_map(|(section, keys)| Some((section, keys.as_table()?)));
        keys.flat_map(|(section, keys)| keys.keys().map(move |key| format!("{section}.{key}")))
            .collect()
    };
    // A setting without a default can only be shown as a comment.
    let uncommented = EXAMPLE
        .replace("# listen = ", "listen = ")
        .replace("# bytes_max = ", "bytes_max = ")
        .replace("# history_bytes_max = ", "history_bytes_max = ")
        .replace("# watches_max = ", "watches_max = ")
        .replace("# nonce_pairs_max = ", "nonce_pairs_max = ")
        .replace("# connections_max = ", "connections_max = ")
        .replace(
            "# connections_per_address_max = ",
            "connections_per_address_max = ",
        )
        .replace("# unread_bytes_max = ", "unread_bytes_max = ")
        .replace("# path_secret_file = ", "path_secret_file = ")
        .replace("# requests_per_second_max = ", "requests_per_second_max = ");
    with_what_has_no_default(&mut config);
    assert_eq!(keys(&uncommented.parse().unwrap()), keys(&table(&config)));
}

#[test]
fn the_example_is_valid_once_the_secret_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("zego.secret");
    fs::write(&secret, "s3cret\n").unwrap();
    let file = dir.path().join("headcount.toml");
    fs::write(&file, EXAMPLE).unwrap();
    let config = Config::read(Some(&file), Registry::standard()).unwrap();
    assert_eq!(config.apps[0].account.signing, signed_with("s3cret"));
    assert_eq!(config.validate().unwrap(), Vec::<String>::new());
}

#[test]
fn a_file_sets_what_it_names_and_nothing_else() {
    let config = read(&format!(
        "[webhook]\nbody_max = 1000\nnonce_reuse = \"refuse\"\n{ZEGO}"
    ))
    .unwrap();
    assert_eq!(config.webhook.body_max.bytes(), 1000);
    assert_eq!(config.webhook.nonce_reuse, NonceReuse::Refuse);
    assert_eq!(config.webhook.listen, Config::default().webhook.listen);
    assert_eq!(config.apps.len(), 1);
}

#[test]
fn variables_come_before_the_file() {
    let config = read(&format!(
        "[webhook]\nbody_max = \"1KiB\"\nrequests_max = 5\n{ZEGO}"
    ))
    .unwrap();
    let variables = [
        ("HEADCOUNT_WEBHOOK__BODY_MAX", "2KiB"),
        ("HEADCOUNT_WEBHOOK__NONCE_REUSE", "refuse"),
        ("HEADCOUNT_GRPC__WATCHES_MAX", "3"),
        ("HEADCOUNT_ADMIN__LISTEN", "127.0.0.1:9090"),
        ("HEADCOUNT_GRPC__TLS__CERTIFICATE", "server.pem"),
        ("HEADCOUNT_GRPC__TLS__KEY", "server.key"),
        ("HEADCOUNT_ROSTER__EMPTY_ROOM_TTL", "1h 30m"),
        ("HEADCOUNT_JOURNAL__PATH", "elsewhere"),
        ("HEADCOUNT_SERVER__DRAIN_TIMEOUT", "25s"),
        // Not settings: of the client commands, or of others.
        ("HEADCOUNT_SERVER", "http://example.org"),
        ("PATH__X", "y"),
    ];
    let config = config.with_env(env(variables)).unwrap();
    assert_eq!(config.webhook.body_max.bytes(), 2048);
    assert_eq!(config.webhook.requests_max, 5);
    assert_eq!(config.webhook.nonce_reuse, NonceReuse::Refuse);
    assert_eq!(config.grpc.watches_max, Some(3));
    assert_eq!(config.admin.listen.unwrap().port(), 9090);
    let tls = config.grpc.tls.as_ref().unwrap();
    assert_eq!(tls.certificate, PathBuf::from("server.pem"));
    assert_eq!(tls.key, PathBuf::from("server.key"));
    assert_eq!(config.roster.empty_room_ttl, Span::from_mins(90));
    assert_eq!(config.journal.path, PathBuf::from("elsewhere"));
    assert_eq!(config.server.drain_timeout, Span::from_secs(25));
    let signing = &config.apps[0].account.signing;
    assert_eq!(
        *signing,
        signed_with("hunter2"),
        "apps are left as they are"
    );
}

#[test]
fn every_key_can_be_set_by_a_variable_to_its_default() {
    let mut config = Config::default();
    with_what_has_no_default(&mut config);
    let mut variables = Vec::new();
    for (section, keys) in table(&config) {
        for (key, value) in keys.as_table().into_iter().flatten() {
            let name = format!("HEADCOUNT_{section}__{key}").to_uppercase();
            variables.push((
                name,
                value.as_str().map_or(value.to_string(), str::to_owned),
            ));
        }
    }
    assert_eq!(variables.len(), 51);
    let variables = variables.iter().map(|(name, value)| (&**name, &**value));
    let set = Config::default().with_env(env(variables)).unwrap();
    assert_eq!(table(&set), table(&config));
}

#[test]
fn a_wrong_variable_is_named() {
    let cases = [
        ("HEADCOUNT_WEBHOOK__LISTEN", "here", "in `webhook.listen`"),
        (
            "HEADCOUNT_WEBHOOK__BODY_MAX",
            "much",
            "`much` is not a size",
        ),
        (
            "HEADCOUNT_WEBHOOK__NONCE_REUSE",
            "ignore",
            "`count` or `refuse`",
        ),
        (
            "HEADCOUNT_GRPC__WATCHES_MAX",
            "many",
            "`many` is not a whole number",
        ),
        ("HEADCOUNT_GRPC__WATCHES_MAX", "-1", "in `grpc.watches_max`"),
        (
            "HEADCOUNT_GRPC__PROGRESS_INTERVAL",
            "15",
            "`15` is not a length of time",
        ),
        (
            "HEADCOUNT_WEBHOOK__LISTENS",
            "",
            "there is no setting `webhook.listens`; did you mean HEADCOUNT_WEBHOOK__LISTEN?",
        ),
        (
            "HEADCOUNT_HOOK__LISTEN",
            "",
            "there is no setting `hook.listen`",
        ),
        (
            "HEADCOUNT_APPS__NAME",
            "x",
            "apps are not set by variables: write [[apps]] in the configuration file",
        ),
        (
            "HEADCOUNT_APPS__0__NAME",
            "x",
            "apps are not set by variables: write [[apps]] in the configuration file",
        ),
    ];
    for (name, value, fault) in cases {
        let error = Config::default()
            .with_env(env([(name, value)]))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(name) && error.contains(fault), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn variables_that_are_no_settings_are_told_with_the_closest() {
    let cases = [
        ("HEADCOUNT_WEBHOOK_LISTEN", "HEADCOUNT_WEBHOOK__LISTEN"),
        ("HEADCOUNT_GRPC_LISTEN", "HEADCOUNT_GRPC__LISTEN"),
        ("HEADCOUNT_DRAIN_TIMEOUT", "HEADCOUNT_SERVER__DRAIN_TIMEOUT"),
        (
            "HEADCOUNT_ROSTER_EMPTY_ROOM_TLL",
            "HEADCOUNT_ROSTER__EMPTY_ROOM_TTL",
        ),
    ];
    for (name, meant) in cases {
        let warnings = stray_variables([&name.into()]).unwrap();
        let expected = format!("{name} is not a setting, and has no effect; did you mean {meant}?");
        assert_eq!(warnings, [expected]);
    }
    for name in ["HEADCOUNT_APPS", "HEADCOUNT_APPS_0_NAME"] {
        let warnings = stray_variables([&name.into()]).unwrap();
        let expected = format!("{name} has no effect: apps are not set by variables: ");
        assert!(warnings[0].starts_with(&expected), "{warnings:?}");
    }
    let others = [
        "HEADCOUNT_APP",
        "HEADCOUNT_SERVER",
        "HEADCOUNT_WEBHOOK__LISTEN",
        "WEBHOOK_LISTEN",
        "HEADCOUNTER",
    ];
    let others = others.map(OsString::from);
    assert!(stray_variables(&others).unwrap().is_empty());
}

#[test]
fn names_of_apps_may_have_dots_dashes_and_64_characters() {
    for name in ["a.b_c-D9", &"a".repeat(64)] {
        let text = ZEGO.replace("arena", name);
        assert!(read(&text).unwrap().validate().is_ok(), "{name}");
    }
}

#[test]
fn a_wrong_file_is_named_with_the_line_and_key() {
    let cases = [
        (
            "\n[webhook]\nlisten = 5\n",
            "FILE, line 3: ",
            "in `webhook.listen`",
        ),
        (
            "[webhook]\nbody_max = \"much\"",
            "FILE, line 2: ",
            "`much` is not a size",
        ),
        (
            "[webhook]\nlistens = 5\n",
            "FILE, line 2: unknown field `listens`",
            "",
        ),
        ("[webhooks]\n", "FILE, line 1: unknown field `webhooks`", ""),
        ("[webhook\n", "FILE, line 1: ", ""),
        (
            "[[apps]]\nzego = { app_id = 1 }\n",
            "FILE, line 1: missing field `name`",
            "",
        ),
        (
            "[[apps]]\nname = \"a\"\nzego = { app_id = \"x\", callback_secret = \"hunter2\" }\n",
            "FILE, line 3: ",
            "wrong type, expected u64, in `apps.zego.app_id`",
        ),
        (
            "[[apps]]\nname = \"a\"\nzego = \"hunter2\"\n",
            "FILE, line 3: wrong type, expected a table, in `apps.zego`",
            "",
        ),
        (
            "[[apps]]\nname = \"a\"\nzego = { app_id = \"hunter2\" }\n",
            "FILE, line 3: wrong type, expected u64, in `apps.zego.app_id`",
            "",
        ),
        (
            "[[apps]]\nname = \"a\"\nzim = \"hunter2\"\n",
            "FILE, line 3: wrong type, expected a table, in `apps.zim`",
            "",
        ),
        (
            "[[apps]]\nname = \"a\"\ntencent = [\"hunter2\"]\n",
            "FILE, line 3: wrong type, expected",
            "in `apps.tencent",
        ),
        (
            "[[apps]]\nname = \"a\"\nzego = { app_id = 1, server_secret = \"hunter2\" }\n",
            "FILE, line 3: unknown field `server_secret`",
            "",
        ),
        (
            "[[apps]]\nname = \"a\"\n[apps.zego]\napp_id = 1\ncallback_secret = 31337\n",
            "FILE, line 5: a secret must be a string",
            "in `apps.zego.callback_secret`",
        ),
        (
            "[[apps]]\nname = \"a\"\nfax = { number = 1 }\n",
            "FILE, line 3: unknown field `fax`, expected one of `name`, `zego`, `zim`, `tencent`",
            "",
        ),
        (
            "[[apps]]\nname = 5\n",
            "FILE, line 2: wrong type, expected a string, in `apps.name`",
            "",
        ),
        (
            "\napps = 5\n",
            "FILE, line 2: `apps` is not a list of tables",
            "",
        ),
        ("apps = [\n 5]\n", "FILE, line 2: an app is not a table", ""),
    ];
    for (text, begin, part) in cases {
        let fault = fault(text);
        assert!(fault.starts_with(begin) && fault.contains(part), "{fault}");
    }
    let error = Config::read(Some("no/such.toml".as_ref()), Registry::standard())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot read the configuration no/such.toml: "),
        "{error}"
    );
}

#[test]
fn paths_of_a_file_are_relative_to_it_and_become_absolute() {
    // `cargo test` starts tests in the folder of the package.
    let here = std::env::current_dir().unwrap();
    let dir = tempfile::tempdir_in(&here).unwrap();
    fs::write(dir.path().join("secret"), "s3cret").unwrap();
    let text = "[journal]\npath = \"kept\"\n[[apps]]\nname = \"a\"\ntencent = { sdk_app_id = 7, callback_token_file = \"secret\" }\n";
    fs::write(dir.path().join("headcount.toml"), text).unwrap();
    let folder = dir.path().strip_prefix(&here).unwrap();
    let file = folder.join("headcount.toml");
    let config = Config::read(Some(&file), Registry::standard()).unwrap();
    assert_eq!(config.journal.path, dir.path().join("kept"));
    assert_eq!(config.apps[0].account.signing, signed_with("s3cret"));
}

#[test]
fn what_makes_no_sense_is_named() {
    let zero = |key: &str| format!("[webhook]\n{key}\n{ZEGO}");
    let app = |vendors: &str| format!("[[apps]]\nname = \"a\"\n{vendors}\n");
    let cases = [
        (
            String::new(),
            "no app is configured: add [[apps]] to the configuration file, or try `headcount serve --dev`",
        ),
        (
            format!("[webhook]\nfreshness_window = \"11m\"\n{ZEGO}"),
            "webhook.freshness_window: 11m is longer than roster.reorder_horizon (10m)",
        ),
        (zero("body_max = 0"), "webhook.body_max: must be above zero"),
        (
            zero("idle_timeout = \"0s\""),
            "webhook.idle_timeout: must be above zero",
        ),
        (
            format!("[journal]\nbytes_max = \"31MiB\"\n{ZEGO}"),
            "journal.bytes_max: 31MiB is less than 32MiB",
        ),
        (
            format!("[webhook]\nbody_max = \"4MiB\"\n[journal]\nbytes_max = \"63MiB\"\n{ZEGO}"),
            "journal.bytes_max: 63MiB is less than 64MiB",
        ),
        (
            format!("[roster]\nbytes_max = 0\n{ZEGO}"),
            "roster.bytes_max: must be above zero",
        ),
        (
            format!("[roster]\nlives_per_room_max = 31\n{ZEGO}"),
            "roster.lives_per_room_max: 31 is less than 32",
        ),
        (
            format!("[roster]\nsessions_per_user_max = 1\n{ZEGO}"),
            "roster.sessions_per_user_max: 1 is less than 32",
        ),
        (
            format!("[grpc]\nwatches_max = 0\n{ZEGO}"),
            "grpc.watches_max: must be above zero",
        ),
        (
            format!("[journal]\ncheckpoint_entries = 0\n{ZEGO}"),
            "journal.checkpoint_entries: must be above zero",
        ),
        (
            app("zego = { app_id = 1 }"),
            "apps.a.zego.callback_secret: missing",
        ),
        (
            app("zego = { app_id = 1, callback_secret = \"\" }"),
            "apps.a.zego.callback_secret: the secret is empty",
        ),
        (
            app(
                "zego = { app_id = 1, callback_secret = \"hunter2\", callback_secret_file = \"x\" }",
            ),
            "apps.a.zego.callback_secret: set either this or",
        ),
        (
            app("zego = { app_id = 1, callback_secret_file = \"no/such\" }"),
            "apps.a.zego.callback_secret_file: cannot read FOLDER/no/such: ",
        ),
        (
            app("tencent = { callback_token = \"hunter2\" }"),
            "FILE, line 3: missing field `sdk_app_id`",
        ),
        (
            app("tencent = { sdk_app_id = 1, callback_token = \"\" }"),
            "apps.a.tencent.callback_token: the secret is empty",
        ),
        (
            app(
                "tencent = { sdk_app_id = 1, callback_token = \"hunter2\", callback_token_file = \"x\" }",
            ),
            "apps.a.tencent.callback_token: set either this or `apps.a.tencent.callback_token_file`, not both",
        ),
        (
            app("tencent = { sdk_app_id = 1, callback_token_file = \"no/such\" }"),
            "apps.a.tencent.callback_token_file: cannot read FOLDER/no/such: ",
        ),
        (
            app("tencent = { sdk_app_id = 1 }\nzim = { multi_login = true }"),
            "apps.a.zim: needs `zego`: ZIM's callbacks carry the app id of the ZEGO project and are signed with its secret",
        ),
        (app("zim = {}"), "apps.a.zim: needs `zego`"),
        (
            app(
                "zego = { app_id = 1, callback_secret = \"hunter2\" }\ntencent = { sdk_app_id = 1 }",
            ),
            "apps.a: an app has either `zego` or `tencent`",
        ),
        (
            app("zego = { app_id = 1 }\ntencent = { sdk_app_id = 1 }"),
            "apps.a: an app has either `zego` or `tencent`",
        ),
        (app(""), "apps.a: an app needs a vendor"),
        (
            ZEGO.replace("arena", ""),
            "apps.name: an app's name must not be empty",
        ),
        (
            ZEGO.replace("arena", "the arena"),
            "apps.name: \"the arena\" may have only the characters A-Z, a-z, 0-9, `.`, `_` and `-`",
        ),
        (
            ZEGO.replace("arena", &"a".repeat(65)),
            "apps.name: an app's name must have at most 64 characters",
        ),
        (
            format!("[server]\ndrain_timeout = \"0s\"\n{ZEGO}"),
            "server.drain_timeout: must be above zero",
        ),
        (ZEGO.repeat(2), "apps.arena.name: two apps have this name"),
        (
            format!("{ZEGO}{}", ZEGO.replace("arena", "other")),
            "apps.other.zego.app_id: another app has the id 7 too",
        ),
        (
            format!("{TENCENT}{}", TENCENT.replace("meet", "other")),
            "apps.other.tencent.sdk_app_id: another app has the id 7 too",
        ),
        (
            format!("{ZEGO}{}", TENCENT.replace("meet", "arena")),
            "apps.arena.name: two apps have this name",
        ),
    ];
    for (text, expected) in cases {
        let fault = fault(&text);
        assert!(fault.starts_with(expected), "{fault}\nis not\n{expected}");
    }
}

#[test]
fn what_is_likely_not_meant_is_a_warning() {
    let cases = [(
        "[roster]\nempty_room_ttl = \"10m 59s\"\n",
        "roster.empty_room_ttl",
    )];
    for (text, key) in cases {
        let warnings = read(&format!("{text}{ZEGO}")).unwrap().validate().unwrap();
        assert!(
            matches!(&*warnings, [warning] if warning.contains(key)),
            "{warnings:?}"
        );
    }
    let text = format!("[roster]\nempty_room_ttl = \"11m\"\n{ZEGO}");
    assert!(read(&text).unwrap().validate().unwrap().is_empty());
}

#[test]
fn every_vendor_can_be_configured() {
    let text = format!(
        "{ZEGO}zim = {{ multi_login = false }}\n{TENCENT}\
         [[apps]]\nname = \"open\"\ntencent = {{ sdk_app_id = 8 }}\n"
    );
    // The ids of two vendors may be alike: `ZEGO` and `TENCENT` have one.
    let config = read(&text).unwrap();
    assert_eq!(config.validate().unwrap(), Vec::<String>::new());
    let [arena, meet, open] = &config.apps[..] else {
        panic!("{:?}", config.apps)
    };
    assert_eq!(arena.account.logins, Logins::Exclusive);
    assert_eq!(meet.account.logins, Logins::Concurrent);
    assert_eq!(meet.account.signing, signed_with("hunter2"));
    assert_eq!(open.account.signing, Signing::Unsigned);
    let ids = [arena, meet, open].map(|app| (app.account.vendor, &*app.account.id));
    assert_eq!(ids, [("zego", "7"), ("tencent", "7"), ("tencent", "8")]);
    assert!(!format!("{config:?}").contains("hunter2"));
    for zim in ["", "zim = {}\n", "zim = { multi_login = true }\n"] {
        let config = read(&format!("{ZEGO}{zim}")).unwrap();
        assert_eq!(config.apps[0].account.logins, Logins::Concurrent);
    }
}

#[test]
fn a_secret_may_be_in_a_file() {
    let secret = mk_file("s3cret\r\n");
    let zego = |file: &File| {
        let path = file.path.to_string_lossy();
        format!(
            "[[apps]]\nname = \"a\"\nzego = {{ app_id = 1, callback_secret_file = '{path}' }}\n"
        )
    };
    let tencent = |file: &File| {
        zego(file)
            .replace("callback_secret_file", "callback_token_file")
            .replace("zego = { app_id", "tencent = { sdk_app_id")
    };
    for text in [zego(&secret), tencent(&secret)] {
        let config = read(&text).unwrap();
        config.validate().unwrap();
        assert_eq!(config.apps[0].account.signing, signed_with("s3cret"));
    }
    // Never unsigned because a file is empty.
    let empty = mk_file("\n");
    let empty = [
        (zego(&empty), "apps.a.zego.callback_secret_file"),
        (tencent(&empty), "apps.a.tencent.callback_token_file"),
    ];
    for (text, key) in empty {
        let error = read(&text).unwrap_err().to_string();
        assert_eq!(error, format!("{key}: the secret is empty"));
    }
}

#[test]
fn no_secret_is_printed() {
    let config = read(ZEGO).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!toml::to_string(&config).unwrap().contains("hunter2"));
}

#[test]
fn dev_is_valid_and_closed_to_others() {
    let mut config = Config::dev(Registry::standard()).unwrap();
    assert_eq!(config.validate().unwrap(), Vec::<String>::new());
    let names: Vec<_> = config.apps.iter().map(|app| &*app.name).collect();
    assert_eq!(names, ["demo", "demo-tencent"]);
    let accounts = config.apps.iter().map(|app| &app.account);
    let accounts: Vec<_> = accounts
        .map(|account| (&*account.id, &account.signing))
        .collect();
    let expected = [
        ("1", &signed_with("secret")),
        ("1400000000", &Signing::Unsigned),
    ];
    assert_eq!(accounts, expected);
    assert!(config.check_loopback().is_ok());
    config.grpc.listen = "0.0.0.0:50051".parse().unwrap();
    let error = config.check_loopback().unwrap_err().to_string();
    assert!(
        error.starts_with("grpc.listen: 0.0.0.0:50051 is open to others"),
        "{error}"
    );
}

/// What is wrong with a configuration of these lines.
fn refusal(lines: &str) -> String {
    read(&format!("{lines}\n{ZEGO}"))
        .and_then(|config| config.validate())
        .unwrap_err()
        .to_string()
}

#[test]
fn nothing_is_open_to_others_unless_it_says_so() {
    let tls = "tls = { certificate = \"c\", key = \"k\" }";
    let open = "listen = \"0.0.0.0:1\"";
    let token = "[[grpc.tokens]]\nname = \"t\"\ntoken_file = \"f\"\napps = [\"*\"]\nadmin = true";
    for (lines, told) in [
        (
            format!("[webhook]\n{open}"),
            "webhook.listen: 0.0.0.0:1 is open to others, and in plain text",
        ),
        (
            format!("[grpc]\nanonymous = true\n{open}"),
            "grpc.listen: 0.0.0.0:1 is open to others, and in plain text",
        ),
        (
            format!("[admin]\nanonymous = true\n{open}"),
            "admin.listen: 0.0.0.0:1 is open to others, and in plain text",
        ),
        (
            format!("[grpc]\n{tls}\n{open}"),
            "grpc.listen: 0.0.0.0:1 is open to others, and nobody is asked",
        ),
        (
            format!("[admin]\n{tls}\n{open}"),
            "admin.listen: 0.0.0.0:1 is open to others, and nobody is asked",
        ),
        (
            format!("[webhook]\n{tls}\ninsecure = true"),
            "webhook.insecure: there is a certificate",
        ),
        (
            "[grpc]\ntls = { key = \"k\" }".to_owned(),
            "grpc.tls.certificate: names no file",
        ),
        (
            format!("[grpc]\nanonymous = true\n{token}"),
            "grpc.anonymous: there are credentials",
        ),
        (
            "[[grpc.clients]]\nsan = \"a\"\napps = [\"*\"]".to_owned(),
            "grpc.clients: certificates are not asked for",
        ),
        (
            token.replace("[\"*\"]", "[]"),
            "grpc.tokens.t.apps: grants nothing",
        ),
        (
            token.replace("token_file = \"f\"\n", ""),
            "grpc.tokens.t.token_file: name either a file",
        ),
        (
            format!("{token}\n{token}"),
            "grpc.tokens.t.name: two tokens",
        ),
    ] {
        let error = refusal(&lines);
        assert!(error.starts_with(told), "{lines}: {error}");
    }
    for lines in [
        format!("[webhook]\n{open}\n{tls}\n[grpc]\n{open}\n{tls}\n[admin]\n{open}\n{tls}\n{token}"),
        format!(
            "[webhook]\n{open}\ninsecure = true\n[grpc]\n{open}\ninsecure = true\nanonymous = true"
        ),
    ] {
        let config = read(&format!("{lines}\n{ZEGO}")).unwrap();
        assert_eq!(config.validate().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn the_section_that_admin_replaced_is_refused_with_a_hint() {
    let error = refusal("[telemetry]\nlisten = \"127.0.0.1:1\"");
    assert!(
        error.contains("line 1: [telemetry] is [admin] now"),
        "{error}"
    );
}

#[test]
fn credentials_are_read_from_beside_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let token = "[[grpc.tokens]]\nname = \"t\"\ntoken_file = \"f\"\napps = [\"else\"]\n";
    write("c.toml", &format!("{token}{ZEGO}"));
    let config = Config::read(Some(&dir.path().join("c.toml")), Registry::standard()).unwrap();
    let warnings = config.validate().unwrap();
    assert_eq!(warnings, ["grpc.tokens.t.apps: no app is called \"else\""]);
    for (content, told) in [
        ("short", "grpc.tokens.t.token_file: a token is at least 16"),
        (
            "with white space in it",
            "grpc.tokens.t.token_file: a token is at least 16",
        ),
    ] {
        write("f", content);
        let error = config.credentials().unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
    write("f", "a-token-of-some-length\n");
    assert!(!config.credentials().unwrap().is_empty());
    fs::remove_file(dir.path().join("f")).unwrap();
    let error = config.credentials().unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
}

#[test]
fn a_secret_in_the_path_is_long_enough_and_goes_into_a_url() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let protection = |files: &str| {
        write(
            "c.toml",
            &format!("[webhook]\npath_secret_file = {files}\n{ZEGO}"),
        );
        let config = Config::read(Some(&dir.path().join("c.toml")), Registry::standard()).unwrap();
        config.protection().map_err(|error| error.to_string())
    };
    write("new", "Zm9vYmFyLWJhei1x\r\n");
    write("old", "0123456789_-.~ab");
    let secrets = protection("[\"new\", \"old\"]")
        .unwrap()
        .path_secrets
        .unwrap();
    let secrets: Vec<_> = secrets
        .iter()
        .map(|secret| secret.expose().to_owned())
        .collect();
    assert_eq!(secrets, ["Zm9vYmFyLWJhei1x", "0123456789_-.~ab"]);
    for wrong in [
        "fifteen-letters",
        "with a space in it",
        "with/a/slash/in/it",
        "",
        "sixteen-l\u{e9}tters",
    ] {
        write("wrong", wrong);
        let error = protection("\"wrong\"").unwrap_err();
        assert!(error.starts_with("webhook.path_secret_file: "), "{error}");
        assert!(error.contains("at least 16 of the characters"), "{error}");
        assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
    }
    assert!(protection("[]").unwrap_err().contains("the list is empty"));
    assert!(protection("\"absent\"").unwrap_err().contains("absent"));
}

#[test]
fn networks_are_a_list_or_a_variable_with_commas() {
    let config = read(&format!(
        "[webhook]\nallow = [\"203.0.113.0/24\", \"::1\"]\n{ZEGO}"
    ))
    .unwrap();
    let allow = config.protection().unwrap().allow;
    assert!(allow.contains("203.0.113.9".parse().unwrap()));
    for list in ["10.0.0.0/8,::1", "[\"10.0.0.0/8\", \"::1\"]"] {
        let variables = [("HEADCOUNT_WEBHOOK__PROXIES", list)];
        let config = config.clone().with_env(env(variables)).unwrap();
        assert_eq!(config.webhook.proxies, "10.0.0.0/8,::1".parse().unwrap());
        assert_eq!(config.webhook.allow, allow, "the file's stays");
    }
    let error = fault(&format!("[webhook]\nallow = [\"203.0.113.5/24\"]\n{ZEGO}"));
    assert!(
        error.contains("line 2") && error.contains("203.0.113.0/24"),
        "{error}"
    );
}

#[test]
fn a_typo_in_the_filter_of_the_log_is_told_with_its_place() {
    let warnings = |config: &Config| config.validate().unwrap();
    let config = read(&format!(
        "[log]\nformat = \"json\"\nfilter = \"debgu\"\n{ZEGO}"
    ))
    .unwrap();
    let told = warnings(&config);
    assert!(
        told[0].contains("line 3: log.filter: `debgu` is neither"),
        "{told:?}"
    );
    let other = [("HEADCOUNT_WEBHOOK__BODY_MAX", "2KiB")];
    let same = config.clone().with_env(env(other)).unwrap();
    assert_eq!(warnings(&same), told);
    let variable = [("HEADCOUNT_LOG__FILTER", "headcount=infi")];
    let set = config.with_env(env(variable)).unwrap();
    let told = warnings(&set);
    assert!(
        told[0].starts_with("HEADCOUNT_LOG__FILTER: log.filter: there is no level"),
        "{told:?}"
    );
}
