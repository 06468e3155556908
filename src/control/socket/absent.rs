//! On systems that have no such sockets for tokio: nobody listens.

use std::{future::pending, io, path::Path, time::Duration};

use tokio::io::DuplexStream;

use crate::journal::DataFolder;

/// The side of the command. There is none: [`connect`] fails.
pub(in crate::control) type ClientStream = std::net::TcpStream;

/// The socket of a data folder. There is none: [`bind`](Self::bind) fails.
#[derive(Debug)]
pub struct ControlSocket(());

impl ControlSocket {
    /// Fails.
    ///
    /// # Errors
    /// Always.
    pub fn bind(_: &DataFolder) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::control) async fn accept(&self) -> io::Result<DuplexStream> {
        pending().await
    }
}

pub(in crate::control) fn connect(_: &Path, _: Duration) -> io::Result<ClientStream> {
    Err(io::ErrorKind::Unsupported.into())
}
