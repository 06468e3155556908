//! How much room a journal has, and what it drops to have some.

/// How much room a journal has for entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    #[default]
    Enough,
    /// Little. Entries that a checkpoint covers are dropped before they are old.
    Little,
    /// None. Entries are refused.
    None,
}

/// What a journal dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Segments.
    pub segments: usize,
    /// Those among them that were dropped before they were old, because there was little room.
    pub early: usize,
}
