//! One connection, as the server sees it.

use std::io;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};

use super::protocol::{Answer, Request, line, parse};

/// The longest request. One that is longer is cut off, and is none.
const REQUEST_BYTES_MAX: u64 = 4096;

/// A connection on which a command asks.
#[derive(Debug)]
pub(super) struct Talk<IO>(BufReader<IO>);

impl<IO: AsyncRead + AsyncWrite + Unpin> Talk<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self(BufReader::new(io))
    }

    /// The next request; `None` when the command closed the connection.
    pub(super) async fn hear(&mut self) -> io::Result<Option<Request>> {
        let mut request = Vec::new();
        let mut limited = (&mut self.0).take(REQUEST_BYTES_MAX);
        limited.read_until(b'\n', &mut request).await?;
        parse(&request)
    }

    pub(super) async fn say(&mut self, answer: &Answer) -> io::Result<()> {
        self.0.write_all(&line(answer)?).await?;
        self.0.flush().await
    }
}
