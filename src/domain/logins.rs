//! How several sessions of one user count.

/// How several sessions of one user count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logins {
    /// A login replaces the one before, so the latest known login decides. Rooms work this
    /// way.
    Exclusive,
    /// Every session counts, as those on several devices of a chat service do.
    Concurrent,
}
