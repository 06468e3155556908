//! Data folders with a history in which every product and every outcome occurs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use headcount::{
    checkpoint::{self, CheckpointStore as _, Checkpoints, DiskCheckpoints, RecordSink},
    domain::{AppName, Decoded, Logins, Time},
    journal::{Callback, DataFolder, Decoder, DiskJournal, Entry, Journal as _, Payload, Revision},
    providers::Registry,
    reconcile::Rules,
    roster::{Limits, Roster},
};
use parking_lot::Mutex;
use tempfile::TempDir;

pub(crate) const APP: &str = "arena";
/// The default, in seconds.
pub(crate) const HORIZON: u64 = 600;
/// Entries of a whole history, in three segments.
pub(crate) const ENTRIES: u64 = 300;
const CHECKPOINT_EVERY: u64 = 100;
/// Few enough to be polled, and so appended, in their order.
const BATCH: usize = 20;

/// A folder, and the roster that its journal added up to.
pub(crate) struct Folder {
    pub(crate) dir: TempDir,
    pub(crate) roster: Arc<Roster>,
}

/// How a folder is made.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) entries: u64,
    /// How late, in seconds, a callback could be when it was received.
    pub(crate) horizon: u64,
    /// Whether the entries that no checkpoint needs are dropped.
    pub(crate) drops: bool,
    /// What callbacks were understood as when they were received.
    pub(crate) decode: fn(&Callback) -> Decoded,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            entries: ENTRIES,
            horizon: HORIZON,
            drops: false,
            decode: |callback| decode(callback, &callback.body),
        }
    }
}

impl Recipe {
    pub(crate) fn make(self) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        let (journal, roster) = open(dir.path(), self.horizon);
        let store = Arc::new(DiskCheckpoints::new(journal.folder()));
        let checkpoints = Checkpoints::new(Arc::<DiskJournal>::clone(&journal), store);
        let entries: Vec<Entry> = (1..=self.entries).map(|n| self.entry(n)).collect();
        for (part, revision) in entries
            .chunks(CHECKPOINT_EVERY as usize)
            .zip((1..).map(|n| n * CHECKPOINT_EVERY))
        {
            append(&journal, part);
            if roster.applied() == revision {
                let keep_from = if self.drops { at(1_000_000) } else { Time::MIN };
                let capture = roster.begin_capture().unwrap();
                let records = |sink: RecordSink<'_>| checkpoint::write(capture, sink).map(|_| ());
                let written = checkpoints.write(revision, keep_from, Box::new(records));
                written.unwrap();
            }
        }
        undisturbed(|| drop((journal, checkpoints)));
        Folder { dir, roster }
    }

    fn entry(&self, n: u64) -> Entry {
        let mut entry = entry(n);
        if let Payload::Callback(callback) = &mut entry.payload {
            callback.decoded = Arc::new((self.decode)(callback));
        }
        entry
    }
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Its files with this suffix, in order.
    pub(crate) fn files(&self, suffix: &str) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path()).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|file| file.to_str().unwrap().ends_with(suffix));
        files.sort();
        files
    }
}

/// Opens a folder as a server does, from its latest checkpoint on.
pub(crate) fn open(path: &Path, horizon: u64) -> (Arc<DiskJournal>, Arc<Roster>) {
    let journal = DiskJournal::open(
        &DataFolder::open(path).unwrap(),
        Decoder::new(|product, query, body| Registry::standard().decode(product, query, body)),
    )
    .unwrap();
    let apps = [(AppName::from(APP), Logins::Concurrent)];
    let rules = Rules {
        reorder_horizon: Duration::from_secs(horizon),
        ..Rules::default()
    };
    let (roster, mut applier) = Roster::new(journal.epoch(), apps, rules, Limits::default());
    let mut after: Revision = 0;
    let checkpoints = DiskCheckpoints::new(journal.folder());
    if let Some(&latest) = checkpoints.list().unwrap().first() {
        let records = checkpoints.read(latest).unwrap();
        applier.install(checkpoint::read(journal.epoch(), records).unwrap());
        after = latest;
    }
    journal.follow(after, Box::new(applier)).unwrap();
    (Arc::new(journal), roster)
}

