//! Converts domain types to protobuf messages.

pub(super) mod convert;
pub(super) mod outgoing;
pub(super) mod page;
pub(super) mod room;
pub(super) mod token;
pub(super) mod user;
pub(super) mod users_page;
pub(super) mod wire_subject;
