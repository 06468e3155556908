//! What the server says: asked page by page, and as watches tell it.

mod reader;
mod watcher;

pub(super) use self::{
    reader::{Reader, RoomAnswer},
    watcher::{Target, WatchResult, Watcher},
};
