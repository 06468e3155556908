//! What a service manager is told, and the unit for systemd.

use std::{path::PathBuf, process::Command, time::Duration};

use clap::Parser as _;
use headcount::cli::{Args, Command as Called};
use tokio::net::UnixDatagram;

use crate::common::child::{BINARY, Process, Site};

/// Only not to wait for ever where it fails.
const HANGS: Duration = Duration::from_secs(60);

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        Self {
            socket: UnixDatagram::bind(&path).unwrap(),
            path,
            _folder: folder,
        }
    }

    fn start(&self, site: &Site, variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new(BINARY);
        command.env("NOTIFY_SOCKET", &self.path);
        command.envs(variables.iter().copied());
        site.spawn_by(command)
    }

    /// Waits for a message with this line. Returns all of its lines.
    async fn told(&self, line: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let mut message = [0; 4096];
            let received = tokio::time::timeout(HANGS, self.socket.recv(&mut message)).await;
            let length = received
                .unwrap_or_else(|_| panic!("only {seen:#?}"))
                .unwrap();
            let message = String::from_utf8_lossy(&message[..length]);
            let lines: Vec<_> = message.lines().map(str::to_owned).collect();
            if lines.iter().any(|it| it == line) {
                return lines;
            }
            seen.push(lines);
        }
    }
}

#[tokio::test]
async fn a_service_manager_is_told_how_the_service_is() {
    let (site, manager) = (Site::new(""), Manager::new());
    let process = manager.start(&site, &[]);
    let ready = manager.told("READY=1").await;
    assert_eq!(ready, ["READY=1", "STATUS=serving"]);

    process.signal("HUP");
    let reloading = manager.told("RELOADING=1").await;
    let since = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(since.parse::<u64>().unwrap() > 0);
    manager.told("READY=1").await;

    process.signal("TERM");
    let stopping = manager.told("STOPPING=1").await;
    assert_eq!(stopping, ["STOPPING=1", "STATUS=draining"]);
    assert_eq!(process.ends().await.0, Some(0));
}

#[tokio::test]
async fn a_watchdog_is_told_that_the_service_lives() {
    let (site, manager) = (Site::new(""), Manager::new());
    let _process = manager.start(&site, &[("WATCHDOG_USEC", "60000000")]);
    manager.told("READY=1").await;
    for _ in 0..2 {
        manager.told("WATCHDOG=1").await;
    }
}

#[test]
fn the_unit_starts_the_program_as_it_is() {
    let unit = include_str!("../../../deploy/headcount.service");
    let values = |key: &str| {
        let lines = unit.lines().filter_map(|line| line.split_once('='));
        let values = lines.filter(|(it, _)| *it == key).map(|(_, value)| value);
        values.collect::<Vec<_>>()
    };
    let value = |key: &str| values(key)[0];
    assert_eq!(value("Type"), "notify");
    let called = Args::try_parse_from(value("ExecStart").split(' ')).unwrap();
    let Called::Serve(args) = called.command else {
        panic!("{called:?}")
    };
    assert!(!args.dev);
    assert!(args.data.clone().unwrap().starts_with("/var/lib/headcount"));
    assert_eq!(value("StateDirectory"), "headcount");
    let [check, hangup] = values("ExecReload")[..] else {
        panic!("{unit}")
    };
    let checked = Args::try_parse_from(check.split(' ')).unwrap();
    let Called::CheckConfig(checked) = checked.command else {
        panic!("{checked:?}")
    };
    assert_eq!(Some(checked.file), args.config);
    assert!(hangup.contains("-HUP $MAINPID"), "{hangup}");
}
