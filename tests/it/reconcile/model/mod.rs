//! What the reconciler's tests share.

// Each test target uses its own part.
pub(crate) mod arbitrary_events;
pub(crate) mod copy;
pub(crate) mod events;
pub(crate) mod history;
pub(crate) mod only_life;
pub(crate) mod oracle;
pub(crate) mod replica;
pub(crate) mod teller;
