//! Signed callbacks of almost the longest body that cannot be decoded, as whoever saw a signature
//! can send: the vendor's signature does not cover the body.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    attack::{Attack, From, many},
    child::{Post, now, zego},
    target::Addresses,
};

/// Together they are three times as long as the data folder may be.
const CALLBACKS: usize = 1_000;
const BODY: usize = 190_000;
const CONNECTIONS: usize = 8;

/// The most bytes that the data folder may take, as the configuration says it, too.
const FOLDER_MAX: u64 = 64 << 20;
const JOURNAL: &str = "kind = \"disk\"\nbytes_max = \"64MiB\"";

pub(crate) const BY_STRANGERS: Attack = Attack {
    name: "undecodable callbacks of 190 KB",
    memory_max: 192,
    folder_max: Some(FOLDER_MAX),
    journal: JOURNAL,
    run: post_all,
    shows: Some("headcount_undecodables_dropped_total"),
    ..Attack::ON_EMPTY
};

fn without_user(post: Post) -> Post {
    Post {
        body: post.body.replace("\"user_account\"", "\"no_user\""),
        ..post
    }
}

fn post_all(to: Addresses) -> BoxFuture<'static, ()> {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    SENT.store(0, Ordering::Relaxed);
    let once = move |attacker| async move {
        while SENT.fetch_add(1, Ordering::Relaxed) < CALLBACKS {
            let login = zego(("attacked", 1), ("mallory", "1"), now(), None);
            let post = without_user(login).padded(BODY);
            // Refused or not: the next is sent.
            let _ = send(attacker, to, &post).await;
        }
    };
    many(CONNECTIONS, once).boxed()
}

async fn send(attacker: usize, to: Addresses, post: &Post) -> std::io::Result<()> {
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        post.target,
        post.body.len()
    );
    let mut stream = From::Strangers(8).connect(attacker, to.webhook).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(post.body.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(())
}
