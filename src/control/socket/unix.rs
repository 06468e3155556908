//! On systems of the Unix family.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use tokio::net::{UnixListener, UnixStream};

use crate::journal::DataFolder;

/// The side of the command, whose calls block.
pub(in crate::control) type ClientStream = std::os::unix::net::UnixStream;

/// The socket of a data folder. Its file is removed when this is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    /// Locked for as long as the socket's file is this process's.
    folder: DataFolder,
}

impl ControlSocket {
    /// Listens in a data folder, in place of a server that ended without removing its socket.
    ///
    /// # Errors
    /// When the path is too long for a socket (about 100 bytes), or the file system has none.
    pub fn bind(folder: &DataFolder) -> io::Result<Self> {
        let path = super::path(folder.path());
        // Whoever left it has ended, because the folder is locked by this process.
        remove(&path)?;
        let socket = Self {
            listener: UnixListener::bind(&path)?,
            folder: folder.clone(),
        };
        // Nobody else reached it before: the folder is its owner's alone.
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(socket)
    }

    pub(in crate::control) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // One that stays is replaced by the next server.
        let _ = remove(&super::path(self.folder.path()));
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Connects to a socket. A read or a write then takes at most `time_max`.
pub(in crate::control) fn connect(path: &Path, time_max: Duration) -> io::Result<ClientStream> {
    let stream = ClientStream::connect(path)?;
    stream.set_read_timeout(Some(time_max))?;
    stream.set_write_timeout(Some(time_max))?;
    Ok(stream)
}
