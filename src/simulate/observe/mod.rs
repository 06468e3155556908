//! What the server says, in its answers page by page, and on watches.

mod reader;
mod watcher;

pub(super) use self::{
    reader::{Reader, RoomAnswer},
    watcher::{Target, WatchResult, Watcher},
};
