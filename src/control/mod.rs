//! The socket in a data folder, by which a command asks the server that uses the folder.
//!
//! Only the folder's owner can connect, because the folder and the socket are theirs alone. Each
//! side says lines of JSON, in turn:
//!
//! ```text
//! command  "backup"
//! server   {"files":{"names":["….segment","….checkpoint"],"last_revision":1234}}
//!          the server drops none of these files from now on; the command copies them
//! command  "done"
//! server   "kept"
//! ```
//!
//! Instead of an answer the server may say `{"refused":{"message":"…"}}`. It closes the connection
//! after its last answer. If a connection ends before `kept`, the copy may lack what was dropped.

mod client;
mod protocol;
mod serve;
mod socket;
mod talk;

pub use self::{
    client::{AskError, Connection},
    protocol::{Answer, BackupFiles, Request},
    serve::{Backup, Backups, ControlMetrics, Lease, serve},
    socket::ControlSocket,
};
