//! What bare servers send: bytes that Headcount sent.

use std::{fs, path::Path};

use bytes::Bytes;
use tempfile::NamedTempFile;

use crate::{
    Outcome,
    args::Args,
    contender::Contender,
    load::{
        calls::{WATCH_ROOM, watch_request},
        grpc,
        sender::{ROOM, Sender},
        watchers::JOINED,
        wire::visit,
    },
};

/// Bytes in a file, where a bare server finds them.
#[derive(Debug)]
pub(crate) struct Payload(NamedTempFile);

impl Payload {
    pub(crate) fn new(bytes: &[u8]) -> Outcome<Self> {
        let file = NamedTempFile::new()?;
        fs::write(file.path(), bytes)?;
        Ok(Self(file))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn length(&self) -> Outcome<u64> {
        Ok(fs::metadata(self.path())?.len())
    }
}

/// The message in which Headcount tells a watcher that user 0 joined.
pub(crate) async fn change(args: &Args) -> Outcome<Payload> {
    let running = Contender::Memory.start(args, None).await?;
    let mut sender = Sender::open(Contender::Memory, &running).await?;
    // The first login tells more: the room opens.
    sender.send(1).await?;
    let channel = grpc::connect(running.grpc).await?;
    let request: Bytes = watch_request(ROOM);
    let mut stream = grpc::watch(channel, WATCH_ROOM, request, false).await?;
    stream.message().await?;
    sender.send(0).await?;
    while let Some(message) = stream.message().await? {
        let mut joined = 0;
        visit(&message, JOINED, &mut |_| joined += 1);
        if joined == 1 {
            return Payload::new(&message);
        }
    }
    Err("Headcount told of no change".into())
}
