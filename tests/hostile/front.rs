//! A front, and connections to it.

use std::{io, net::SocketAddr};

use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;

/// A connection, in plain text or by TLS.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Where a front listens, and how it is spoken to.
#[derive(Clone, Copy)]
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    /// Trusts the front's certificate, if it has one.
    pub(crate) tls: Option<&'static TlsConnector>,
}

impl Front {
    /// A connection as the honest have one.
    pub(crate) async fn connect(self) -> io::Result<Stream> {
        self.secure(TcpStream::connect(self.address).await?).await
    }

    /// A connection from a socket.
    pub(crate) async fn connect_from(self, socket: TcpSocket) -> io::Result<Stream> {
        self.secure(socket.connect(self.address).await?).await
    }

    async fn secure(self, stream: TcpStream) -> io::Result<Stream> {
        let Some(tls) = self.tls else {
            return Ok(Either::Left(stream));
        };
        let name = ServerName::try_from("localhost").unwrap();
        let stream = tls.connect(name, stream).await?;
        Ok(Either::Right(Box::new(stream)))
    }
}
