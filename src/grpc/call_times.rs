//! How long calls take.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family, registry::Registry};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{domain::Histogram, pb::FILE_DESCRIPTOR_SET};

/// The bounds, in seconds: an answer takes less than a millisecond, a watch may last for days.
const BOUNDS: &[f64] = &[
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 600.0, 3_600.0,
    86_400.0,
];

/// What a method is called that there is not.
const UNKNOWN: &str = "unknown";

/// The methods of all services that are served, as `package.Service/Method`.
static METHODS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    [
        FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ]
    .into_iter()
    .flat_map(methods)
    .collect()
});

/// How long calls took, by their methods and codes.
#[derive(Clone, Debug)]
pub(super) struct CallTimes(Family<Labels, Histogram, fn() -> Histogram>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    code: &'static str,
}

/// A call that is running. It is counted when its status is sent, or when this is dropped: then its
/// client cancelled it.
#[derive(Debug)]
pub(super) struct RunningCall {
    times: CallTimes,
    method: &'static str,
    began: Instant,
    is_counted: bool,
}

pin_project! {
    /// The body of a response. Its call runs until the last of it is handed to the connection.
    #[derive(Debug)]
    pub(super) struct CallBody<B> {
        #[pin]
        body: B,
        call: RunningCall,
    }
}

/// The methods of the services that an encoded set of descriptors describes.
fn methods(descriptors: &[u8]) -> Vec<String> {
    // It is generated, and a test decodes it.
    let files = FileDescriptorSet::decode(descriptors).unwrap_or_default();
    let mut methods = Vec::new();
    for file in &files.file {
        for service in &file.service {
            let of_service =
                |method: &str| format!("{}.{}/{method}", file.package(), service.name());
            methods.extend(service.method.iter().map(|it| of_service(it.name())));
        }
    }
    methods
}

impl Default for CallTimes {
    /// Every method has answered OK no times.
    fn default() -> Self {
        let times = Self(Family::new_with_constructor(|| Histogram::new(BOUNDS)));
        for method in METHODS.iter() {
            drop(times.of(method, Code::Ok));
        }
        times
    }
}

impl CallTimes {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "grpc_seconds",
            "How long calls took, by method and code, until the end of the answer; of a stream, until its end",
            self.0.clone(),
        );
    }

    /// A call of the method at a path begins.
    pub(super) fn begin(&self, path: &str) -> RunningCall {
        let method = path.strip_prefix('/').and_then(|path| METHODS.get(path));
        RunningCall {
            times: self.clone(),
            method: method.map_or(UNKNOWN, String::as_str),
            began: Instant::now(),
            is_counted: false,
        }
    }

    fn of(&self, method: &'static str, code: Code) -> Histogram {
        let code = name(code);
        self.0.get_or_create_owned(&Labels { method, code })
    }
}

impl RunningCall {
    /// The response to the call, whose end ends the call.
    pub(super) fn answer<B>(mut self, response: Response<B>) -> Response<CallBody<B>> {
        // An answer without messages has its status here.
        self.note_status(response.headers());
        response.map(|body| CallBody { body, call: self })
    }

    fn note_status(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get(Status::GRPC_STATUS) {
            self.count(Code::from_bytes(status.as_bytes()));
        }
    }

    fn count(&mut self, code: Code) {
        if !std::mem::replace(&mut self.is_counted, true) {
            self.times
                .of(self.method, code)
                .observe(self.began.elapsed());
        }
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.count(Code::Cancelled);
    }
}

impl<B: Body<Data = Bytes>> Body for CallBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            this.call.note_status(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A code as the API's documentation spells it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::{BodyExt as _, Empty, StreamBody};

    use super::*;

    const WATCH: &str = "headcount.v1.PresenceService/WatchRoom";

    fn counts(times: &CallTimes, method: &'static str, codes: &[Code]) -> Vec<u64> {
        codes
            .iter()
            .map(|code| times.of(method, *code).count())
            .collect()
    }

    #[test]
    fn every_method_of_every_service_is_known_and_no_other() {
        for method in [
            "headcount.v1.PresenceService/GetRoomUsers",
            WATCH,
            "grpc.health.v1.Health/Check",
            "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            assert!(METHODS.contains(method), "{method}: {METHODS:?}");
        }
        let times = CallTimes::default();
        for path in ["/headcount.v1.PresenceService/Nothing", "/", "", WATCH] {
            assert_eq!(times.begin(path).method, UNKNOWN, "{path}");
        }
    }

    #[test]
    fn a_call_is_counted_once_with_the_status_that_is_sent() {
        let codes = [Code::Ok, Code::NotFound, Code::Cancelled];
        let times = CallTimes::default();
        let begin = || times.begin(&format!("/{WATCH}"));

        let refused = begin().answer(Status::not_found("no").into_http::<Empty<Bytes>>());
        drop(refused);
        assert_eq!(counts(&times, WATCH, &codes), [0, 1, 0]);

        let mut trailers = HeaderMap::new();
        Status::ok("").add_header(&mut trailers).unwrap();
        let frames = [
            Frame::data(Bytes::from_static(b"m")),
            Frame::trailers(trailers),
        ];
        let frames = frames.map(Ok::<_, std::convert::Infallible>);
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let mut answered = begin().answer(Response::new(body));
        let mut next = || answered.body_mut().frame().now_or_never().unwrap();
        assert!(next().unwrap().unwrap().is_data());
        assert_eq!(counts(&times, WATCH, &codes), [0, 1, 0], "it goes on");
        assert!(next().unwrap().unwrap().is_trailers());
        assert_eq!(counts(&times, WATCH, &codes), [1, 1, 0]);
        drop(answered);
        assert_eq!(counts(&times, WATCH, &codes), [1, 1, 0]);

        drop(begin());
        assert_eq!(counts(&times, WATCH, &codes), [1, 1, 1]);
    }
}
