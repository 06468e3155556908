//! A socket that listens, and how its connections begin.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host};

use super::{Handshake, PlainText};

/// How many connections may wait to be accepted. Vendors send after an outage all at once, and a
/// connection that does not fit is tried again by the sender's system after a second or more. The
/// operating system may have a lower limit: on Linux it is `net.core.somaxconn`, commonly 4096.
const BACKLOG: u32 = 4096;

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
        let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in lookup_host(address).await? {
            match listen(address) {
                Ok(socket) => return Ok(socket.into()),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait until the connections of the process before are forgotten. On
    // Windows this would let others take the address.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn connections_wait_to_be_accepted_in_hundreds() {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Longer than it takes, and shorter than the second after which a system tries again.
        let at_once = std::time::Duration::from_millis(900);
        let connect = |_| TcpStream::connect_timeout(&address, at_once).unwrap();
        let waiting: Vec<_> = (0..600).map(connect).collect();
        assert_eq!(waiting.len(), 600);
    }
}
