//! What becomes of an event.

/// What became of an event that was applied to a room or a user, whose changes are `C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied<C> {
    /// The event is part of the evidence. These are the visible changes, if any.
    Joined(Vec<C>),
    /// The event is too far from its receipt to be applied.
    Stale,
}
