//! Rooms full of users, made in the way of each contender.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::task::JoinSet;

use crate::{
    Outcome,
    contender::{Contender, Running},
    load::{
        callback::{Kind, Template, What},
        http::Connection,
        sender::Sender,
    },
};

const CONNECTIONS: usize = 64;

/// Lets users 1 to `count` into the room that is watched.
pub(crate) async fn room(contender: Contender, running: &Running, count: usize) -> Outcome<()> {
    let next = Arc::new(AtomicUsize::new(1));
    let mut filling = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (mut sender, next) = (Sender::open(contender, running).await?, Arc::clone(&next));
        filling.spawn(async move {
            loop {
                let user = next.fetch_add(1, Relaxed);
                if user > count {
                    return Outcome::Ok(());
                }
                sender.send(user).await?;
            }
        });
    }
    while let Some(filled) = filling.join_next().await {
        filled??;
    }
    Ok(())
}

/// Posts the callbacks `numbers` of a plan to Headcount, each once, on 64
/// connections; of those on one connection each is answered before the next.
pub(crate) async fn post(
    running: &Running,
    kind: Kind,
    numbers: std::ops::Range<usize>,
    plan: impl Fn(usize) -> What + Send + Sync + Copy + 'static,
) -> Outcome<()> {
    let next = Arc::new(AtomicUsize::new(numbers.start));
    let mut posting = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(running.http).await?;
        let (mut template, next) = (Template::new(kind), Arc::clone(&next));
        posting.spawn(async move {
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= numbers.end {
                    return Outcome::Ok(());
                }
                connection.post(template.request(plan(number))).await?;
            }
        });
    }
    while let Some(posted) = posting.join_next().await {
        posted??;
    }
    Ok(())
}
