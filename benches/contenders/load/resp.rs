//! The part of Redis' protocol that the benchmark uses.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::Outcome;

/// A connection to Redis.
#[derive(Debug)]
pub(crate) struct Redis {
    stream: TcpStream,
    inbox: Vec<u8>,
    /// How much of the inbox was taken.
    taken: usize,
}

impl Redis {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            inbox: Vec::with_capacity(8192),
            taken: 0,
        })
    }

    /// Sends commands at once, and waits for as many answers; the last is returned.
    pub(crate) async fn send(&mut self, commands: &[u8], answers: usize) -> Outcome<Vec<u8>> {
        self.stream.write_all(commands).await?;
        let mut last = Vec::new();
        for _ in 0..answers {
            last = self.reply().await?.to_vec();
        }
        if last.starts_with(b"-") {
            return Err(String::from_utf8_lossy(&last).into());
        }
        Ok(last)
    }

    /// Sends a command whose answer is long, and looks at no more of the answer than
    /// where its lines end: how many bytes it has.
    pub(crate) async fn send_and_skim(&mut self, command: &[u8]) -> Outcome<usize> {
        self.stream.write_all(command).await?;
        self.inbox.clear();
        self.taken = 0;
        let mut is_whole = false;
        while !is_whole {
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err("Redis closed the connection".into());
            }
            // Parsing again with every read would be most of the work.
            let may_end = self.inbox.ends_with(b"}\r\n");
            is_whole = may_end && reply_length(&self.inbox) == Some(self.inbox.len());
        }
        Ok(self.inbox.len())
    }

    /// The next reply or message, as it came.
    pub(crate) async fn reply(&mut self) -> Outcome<&[u8]> {
        loop {
            if let Some(length) = reply_length(&self.inbox[self.taken..]) {
                let begin = self.taken;
                self.taken += length;
                return Ok(&self.inbox[begin..begin + length]);
            }
            self.inbox.drain(..self.taken);
            self.taken = 0;
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err("Redis closed the connection".into());
            }
        }
    }
}

/// Puts a command behind others.
pub(crate) fn command(commands: &mut Vec<u8>, words: &[&[u8]]) {
    commands.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        commands.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        commands.extend_from_slice(word);
        commands.extend_from_slice(b"\r\n");
    }
}

/// The length of the reply that begins here, if it is there as a whole.
fn reply_length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    let count = || {
        std::str::from_utf8(&bytes[1..line - 2])
            .ok()?
            .parse::<i64>()
            .ok()
    };
    match bytes[0] {
        b'$' => {
            let length = usize::try_from(count()?).map_or(line, |length| line + length + 2);
            (bytes.len() >= length).then_some(length)
        }
        b'*' => (0..count()?).try_fold(line, |end, _| Some(end + reply_length(&bytes[end..])?)),
        _ => Some(line),
    }
}
