//! What is known of a call before it is answered, for its lines in the log.

use std::net::IpAddr;

use http::{Request, Response};
use tonic::{Code, Status};

use crate::net::{Caller, Refusals, Refused, RequestId};

/// The most characters of a path that are kept: more than any call has.
const PATH_MAX: usize = 128;

/// What is known of a call before it is answered.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) request_id: RequestId,
    /// Whose connection it came by.
    pub(super) address: Option<IpAddr>,
    /// Its begin, if it is very long.
    pub(super) path: Box<str>,
    refusals: Refusals,
}

impl Asked {
    pub(super) fn new<B>(request: &Request<B>, caller: &Caller, refusals: Refusals) -> Self {
        let (address, path) = (caller.address(), request.uri().path());
        Self {
            request_id: RequestId::of(request.headers()),
            address: address.map(|address| address.ip().to_canonical()),
            path: path.get(..PATH_MAX).unwrap_or(path).into(),
            refusals,
        }
    }

    /// Names the call in its answer, and notes if it was refused for want of credentials.
    pub(super) fn answered<B>(self, mut response: Response<B>) -> Response<B> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            self.note(&status);
        }
        self.request_id.mark(&mut response);
        response
    }

    /// Notes a call that is refused, or that is not allowed to go on, for want of credentials.
    pub(super) fn note(&self, status: &Status) {
        let reason = match status.code() {
            Code::Unauthenticated => "unauthenticated",
            Code::PermissionDenied => "permission_denied",
            _ => return,
        };
        self.refusals.note(&Refused {
            front: "grpc",
            reason,
            message: status.message(),
            product: None,
            app_id: None,
            address: self.address,
            path: &self.path,
            request_id: &self.request_id,
        });
    }
}
