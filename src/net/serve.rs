//! Runs the connections of a front, until the service drains.

use std::{future::Future, sync::Arc};

use futures_util::stream::{self, Stream};
use tokio::{
    net::TcpStream,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{
    Admission, Caller, Connection, ConnectionMetrics, Handshake, Listener, accept::Acceptor,
    handshake::shake_hands,
};

/// Serves each connection with `handle`, in a task of its own, until `drain` is cancelled. Then
/// nothing more is accepted, and this returns when all connections are closed: `handle` has to
/// end its connection on the drain, too. It is dropped for a connection that has to give way to
/// another one. Dropping this closes all connections at once.
pub async fn serve<H, F>(
    listener: Listener<H>,
    admission: Admission,
    drain: CancellationToken,
    handle: impl Fn(Connection<H::Io>) -> F + Send + Sync + 'static,
) where
    H: Handshake,
    F: Future<Output = ()> + Send + 'static,
{
    let (mut acceptor, handshake, metrics) = begin(listener, admission);
    let handle = Arc::new(handle);
    let purpose = acceptor.purpose();
    let mut tasks = JoinSet::new();
    let accept_all = async {
        loop {
            tokio::select! {
                (io, caller) = acceptor.accept() => {
                    let (handshake, handle) = (handshake.clone(), Arc::clone(&handle));
                    let (drain, metrics) = (drain.clone(), metrics.clone());
                    let served = caller.clone();
                    tasks.spawn(caller.unless_recalled(async move {
                        let connection = tokio::select! {
                            // Plain text is ready at once, and then the drain costs nothing.
                            biased;
                            connection = open(&handshake, io, served, &metrics) => connection,
                            () = drain.cancelled() => None,
                        };
                        if let Some(connection) = connection {
                            handle(connection).await;
                        }
                    }));
                }
                Some(ended) = tasks.join_next() => report(ended, purpose),
            }
        }
    };
    drain.run_until_cancelled(accept_all).await;
    drop(acceptor);
    while let Some(ended) = tasks.join_next().await {
        report(ended, purpose);
    }
}

/// The connections that are ready to be served, for a server that runs them itself, and lets them
/// give way to others. The stream has no end; dropping it stops accepting.
pub fn connections<H: Handshake>(
    listener: Listener<H>,
    admission: Admission,
) -> impl Stream<Item = Connection<H::Io>> {
    let (acceptor, handshake, metrics) = begin(listener, admission);
    let handshakes = JoinSet::new();
    stream::unfold(
        (acceptor, handshakes, handshake, metrics),
        |(mut acceptor, mut handshakes, handshake, metrics)| async move {
            let connection = loop {
                tokio::select! {
                    (io, caller) = acceptor.accept() => {
                        let (handshake, metrics) = (handshake.clone(), metrics.clone());
                        let served = caller.clone();
                        handshakes.spawn(caller.unless_recalled(async move {
                            open(&handshake, io, served, &metrics).await
                        }));
                    }
                    Some(ended) = handshakes.join_next() => match ended {
                        Ok(Some(connection)) => break connection,
                        Ok(None) => {}
                        Err(failed) => report(Err(failed), acceptor.purpose()),
                    },
                }
            };
            Some((connection, (acceptor, handshakes, handshake, metrics)))
        },
    )
}

/// The connection of a caller, if its handshake succeeds.
async fn open<H: Handshake>(
    handshake: &H,
    io: TcpStream,
    caller: Caller,
    metrics: &ConnectionMetrics,
) -> Option<Connection<H::Io>> {
    let ready = shake_hands(handshake, io, &caller, metrics).await?;
    Some(Connection::new(ready, caller))
}

/// What accepts connections, and how they begin.
fn begin<H: Handshake>(
    listener: Listener<H>,
    mut admission: Admission,
) -> (Acceptor, H, ConnectionMetrics) {
    let Listener { socket, handshake } = listener;
    if !handshake.is_plain_text() {
        // The client could not read it.
        admission.refusal = b"";
    }
    let metrics = admission.metrics.clone();
    (Acceptor::new(socket, admission), handshake, metrics)
}

/// Logs that the task of a connection panicked, if it did.
pub(crate) fn report(ended: Result<(), JoinError>, purpose: &'static str) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(purpose, %error, "a connection panicked");
    }
}

#[cfg(test)]
mod tests;
