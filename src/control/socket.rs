//! The socket itself: a file of the data folder, which the process that locks the folder owns.

use std::path::{Path, PathBuf};

#[cfg(not(unix))]
mod absent;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use self::absent as system;
#[cfg(unix)]
use self::unix as system;

pub use self::system::ControlSocket;

pub(super) use self::system::{ClientStream, connect};

/// The name of the socket's file in the folder.
const FILE: &str = "control";

/// Where the server of a data folder listens.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
