//! Sends many callbacks in short time, as a vendor does who makes up for an outage.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
};

use crate::{
    child::Post,
    front::{Front, Stream},
};

const CONNECTIONS: usize = 32;

/// How many callbacks are sent on a connection before their answers are read.
const PIPELINED: usize = 32;

/// Sends the callbacks 0 to `count`, in no order, each on one of some connections. Every one has
/// to be taken.
pub(crate) async fn post_all(
    to: Front,
    count: usize,
    callback: impl Fn(usize) -> Post + Copy + Send + 'static,
) {
    let mut posting = JoinSet::new();
    for first in 0..count.min(CONNECTIONS) {
        let numbers = (first..count).step_by(CONNECTIONS);
        posting.spawn(post_each(to, numbers.map(callback)));
    }
    while let Some(posted) = posting.join_next().await {
        posted.unwrap().unwrap();
    }
}

async fn post_each(to: Front, callbacks: impl Iterator<Item = Post>) -> io::Result<()> {
    let mut callbacks = callbacks.peekable();
    let mut stream = to.connect().await?;
    while callbacks.peek().is_some() {
        let several = callbacks.by_ref().take(PIPELINED);
        let requests: Vec<String> = several.map(|it| request(&it, "keep-alive")).collect();
        stream.write_all(requests.concat().as_bytes()).await?;
        stream.flush().await?;
        expect_taken(&mut stream, requests.len()).await?;
    }
    Ok(())
}

/// A callback as a request of HTTP/1.1.
pub(crate) fn request(Post { target, body }: &Post, connection: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\nconnection: {connection}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Reads so many answers, all of which have to say that a callback is taken.
async fn expect_taken(stream: &mut Stream, mut answers: usize) -> io::Result<()> {
    let mut read = Vec::new();
    while answers > 0 {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // No answer to a callback has an object in it, so it ends where its first one does.
        while let Some(end) = read.iter().position(|&byte| byte == b'}') {
            let answer = String::from_utf8_lossy(&read[..=end]).into_owned();
            let is_taken = answer.contains(r#""accepted""#) || answer.contains(r#""OK""#);
            if !is_taken {
                return Err(io::Error::other(answer));
            }
            read.drain(..=end);
            answers -= 1;
        }
    }
    Ok(())
}
