//! Converts domain types to protobuf messages.

pub(super) mod convert;
pub(super) mod outgoing;
pub(super) mod page;
pub(super) mod pieces;
pub(super) mod room;
pub(super) mod token;
pub(super) mod user;
pub(super) mod user_pieces;
pub(super) mod wire_subject;
