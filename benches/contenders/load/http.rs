//! One HTTP/1.1 connection that posts, and expects to be told 200 and that it was accepted.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::callback::ACCEPTED;
use crate::{
    Outcome,
    tls::{self, ClientStream},
};

/// A connection with one request under way at most.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: ClientStream,
    inbox: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = tls::connect(address).await?;
        let inbox = Vec::with_capacity(4096);
        Ok(Self { stream, inbox })
    }

    /// Sends a request, and waits for the whole answer.
    pub(crate) async fn post(&mut self, request: &[u8]) -> Outcome<()> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.inbox.clear();
        loop {
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(length) = answer_length(&self.inbox)?
                && self.inbox.len() >= length
            {
                return match self.inbox.ends_with(ACCEPTED) {
                    true => Ok(()),
                    false => Err(String::from_utf8_lossy(&self.inbox).into()),
                };
            }
        }
    }
}

/// The length of an answer, once its head is there.
fn answer_length(inbox: &[u8]) -> Outcome<Option<usize>> {
    let Some(head) = inbox.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    if !inbox.starts_with(b"HTTP/1.1 200") {
        return Err(String::from_utf8_lossy(inbox).into());
    }
    let head_text = std::str::from_utf8(&inbox[..head])?;
    let length = head_text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    Ok(Some(head + 4 + length.unwrap_or(0)))
}
