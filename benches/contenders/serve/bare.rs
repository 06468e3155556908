//! The bare transports: hyper that reads a callback and answers that it is accepted, and tonic
//! that sends bytes that were encoded before. They check nothing and keep no state.

use std::{convert::Infallible, fs, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::broadcast};
use tokio_util::either::Either;

use super::bare_grpc;
use crate::{
    Outcome,
    args::Args,
    load::callback::{ACCEPTED, USER_FIELD, USER_ID_BYTES, user_id},
    tls::{Files, ServerStream},
};

/// Changes that a watcher may lag behind: as many as Headcount remembers.
const BACKLOG: usize = 1024;

/// Makes a change of a callback, by writing its user over that of a message that
/// Headcount sent.
#[derive(Clone, Debug)]
struct Changes {
    template: Bytes,
    user_at: Option<usize>,
    watchers: broadcast::Sender<Bytes>,
}

pub(crate) async fn run(args: &Args) -> Outcome<()> {
    let (Some(http), Some(grpc)) = (args.http, args.grpc) else {
        return Err("a bare server needs --http and --grpc".into());
    };
    let payload = match &args.payload {
        Some(file) => Bytes::from(fs::read(file)?),
        None => Bytes::new(),
    };
    let (watchers, _) = broadcast::channel(BACKLOG);
    let changes = Changes {
        user_at: find(&payload, user_id(0).as_bytes()),
        template: payload.clone(),
        watchers: watchers.clone(),
    };
    let files = args.files();
    let served = tokio::spawn(bare_grpc::run(grpc, payload, watchers, files.clone()));
    serve_http(http, changes, files).await?;
    served.await?
}

async fn serve_http(address: SocketAddr, changes: Changes, files: Option<Files>) -> Outcome<()> {
    let listener = TcpListener::bind(address).await?;
    let tls = files.map(|files| files.acceptor()).transpose()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (changes, tls) = (changes.clone(), tls.clone());
        tokio::spawn(async move {
            let stream = match tls {
                Some(tls) => tls
                    .accept(stream)
                    .await
                    .map(|it| Either::Right(Box::new(it))),
                None => Ok(Either::Left(stream)),
            };
            let Ok(stream): std::io::Result<ServerStream> = stream else {
                return;
            };
            let answer = service_fn(move |request| answer(request, changes.clone()));
            // The harness reports a connection that breaks.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    changes: Changes,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    if changes.watchers.receiver_count() > 0 {
        changes.tell(&body);
    }
    let answer = Response::builder()
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(ACCEPTED)));
    Ok(answer.unwrap_or_default())
}

impl Changes {
    fn tell(&self, body: &[u8]) -> Option<Infallible> {
        let user_at = find(body, USER_FIELD.as_bytes())? + USER_FIELD.len();
        let user = body.get(user_at..user_at + USER_ID_BYTES)?;
        let mut change = self.template.to_vec();
        let place = self.user_at?;
        change[place..place + USER_ID_BYTES].copy_from_slice(user);
        // There may be no watcher any more.
        let _ = self.watchers.send(change.into());
        None
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
