//! The command line: which arguments are valid, and what flags set.

use std::{ffi::OsString, fs};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use headcount::cli::{Args, Command, ServeArgs};

fn parse(line: &str) -> Result<Command, ErrorKind> {
    let args = Args::try_parse_from(line.split(' '));
    args.map(|args| args.command).map_err(|error| error.kind())
}

#[track_caller]
fn parse_serve(line: &str) -> ServeArgs {
    match parse(line) {
        Ok(Command::Serve(args)) => *args,
        other => panic!("{line}: {other:?}"),
    }
}

fn mk_env(name: &str, value: &str) -> [(OsString, OsString); 1] {
    [(name.into(), value.into())]
}

#[test]
fn the_commands_fit_together() {
    Args::command().debug_assert();
}

#[test]
fn questions_go_to_the_only_app_on_this_machine() {
    let Ok(Command::Rooms(args)) = parse("headcount rooms --prefix lobby-") else {
        panic!("rooms")
    };
    assert_eq!((&*args.prefix, &*args.client.app), ("lobby-", ""));
    assert_eq!(args.client.server, "http://127.0.0.1:50051");
    assert!(!args.client.json);
    let line = "headcount users r1 --app arena --server http://h:1 --json";
    let Ok(Command::Users(args)) = parse(line) else {
        panic!("users")
    };
    assert_eq!((&*args.room_id, &*args.client.app), ("r1", "arena"));
    assert_eq!(
        (&*args.client.server, args.client.json),
        ("http://h:1", true)
    );
    assert!(matches!(parse("headcount watch r1"), Ok(Command::Watch(_))));
    assert!(matches!(parse("headcount user u1"), Ok(Command::User(_))));
    let line = "headcount watch-user u1";
    assert!(matches!(parse(line), Ok(Command::WatchUser(_))));
}

#[test]
fn an_address_is_a_server() {
    for server in ["127.0.0.1:7", "localhost:7", "[::1]:7"] {
        let line = format!("headcount rooms --server {server}");
        let Ok(Command::Rooms(args)) = parse(&line) else {
            panic!("{line}")
        };
        assert_eq!(args.client.server, format!("http://{server}"));
    }
}

#[test]
fn what_is_not_understood_is_a_usage_error() {
    let cases = [
        ("headcount users", ErrorKind::MissingRequiredArgument),
        ("headcount watch ", ErrorKind::InvalidValue),
        (
            "headcount serve --dev --config x",
            ErrorKind::ArgumentConflict,
        ),
        (
            "headcount serve --grpc-listen here",
            ErrorKind::ValueValidation,
        ),
        ("headcount rooms --server here", ErrorKind::ValueValidation),
        (
            "headcount rooms --server ftp://h:1",
            ErrorKind::ValueValidation,
        ),
        ("headcount dance", ErrorKind::InvalidSubcommand),
        (
            "headcount journal replay --dev --config x",
            ErrorKind::ArgumentConflict,
        ),
        (
            "headcount journal export --from 0",
            ErrorKind::ValueValidation,
        ),
    ];
    for (line, kind) in cases {
        assert_eq!(parse(line).map(|_| ()), Err(kind), "{line}");
    }
}

#[test]
fn flags_come_before_variables_and_those_before_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("headcount.toml");
    let text = "[webhook]\nlisten = \"127.0.0.1:1\"\n[grpc]\nlisten = \"127.0.0.1:1\"\n[admin]\nlisten = \"127.0.0.1:1\"\n[[apps]]\nname = \"a\"\nzego = { app_id = 1, callback_secret = \"x\" }\n";
    fs::write(&file, text).unwrap();
    let line = format!(
        "headcount serve --config {} --webhook-listen 127.0.0.1:3 --data kept",
        file.display()
    );
    let env = [
        mk_env("HEADCOUNT_WEBHOOK__LISTEN", "127.0.0.1:2"),
        mk_env("HEADCOUNT_GRPC__LISTEN", "127.0.0.1:2"),
    ];
    let (config, warnings) = parse_serve(&line)
        .configure(env.into_iter().flatten())
        .unwrap();
    assert_eq!(config.webhook.listen.port(), 3);
    assert_eq!(config.grpc.listen.port(), 2);
    assert_eq!(config.admin.listen.unwrap().port(), 1);
    let kept = std::env::current_dir().unwrap().join("kept");
    assert_eq!(
        config.journal.path, kept,
        "logs name a place, whoever reads them"
    );
    assert!(warnings.is_empty(), "{warnings:?}");
    let memory = mk_env("HEADCOUNT_JOURNAL__KIND", "memory");
    let (_, warnings) = parse_serve(&line).configure(memory).unwrap();
    assert!(
        warnings[0].starts_with("--data is not used"),
        "{warnings:?}"
    );
    let stray = mk_env("HEADCOUNT_WEBHOOK_LISTEN", "127.0.0.1:4");
    let (_, warnings) = parse_serve(&line).configure(stray).unwrap();
    assert!(
        warnings[0].ends_with("did you mean HEADCOUNT_WEBHOOK__LISTEN?"),
        "{warnings:?}"
    );
}

#[test]
fn dev_needs_nothing_and_stays_on_this_machine() {
    let (config, _) = parse_serve("headcount serve --dev").configure([]).unwrap();
    assert_eq!(config.apps[0].name, "demo");
    let exposed = parse_serve("headcount serve --dev --admin-listen 0.0.0.0:9").configure([]);
    assert!(
        exposed
            .unwrap_err()
            .to_string()
            .starts_with("admin.listen: ")
    );
    let error = parse_serve("headcount serve").configure([]).unwrap_err();
    assert!(
        error.to_string().contains("headcount serve --dev"),
        "{error}"
    );
}
