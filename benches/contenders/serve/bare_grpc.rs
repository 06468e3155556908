//! tonic without a service behind it: it sends bytes that were encoded before.

use std::{
    convert::Infallible,
    future::{self, Future},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt as _},
};
use tokio::sync::broadcast::{self, error::RecvError};
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, ServerStreamingService, UnaryService},
    transport::Server,
};
use tower::Service;

use crate::{Outcome, load::grpc::Raw, tls::Files};

pub(crate) const WATCH: &str = "/bare.Bare/Watch";
pub(crate) const GET: &str = "/bare.Bare/Get";

/// As many as Headcount allows.
const STREAMS_PER_CONNECTION_MAX: u32 = 1024;

pub(super) async fn run(
    address: SocketAddr,
    payload: Bytes,
    watchers: broadcast::Sender<Bytes>,
    files: Option<Files>,
) -> Outcome<()> {
    let service = Bare { payload, watchers };
    let mut server = Server::builder();
    if let Some(files) = files {
        server = server.tls_config(files.of_tonic()?)?;
    }
    server
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .add_service(service)
        .serve(address)
        .await?;
    Ok(())
}

#[derive(Clone, Debug)]
struct Bare {
    payload: Bytes,
    watchers: broadcast::Sender<Bytes>,
}

impl NamedService for Bare {
    const NAME: &'static str = "bare.Bare";
}

impl Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let bare = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Raw);
            Ok(if request.uri().path() == WATCH {
                grpc.server_streaming(Watch(bare), request).await
            } else {
                grpc.unary(Get(bare), request).await
            })
        })
    }
}

struct Watch(Bare);

impl ServerStreamingService<Bytes> for Watch {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future = future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let changes = stream::unfold(self.0.watchers.subscribe(), |mut changes| async move {
            let change = match changes.recv().await {
                Ok(change) => Ok(change),
                Err(RecvError::Lagged(_)) => Err(Status::data_loss("too slow")),
                Err(RecvError::Closed) => return None,
            };
            Some((change, changes))
        });
        // A first message, so that the client knows when the watch has begun.
        let first = stream::iter([Ok(Bytes::new())]);
        future::ready(Ok(Response::new(first.chain(changes).boxed())))
    }
}

struct Get(Bare);

impl UnaryService<Bytes> for Get {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        Box::pin(future::ready(Ok(Response::new(self.0.payload.clone()))))
    }
}
