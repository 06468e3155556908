//! A client of HTTP/2 that sends the frames it is told to, when it is told to. Libraries decide
//! for themselves what they send together.

use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Types of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// Flags of frames.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The reason `CANCEL`.
const CANCEL: u32 = 8;

/// `:method`, `:scheme` and `:path` of the shortest request there is, `GET /`.
const SHORTEST: [u8; 3] = [0x82, 0x86, 0x84];

/// A connection, which has read the server's settings.
#[derive(Debug)]
pub(crate) struct RawHttp2<IO> {
    io: IO,
    next_stream: u32,
    /// Frames that were made and not sent.
    made: Vec<u8>,
}

/// A frame that the server sent.
#[derive(Debug)]
pub(crate) struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> RawHttp2<IO> {
    pub(crate) async fn connect(io: IO) -> Self {
        let mut client = Self {
            io,
            next_stream: 1,
            made: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        };
        client.frame(SETTINGS, 0, 0, &[]);
        // So much that the server never waits for more.
        client.frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes());
        assert!(client.send().await);
        assert_eq!(client.read().await.unwrap().kind, SETTINGS);
        client
    }

    /// Makes a gRPC call with a message. Returns its stream.
    pub(crate) fn call(&mut self, path: &str, message: &impl Message) -> u32 {
        let message = message.encode_to_vec();
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        body.extend(message);
        self.post(path, "application/grpc", &body)
    }

    /// Makes a request with a body. Returns its stream.
    pub(crate) fn post(&mut self, path: &str, media_type: &str, body: &[u8]) -> u32 {
        let mut headers = vec![0x83, 0x86];
        for (name, value) in [
            (&[0x04][..], path),
            (&[0x01], "h"),
            (&[0x0f, 0x10], media_type),
        ] {
            headers.extend(name);
            headers.push(u8::try_from(value.len()).unwrap());
            headers.extend(value.as_bytes());
        }
        let stream = self.begin(0, &headers);
        self.frame(DATA, END_STREAM, stream, body);
        stream
    }

    /// Makes the shortest request.
    pub(crate) fn shortest(&mut self) -> u32 {
        self.begin(END_STREAM, &SHORTEST)
    }

    /// Cancels a request.
    pub(crate) fn cancel(&mut self, stream: u32) {
        self.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    }

    /// Sends what was made, in one piece. Whether the server took it.
    pub(crate) async fn send(&mut self) -> bool {
        let made = std::mem::take(&mut self.made);
        self.io.write_all(&made).await.is_ok()
    }

    /// The next frame, unless the server has closed the connection.
    pub(crate) async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.io.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.io.read_exact(&mut payload).await.ok()?;
        if kind == PING && flags & ACK == 0 {
            self.frame(PING, ACK, 0, &payload);
        }
        Some(Frame {
            kind,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }

    /// The next message of a gRPC call.
    pub(crate) async fn message(&mut self, stream: u32) -> Vec<u8> {
        self.data(stream).await[5..].to_vec()
    }

    /// The next part of a body. Frames of other streams are left out.
    pub(crate) async fn data(&mut self, stream: u32) -> Vec<u8> {
        loop {
            let frame = self.read().await.expect("the connection is open");
            assert_ne!(frame.kind, GO_AWAY, "{}", frame.payload.escape_ascii());
            if frame.kind == DATA && frame.stream == stream {
                return frame.payload;
            }
        }
    }

    fn begin(&mut self, flags: u8, headers: &[u8]) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.frame(HEADERS, flags | END_HEADERS, stream, headers);
        stream
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.made.extend(&length[1..]);
        self.made.extend([kind, flags]);
        self.made.extend(stream.to_be_bytes());
        self.made.extend(payload);
    }
}
