//! Writes a journal of many logins into a folder, and a checkpoint if wanted.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future;
use headcount::{
    checkpoint::{self, Checkpoints, DiskCheckpoints, RecordSink},
    domain::{AppName, Time},
    journal::{DataFolder, Decoder, DiskJournal, Journal as _},
    providers::Registry,
    roster::Roster,
};

use tokio::task;

use super::{
    login::{entry, now, roster},
    members::MEMBERS_PER_ROOM,
};
use crate::{
    Outcome,
    args::Args,
    load::callback::{APP, Kind, Template, What},
};

/// Appended at once, to be synced together.
const BATCH: usize = 4000;

pub(super) async fn run(args: &Args) -> Outcome<()> {
    let folder = args
        .payload
        .as_deref()
        .ok_or("--payload names the folder")?;
    let folder = DataFolder::open(folder)?;
    let journal = Arc::new(DiskJournal::open(
        &folder,
        Decoder::new(|product, query, body| Registry::standard().decode(product, query, body)),
    )?);
    let store = Arc::new(DiskCheckpoints::new(&folder));
    let checkpoints = Checkpoints::new(Arc::<DiskJournal>::clone(&journal), store);
    let (roster, applier) = roster(&*journal);
    // It blocks, which no thread that drives tasks may.
    let following = Arc::clone(&journal);
    task::spawn_blocking(move || following.follow(0, Box::new(applier))).await??;
    let app = AppName::from(APP);
    let mut template = Template::new(Kind::Login);
    let mut appended = 0;
    while appended < args.count {
        let stop = args.checkpoint_at.filter(|stop| *stop > appended);
        let end = args
            .count
            .min(appended + BATCH)
            .min(stop.unwrap_or(usize::MAX));
        let batch = (appended..end).map(|user| {
            // All rooms fill at the same time, as real ones do.
            let rooms = args.count.div_ceil(MEMBERS_PER_ROOM);
            let (room, number) = (user % rooms, user / rooms + 1);
            let serial = user as u64;
            let what = What {
                room,
                user,
                number,
                serial,
            };
            let body = Bytes::copy_from_slice(template.body(what));
            journal.append(entry(&app, (room, user), number, (now(), body)))
        });
        let batch: Vec<_> = batch.collect();
        future::try_join_all(batch).await?;
        appended = end;
        if args.checkpoint_at == Some(appended) {
            let (checkpoints, roster) = (checkpoints.clone(), Arc::clone(&roster));
            task::spawn_blocking(move || checkpoint(&checkpoints, &roster)).await??;
        }
    }
    Ok(())
}

fn checkpoint(checkpoints: &Checkpoints, roster: &Arc<Roster>) -> Outcome<()> {
    let capture = roster.begin_capture().ok_or("a checkpoint is under way")?;
    let revision = capture.revision();
    let records = Box::new(|sink: RecordSink<'_>| checkpoint::write(capture, sink).map(drop));
    checkpoints.write(revision, Time::MIN, records)?;
    Ok(())
}
