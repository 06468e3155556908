//! Accepts connections, up to a number, until the service drains.

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    sync::Arc,
    time::Duration,
};

use hyper_util::{rt::TokioExecutor, server::conn::auto::Builder};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::{JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{Front, connection};
use crate::admin::Metrics;

/// The least and the longest wait after a failed accept: without file
/// descriptors it fails again at once.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// What a connection too many is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\n\
    content-length: 63\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    \r\n\
    {\"error\":\"overloaded\",\"message\":\"too many connections at once\"}";

struct Acceptor {
    front: Arc<Front>,
    protocol: Arc<Builder<TokioExecutor>>,
    drain: CancellationToken,
    slots: Arc<Semaphore>,
    connections: JoinSet<()>,
}

/// Serves callbacks on `listener` until `drain` is cancelled. Then nothing more
/// is accepted, and it returns when the requests in work are answered and all
/// connections are closed. Dropping it closes them at once.
pub async fn serve(listener: TcpListener, front: Arc<Front>, drain: CancellationToken) {
    let connections_max = front.parts.settings.connections_max;
    let mut acceptor = Acceptor {
        slots: Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))),
        protocol: Arc::new(connection::protocol()),
        connections: JoinSet::new(),
        drain: drain.clone(),
        front,
    };
    drain
        .run_until_cancelled(acceptor.accept_all(&listener))
        .await;
    drop(listener);
    while let Some(ended) = acceptor.connections.join_next().await {
        report(ended);
    }
}

impl Acceptor {
    async fn accept_all(&mut self, listener: &TcpListener) {
        let mut backoff = BACKOFF_MIN;
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        backoff = BACKOFF_MIN;
                        self.take(stream);
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept webhook connections");
                        sleep(backoff).await;
                        backoff = (backoff * 2).min(BACKOFF_MAX);
                    }
                },
                Some(ended) = self.connections.join_next() => report(ended),
            }
        }
    }

    fn take(&mut self, stream: TcpStream) {
        let metrics = Arc::clone(&self.front.parts.metrics);
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            metrics.webhook.connections_refused.inc();
            turn_away(stream);
            return;
        };
        // An answer is one small write; waiting to fill a packet delays it.
        let _ = stream.set_nodelay(true);
        let run = connection::run(
            stream,
            Arc::clone(&self.front),
            Arc::clone(&self.protocol),
            self.drain.clone(),
        );
        metrics.webhook.connections_open.inc();
        let open = Open { metrics };
        self.connections.spawn(async move {
            let _held = (slot, open);
            run.await;
        });
    }
}

/// Counts a connection as open, until it is dropped.
struct Open {
    metrics: Arc<Metrics>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.webhook.connections_open.dec();
    }
}

/// Whether only the connection that was about to be accepted is lost.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Answers 503 if that can be done without waiting, and hangs up.
fn turn_away(stream: TcpStream) {
    // The runtime has not heard from the socket yet and would not try.
    let Ok(mut stream) = stream.into_std() else {
        return;
    };
    // Closing with unread bytes resets the connection, and the answer with it.
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write(TOO_MANY);
    let _ = stream.shutdown(Shutdown::Write);
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a webhook connection panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_connection_too_many_has_the_length_it_says() {
        let text = str::from_utf8(TOO_MANY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
    }

    #[test]
    fn running_out_of_files_is_not_the_fault_of_one_connection() {
        const EMFILE: i32 = 24;
        assert!(!is_of_one_connection(&io::Error::from_raw_os_error(EMFILE)));
        assert!(is_of_one_connection(
            &io::ErrorKind::ConnectionAborted.into()
        ));
    }
}
