//! Just enough of HTTP/2 to send what no library would.

use std::io;

use tokio::{
    io::{self as tokio_io, AsyncReadExt as _, AsyncWriteExt as _, WriteHalf},
    task::JoinHandle,
};

use crate::front::Stream;

/// The preface of a connection, and empty settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A frame, but for its stream.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) payload: &'static [u8],
}

/// The head of a callback whose body is to follow: POST, http, /webhooks/zego, h.
pub(crate) const POST: Frame = Frame {
    kind: 1,
    flags: 4,
    payload: b"\x83\x86\x04\x0e/webhooks/zego\x01\x01h",
};

/// The head of a call of `GetRoomUsers` whose message is to follow.
pub(crate) const ASK: Frame = Frame {
    kind: 1,
    flags: 4,
    payload: b"\x83\x86\x04\x2a/headcount.v1.PresenceService/GetRoomUsers\x01\x01h\x0f\x10\x10application/grpc",
};

/// A connection that throws away what comes.
pub(crate) struct Http2 {
    writes: WriteHalf<Stream>,
    reads: JoinHandle<()>,
    has_begun: bool,
}

impl Frame {
    /// The bytes of the frame on a stream.
    pub(crate) fn on(self, stream: u32) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap();
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(self.payload);
        bytes
    }
}

impl Http2 {
    pub(crate) fn new(stream: Stream) -> Self {
        let (mut reads, writes) = tokio_io::split(stream);
        let reads = tokio::spawn(async move {
            let mut bytes = [0; 16 * 1024];
            while reads.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
        });
        Self {
            writes,
            reads,
            has_begun: false,
        }
    }

    /// Sends frames, after what a connection begins with.
    pub(crate) async fn send(&mut self, frames: &[u8]) -> io::Result<()> {
        if !self.has_begun {
            self.has_begun = true;
            self.writes.write_all(HELLO).await?;
        }
        if self.reads.is_finished() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.writes.write_all(frames).await?;
        self.writes.flush().await
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.reads.abort();
    }
}