pub(crate) fn append(journal: &DiskJournal, entries: &[Entry]) {
    for batch in entries.chunks(BATCH) {
        let appends = batch.iter().map(|entry| journal.append(entry.clone()));
        for appended in tokio_test::block_on(join_all(appends)) {
            appended.unwrap();
        }
    }
}

/// Runs `headcount journal`.
pub(crate) fn run(args: &[&str]) -> Output {
    spawn(args).wait_with_output().unwrap()
}

/// Begins to run `headcount journal`.
pub(crate) fn spawn(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
    let command = command.arg("journal").args(args);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    undisturbed(|| command.spawn().unwrap())
}

/// Does what lets go of a folder, or begins a process. Never both at once: for a
/// moment, a new process has all files of this one, and so the locks of folders.
pub(crate) fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    work()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A second for each entry.
pub(crate) fn at(n: u64) -> Time {
    Time::from_millis(1_700_000_000_000 + n * 1000).unwrap()
}

/// The nth entry of the history.
pub(crate) fn entry(n: u64) -> Entry {
    let payload = match n % 10 {
        0 => Payload::Tick,
        6 => tencent(n),
        7 => zim(n),
        8 if n % 20 == 8 => callback("zego_room", "", b"\xff\x00"),
        8 => callback("zego_room", "", br#"{"event":"room_login"}"#),
        // Not journalled when received, but by a decoder that had a use for it.
        9 => callback("zego_room", "", br#"{"event":"stream_create"}"#),
        user => zego(n, user),
    };
    Entry {
        received_at: at(n),
        payload,
    }
}

/// Each room has visits of five users in turn; of each visit one callback is lost.
fn zego(n: u64, user: u64) -> Payload {
    let (room, visit) = (n / 10 % 4, n / 10 / 4);
    let (event, time) = match visit % 2 {
        0 => ("room_login", "login_time"),
        _ => ("room_logout", "logout_time"),
    };
    let (seq, millis) = (visit * 6 + user, at(n).as_millis());
    let body = format!(
        r#"{{"event":"{event}","room_id":"r{room}","room_session_id":"5","user_account":"u{user}","session_id":"7","user_nickname":"Ann é","{time}":"{millis}","user_update_seq":"{seq}"}}"#
    );
    callback("zego_room", "", body.as_bytes())
}

/// A minute late.
fn tencent(n: u64) -> Payload {
    let millis = at(n).as_millis() - 60_000;
    let body = format!(
        r#"{{"CallbackCommand":"Room.CallbackAfterMemberEnter","RoomId":"t1","EventTime":{millis},"MemberList_Account":["v{n}"]}}"#
    );
    callback("tencent_room", "SdkAppid=9&Sign=x", body.as_bytes())
}

/// One user with three devices.
fn zim(n: u64) -> Payload {
    let (session, seconds) = (n / 10 % 3, at(n).as_millis() / 1000);
    let body = format!(
        r#"{{"event":"user_action","action":0,"user_id":"bob","session_id":"s{session}","login_time":{seconds}}}"#
    );
    callback("zim_presence", "", body.as_bytes())
}

pub(crate) fn callback(product: &str, query: &str, body: &[u8]) -> Payload {
    let (product, decoded) = Registry::standard().decode(product, query, body).unwrap();
    Payload::Callback(Callback {
        app: APP.into(),
        product,
        query: query.into(),
        body: Bytes::copy_from_slice(body),
        decoded: Arc::new(decoded),
    })
}

/// What a callback says, if this were its body.
pub(crate) fn decode(callback: &Callback, body: &[u8]) -> Decoded {
    let (_, decoded) = Registry::standard()
        .decode(callback.product.as_str(), &callback.query, body)
        .unwrap();
    decoded
}
