//! A socket that listens, and how its connections begin.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, ToSocketAddrs};

use super::{Handshake, PlainText};

/// A socket that listens, and the handshake of its connections.
#[derive(Debug)]
pub struct Listener<H = PlainText> {
    pub(super) socket: TcpListener,
    pub(super) handshake: H,
}

impl Listener {
    /// Listens for connections in plain text.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self::from)
    }
}

impl<H: Handshake> Listener<H> {
    /// The same socket with another handshake.
    pub fn with_handshake<G: Handshake>(self, handshake: G) -> Listener<G> {
        Listener {
            socket: self.socket,
            handshake,
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system cannot tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self {
            socket,
            handshake: PlainText,
        }
    }
}
