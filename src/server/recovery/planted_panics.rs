//! Panics of our own code on an entry: the journal stops and names it, what is half applied is
//! not used, and a start goes on without the entry only if it is told to.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::FutureExt as _;
use tempfile::TempDir;

use super::{recover, tests::roster};
use crate::{
    config::{Config, JOURNAL_BYTES_MIN, JournalConfig, JournalKind},
    domain::{AppName, Clock, Decoded, ProductName, RoomEvent, RoomEventKind, RoomId, Time},
    journal::{AppendError, Callback, Decoder, Draft, Entry, Payload, Revision},
    providers::Registry,
    reconcile::{
        Rules,
        room::{PLANTED_PANIC, RoomState},
    },
    roster::Roster,
    server::{
        Server,
        checkpointing::{self, CheckpointPolicy},
        error::ServerError,
        storage::Storage,
    },
};

/// A callback of this life panics when it is decoded.
const PANICS_DECODED: &str = "panics when it is decoded";
const WHOLE: &str = "7";

/// Bodies are a room and one of its lives: each callback says that the life began.
fn decode(body: &str) -> Decoded {
    let (room, life) = body.split_once(' ').unwrap_or_default();
    Decoded::Room(vec![RoomEvent {
        room: room.into(),
        incarnation: life.into(),
        kind: RoomEventKind::Created {
            at: Time::from_millis(5),
            creator: None,
            name: None,
        },
    }])
}

fn decoder() -> Decoder {
    Decoder::new(|_, _, body| {
        let body = std::str::from_utf8(body).unwrap();
        assert!(!body.ends_with(PANICS_DECODED), "planted too");
        Some((ProductName::new("test"), decode(body)))
    })
}

fn entry(room: &str, life: &str) -> Entry {
    let body = format!("{room} {life}");
    let decoded = match life {
        PANICS_DECODED => Decoded::undecodable("by the version that took it"),
        _ => decode(&body),
    };
    Entry {
        received_at: Time::from_millis(5).unwrap(),
        payload: Payload::Callback(Callback {
            app: "arena".into(),
            product: ProductName::new("test"),
            query: "".into(),
            body: Bytes::from(body),
            decoded: Arc::new(decoded),
        }),
    }
}

fn append(storage: &Storage, entry: Entry) -> Result<Revision, AppendError> {
    tokio_test::block_on(storage.journal.append(entry))
}

fn open(config: &JournalConfig) -> Result<(Storage, Arc<Roster>), ServerError> {
    let storage = Storage::open(config, JOURNAL_BYTES_MIN, 1 << 20, decoder())?;
    let (roster, applier) = roster(storage.journal.epoch());
    recover(&storage, applier)?;
    Ok((storage, roster))
}

fn on_disk(folder: &Path, quarantine: &[Revision]) -> JournalConfig {
    JournalConfig {
        path: folder.to_owned(),
        quarantine: quarantine.to_vec(),
        ..JournalConfig::default()
    }
}

fn is_open(roster: &Roster, room: &str) -> bool {
    let answer = roster.room(&AppName::from("arena"), &RoomId::from(room));
    answer.view.summary.state == RoomState::Open
}

/// Lets a room open, and then the code panic, in the same room.
fn assert_stops(config: &JournalConfig) -> Arc<Roster> {
    let (storage, roster) = open(config).unwrap();
    assert_eq!(append(&storage, entry("r", WHOLE)), Ok(1));
    assert!(roster.is_whole() && roster.begin_capture().is_some());
    let Err(AppendError::Unappliable(stopped)) = append(&storage, entry("r", PLANTED_PANIC)) else {
        panic!("it was applied");
    };
    assert_eq!(stopped.revision, 2);
    assert!(stopped.panic.contains("planted"), "{stopped}");
    // Nothing that is half applied is served, kept, or added to.
    assert!(!roster.is_whole() && roster.begin_capture().is_none());
    let later = append(&storage, entry("s", WHOLE));
    assert_eq!(later, Err(AppendError::Unappliable(stopped.clone())));
    assert!(!is_open(&roster, "s"));
    assert_eq!(storage.journal.failure(), Some(stopped.to_string()));
    assert_eq!(storage.journal.stopped().now_or_never(), Some(stopped));
    if let Some(checkpoints) = &storage.checkpoints {
        let policy = CheckpointPolicy::new(config, Clock::system());
        let written = checkpointing::write_news(checkpoints, 2, &roster, &policy);
        assert_eq!(written.now_or_never(), Some(()));
    }
    roster
}

#[test]
fn a_journal_in_memory_stops() {
    assert_stops(&JournalConfig {
        kind: JournalKind::Memory,
        ..JournalConfig::default()
    });
}

#[test]
fn a_journal_on_disk_stops_and_each_start_names_the_entry_until_it_is_quarantined() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let before = assert_stops(&on_disk(folder, &[])).epoch();
    assert_quarantined(&dir, 2, before);
}

#[test]
fn an_entry_that_cannot_be_decoded_is_named_until_it_is_quarantined() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, roster) = open(&on_disk(dir.path(), &[])).unwrap();
    append(&storage, entry("r", WHOLE)).unwrap();
    append(&storage, entry("r", PANICS_DECODED)).unwrap();
    drop(storage);
    assert_quarantined(&dir, 2, roster.epoch());
}

