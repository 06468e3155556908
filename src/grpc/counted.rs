//! Counts the requests of each connection.

use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::account::GrpcAccount;
use crate::net::{Answering, CountedBody};

/// A service whose requests are counted in the account of the connection by which they come.
#[derive(Clone, Debug)]
pub(super) struct CountedRequests<S>(pub(super) S);

impl<S, R, B> Service<Request<R>> for CountedRequests<S>
where
    S: Service<Request<R>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<CountedBody<B>>;
    type Error = S::Error;
    type Future = Answering<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let account = request.extensions().get::<GrpcAccount>();
        let counted = account.map(GrpcAccount::begin);
        Answering::new(counted, self.0.call(request))
    }
}
