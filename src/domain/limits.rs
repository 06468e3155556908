//! Limits that several modules share.

/// The longest id of a room, one of its lives, a user or a session, in bytes. Vendors
/// allow from 127 to 255 bytes. A longer id could be kept, but clients could not ask
/// for it by gRPC, whose requests and page tokens name such ids.
pub const ID_BYTES_MAX: usize = 1024;