#[test]
fn entries_of_one_block_are_quarantined_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut draft = Draft::create(dir.path(), 0).unwrap();
    for life in [WHOLE, PANICS_DECODED, PANICS_DECODED, PLANTED_PANIC, WHOLE] {
        draft.push(entry("r", life)).unwrap();
    }
    draft.finish().unwrap();
    for revision in [2, 3, 4] {
        let refusal = open(&on_disk(dir.path(), &[])).unwrap_err().to_string();
        let expected = format!("serve --quarantine {revision}");
        assert!(refusal.contains(&expected), "{refusal}");
        // It is remembered, whatever comes of the start.
        let _ = open(&on_disk(dir.path(), &[revision]));
    }
    let (_storage, roster) = open(&on_disk(dir.path(), &[])).unwrap();
    assert_eq!(roster.applied(), 5);
    assert!(is_open(&roster, "r"));
}

fn assert_quarantined(dir: &TempDir, revision: Revision, before: crate::journal::Epoch) {
    let config = |quarantine: &[Revision]| on_disk(dir.path(), quarantine);
    for _ in 0..2 {
        let refusal = open(&config(&[])).unwrap_err();
        assert!(
            matches!(refusal, ServerError::Unappliable { .. }),
            "{refusal}"
        );
        let expected = format!("serve --quarantine {revision}");
        assert!(refusal.to_string().contains(&expected), "{refusal}");
    }
    let (storage, roster) = open(&config(&[revision])).unwrap();
    assert_eq!(roster.applied(), revision);
    assert!(is_open(&roster, "r"), "what came before has its effect");
    // Watchers may have seen half of it.
    assert_ne!(roster.epoch(), before);
    let epoch = roster.epoch();
    assert_eq!(append(&storage, entry("s", WHOLE)), Ok(revision + 1));
    drop(storage);
    // It is remembered, whether it is said again or not.
    for quarantine in [&[][..], &[revision]] {
        let (_storage, roster) = open(&config(quarantine)).unwrap();
        assert!(is_open(&roster, "r") && is_open(&roster, "s"));
        assert_eq!(roster.epoch(), epoch);
    }
}

#[test]
fn only_callbacks_that_are_there_are_quarantined() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, roster) = open(&on_disk(dir.path(), &[])).unwrap();
    append(&storage, entry("r", WHOLE)).unwrap();
    let tick = Entry {
        received_at: Time::MIN,
        payload: Payload::Tick,
    };
    append(&storage, tick).unwrap();
    drop(storage);
    for revision in [2, 3, Revision::MAX] {
        let refusal = open(&on_disk(dir.path(), &[1, revision])).unwrap_err();
        let expected = format!("there is no callback of revision {revision}");
        assert!(refusal.to_string().contains(&expected), "{refusal}");
    }
    let (_storage, again) = open(&on_disk(dir.path(), &[])).unwrap();
    assert_eq!(again.epoch(), roster.epoch());
    assert!(is_open(&again, "r"));
}

/// A service whose callbacks are not taken over sockets here, but appended.
async fn server(folder: &Path) -> Server {
    let mut config = Config::dev(Registry::standard()).unwrap();
    config.journal.path = folder.to_owned();
    config.webhook.listen.set_port(0);
    config.grpc.listen.set_port(0);
    let bound = Server::bind(&config, Registry::standard(), Rules::default()).await;
    bound.unwrap()
}

fn zego(life: &str) -> Entry {
    let body = format!(
        r#"{{"event":"room_create","room_id":"r","room_session_id":"{life}","room_create_time":"5"}}"#
    );
    let registry = Registry::standard();
    let (product, decoded) = registry.decode("zego_room", "", body.as_bytes()).unwrap();
    assert!(matches!(decoded, Decoded::Room(_)), "{decoded:?}");
    let mut entry = entry("r", WHOLE);
    if let Payload::Callback(callback) = &mut entry.payload {
        callback.app = "demo".into();
        callback.product = product;
        callback.body = Bytes::from(body);
        callback.decoded = Arc::new(decoded);
    }
    entry
}

#[tokio::test]
async fn a_service_ends_with_the_entry_and_the_next_waits_to_be_ended() {
    let dir = tempfile::tempdir().unwrap();
    let running = server(dir.path()).await;
    let (ready, journal) = (running.ready.clone(), Arc::clone(&running.storage.journal));
    let post = async {
        ready.wait().await;
        journal.append(zego(PLANTED_PANIC)).await.unwrap_err();
        drop(journal);
        std::future::pending().await
    };
    let error = running.run(post).await.unwrap_err();
    assert!(matches!(error, ServerError::Ended { .. }), "{error}");
    assert!(
        error.to_string().contains("the entry of revision 1"),
        "{error}"
    );
    let stopped = ready.stopped().unwrap();
    assert!(stopped.contains("the entry of revision 1"), "{stopped}");
    // It asks the journal, whose folder it holds.
    drop(ready);

    let next = server(dir.path()).await;
    let ready = next.ready.clone();
    // Only not to wait for ever where it fails.
    let told = tokio::time::timeout(Duration::from_secs(60), async {
        while ready.stopped().is_none() {
            tokio::task::yield_now().await;
        }
    });
    let error = next.run(told.map(drop)).await.unwrap_err();
    assert!(matches!(error, ServerError::Unappliable { .. }), "{error}");
    assert!(ready.stopped().is_some() && !ready.is_ready());
}
