//! How a user's sessions add up.

/// How several sessions of one user add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logins {
    /// A login replaces the one before: the latest known decides. This is how rooms
    /// are.
    Exclusive,
    /// Each counts for itself, as on several devices of a chat service.
    Concurrent,
}
