//! The connection that calls go through, which can be replaced.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tonic::{
    body::Body,
    codegen::{Service, http},
    transport::{Channel, Error},
};

type Connect = dyn Fn() -> Channel + Send + Sync;

/// Sends each call through the newest connection. Clones share it.
///
/// A [`Channel`] connects again when its connection breaks. It cannot be told to, and a
/// connection to a proxy does not break when the server behind the proxy hangs.
#[derive(Clone)]
pub struct Channels {
    connect: Arc<Connect>,
    newest: Arc<Mutex<Numbered>>,
}

/// A connection, and how many came before it.
struct Numbered {
    number: u64,
    channel: Channel,
}

impl Channels {
    pub(crate) fn new(connect: impl Fn() -> Channel + Send + Sync + 'static) -> Self {
        let channel = connect();
        Self {
            connect: Arc::new(connect),
            newest: Arc::new(Mutex::new(Numbered { number: 0, channel })),
        }
    }

    /// The number of the newest connection.
    pub(crate) fn number(&self) -> u64 {
        self.newest().number
    }

    /// Makes a connection if the newest still is that of this number. So of all who lose
    /// one connection, only the first makes another. Calls that are under way keep theirs,
    /// which closes with the last of them.
    pub(crate) fn replace(&self, number: u64) {
        let mut newest = self.newest();
        if newest.number == number {
            *newest = Numbered {
                number: number + 1,
                channel: (self.connect)(),
            };
        }
    }

    fn newest(&self) -> MutexGuard<'_, Numbered> {
        // What a panic leaves is whole: both fields are assigned at once.
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<http::Request<Body>> for Channels {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // The call waits instead, as only then is it known which connection it takes.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut channel = self.newest().channel.clone();
        Box::pin(async move {
            std::future::poll_fn(|cx| channel.poll_ready(cx)).await?;
            channel.call(request).await
        })
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels")
            .field("number", &self.number())
            .finish_non_exhaustive()
    }
}
