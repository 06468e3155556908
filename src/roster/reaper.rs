//! Drops what is long in dropping, where nobody waits for it.

use std::{
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use crate::room::Remains;

/// Remains that may wait to be dropped. More closes of large rooms at once than
/// this, and they are dropped where they fall: late is better than never.
const WAITING_MAX: usize = 1024;

/// A thread that drops things. It begins with the first and ends with this.
#[derive(Debug, Default)]
pub(super) struct Reaper {
    queue: Option<SyncSender<Vec<Remains>>>,
}

impl Reaper {
    pub(super) fn take(&mut self, remains: Vec<Remains>) {
        if remains.is_empty() {
            return;
        }
        let queue = self.queue.get_or_insert_with(|| {
            let (queue, waiting) = sync_channel::<Vec<Remains>>(WAITING_MAX);
            let reap = move || waiting.into_iter().for_each(drop);
            // Without a thread the queue is closed, and all is dropped here.
            let _ = thread::Builder::new().name("reaper".to_owned()).spawn(reap);
            queue
        });
        // What cannot be queued comes back in the error, and is dropped with it.
        let _ = queue.try_send(remains);
    }
}
