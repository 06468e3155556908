//! What applying an event did.

/// What applying an event to a room or a user did. `C` is a visible change of the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventOutcome<C> {
    /// The event was added to the evidence. These are the visible changes, if any.
    Applied(Vec<C>),
    /// The event was not applied, because its time is too far from its receipt.
    Stale,
}
