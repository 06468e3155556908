use std::{collections::BTreeMap, fs, path::Path};

use tokio::runtime::Runtime;

use super::*;
use crate::{
    config::JournalConfig,
    domain::{AppName, Clock, Logins, Time},
    journal::{DataFolder, Decoder, Entry, Payload, Revision},
    reconcile::Rules,
    roster::Limits,
};

/// A service without fronts, whose files are dropped as soon as they may be.
fn running(path: &Path) -> RunningBackups {
    let folder = DataFolder::open(path).unwrap();
    let journal = DiskJournal::open(&folder, Decoder::new(|_, _, _| None)).unwrap();
    let apps = [(AppName::from("arena"), Logins::Concurrent)];
    let (roster, applier) = Roster::new(folder.epoch(), apps, Rules::default(), Limits::default());
    journal.follow(0, Box::new(applier)).unwrap();
    let journal = Arc::new(journal);
    let store = Arc::new(DiskCheckpoints::new(&folder));
    let config = JournalConfig {
        retention: "1ms".parse().unwrap(),
        ..JournalConfig::default()
    };
    // Before a vendor is heard, everything is kept.
    let clock = Clock::system();
    clock.hear(clock.times().own);
    RunningBackups {
        checkpoints: Checkpoints::new(Arc::<DiskJournal>::clone(&journal), store),
        journal,
        roster,
        policy: CheckpointPolicy::new(&config, clock),
        ready: Readiness::new(true),
    }
}

impl RunningBackups {
    async fn append(&self, count: u64) -> Revision {
        let mut last = 0;
        for _ in 0..count {
            let entry = Entry {
                received_at: Time::MIN,
                payload: Payload::Tick,
            };
            last = self.journal.append(entry).await.unwrap();
        }
        last
    }

    /// Appends, writes a checkpoint, and drops what may be dropped.
    async fn go_on(&self) {
        let last = self.append(3).await;
        checkpointing::write_news(&self.checkpoints, last, &self.roster, &self.policy).await;
        // Behind the requests to drop.
        self.journal.seal().await.unwrap();
    }

    fn first_file(&self) -> String {
        let names = self.journal.folder().files().list().unwrap();
        let segments = names.into_iter().filter(|name| name.ends_with(".segment"));
        segments.min().unwrap()
    }
}

fn contents(path: &Path, names: &[String]) -> BTreeMap<String, Vec<u8>> {
    let read = |name: &String| (name.clone(), fs::read(path.join(name)).unwrap());
    names.iter().map(read).collect()
}

#[test]
fn a_backup_has_what_was_acknowledged_and_stays_as_it_is() {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let service = running(dir.path());
    runtime.block_on(async {
        let last = service.append(5).await;
        let Backup { files, lease } = service.begin().await.unwrap();
        assert_eq!(files.last_revision, last);
        let kinds = ["segment", "checkpoint"];
        let kinds = kinds.map(|kind| files.names.iter().any(|name| name.ends_with(kind)));
        assert_eq!(kinds, [true, true], "{files:?}");
        let before = contents(dir.path(), &files.names);
        for _ in 0..4 {
            service.go_on().await;
        }
        assert_eq!(service.checkpoints.store().list().unwrap().len(), 5);
        assert_eq!(contents(dir.path(), &files.names), before);

        // Two leases: the files are kept until both end.
        let other = service.begin().await.unwrap();
        drop(lease);
        service.go_on().await;
        assert_eq!(service.first_file(), files.names[0]);
        drop(other);
        service.go_on().await;
        assert_ne!(service.first_file(), files.names[0]);
        assert_eq!(service.checkpoints.store().list().unwrap().len(), 2);
    });
}

#[test]
fn a_checkpoint_that_is_later_than_the_segments_is_left_out() {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let service = running(dir.path());
    runtime.block_on(async {
        service.append(5).await;
        // As one that is written between the two.
        let store = service.checkpoints.store();
        store.write(9, Box::new(|_| Ok(()))).unwrap();
        let Backup { files, .. } = service.begin().await.unwrap();
        assert_eq!(files.last_revision, 5);
        let late = files
            .names
            .iter()
            .filter(|name| name.contains("9.checkpoint"));
        assert_eq!(late.count(), 0, "{files:?}");
    });
}

#[test]
fn there_is_no_backup_before_the_service_is_ready() {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let service = running(dir.path());
    service.ready.set(false);
    let refused = runtime.block_on(service.begin()).map(|backup| backup.files);
    assert!(refused.unwrap_err().contains("is starting"));
}
