//! What a world is made from.

use crate::simulate::options::VendorName;

use super::story_frame::StoryFrame;

/// What a world is made from. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    /// What makes ids unique to this run.
    pub(crate) tag: String,
    /// The vendor whose callbacks are made; a mix of all if none is named.
    pub(crate) vendor: Option<VendorName>,
    /// How many rooms there are, and users of the chat, if of each.
    pub(crate) rooms: usize,
    /// Regulars of each room; guests come on top.
    pub(crate) users: usize,
    /// How many callbacks there are to be, about.
    pub(crate) callbacks: usize,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// The server's reorder horizon, in milliseconds.
    pub(crate) horizon: u64,
    /// How much longer the server keeps evidence, in milliseconds, if the world
    /// is to show how it forgets.
    pub(crate) forgets: Option<u64>,
}

impl Shape {
    /// How many rooms there are, how many users of the chat, and how many of the
    /// callbacks are about rooms: in a mix most, as rooms have more of a life.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        match self.vendor {
            None => (self.rooms, self.rooms, self.callbacks / 4 * 3),
            Some(VendorName::Zim) => (0, self.rooms, 0),
            Some(_) => (self.rooms, 0, self.callbacks),
        }
    }

    pub(super) fn frame(&self, callbacks: usize) -> StoryFrame {
        StoryFrame {
            users: self.users,
            callbacks: callbacks.max(1),
            from: self.from,
            until: self.until,
            horizon: self.horizon,
            grace: self.forgets.unwrap_or_default(),
        }
    }
}
