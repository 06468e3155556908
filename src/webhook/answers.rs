//! Every reason to refuse a request, and the answers.

use std::borrow::Cow;

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::Full;

use crate::providers::{Answer, Malformed, Refusal};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The body broke off, or is not an object in any format that is accepted.
    MalformedBody,
    /// The callback is not signed.
    SignatureMissing,
    /// The signature does not match.
    SignatureWrong,
    /// The signature's time is too far from now.
    SignatureStale,
    /// The callback is for an app that is not configured.
    UnknownApp,
    /// The signature came before, with other events.
    NonceReused,
    /// No product sends callbacks to this path.
    NotFound,
    /// The method is not POST.
    MethodNotAllowed,
    /// The body is compressed, or of a media type that is not taken.
    UnsupportedMediaType,
    /// The body took too long to arrive.
    BodyTimeout,
    /// The body is too long.
    BodyTooLarge,
    /// The callback could not be made durable.
    Unavailable,
    /// Too many requests at once.
    Overloaded,
    /// The service is starting or stopping.
    NotReady,
    /// The callback seems too late or too early, but the clocks disagree.
    ClockUncertain,
    /// The callback would add to what is as much as it may be.
    RosterFull,
    /// The address is none that may send.
    NotAllowed,
    /// The address sends too many requests a second.
    RateLimited,
}

/// A request that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) reason: Reason,
    /// Names the field at fault; repeats nothing of what was sent.
    pub(super) message: Cow<'static, str>,
    /// The app id that was sent, for the log.
    pub(super) sent: Option<Box<str>>,
}

// === impl Reason ===

impl Reason {
    /// Every reason, in the order of their discriminants.
    pub const ALL: [Self; 18] = [
        Self::MalformedBody,
        Self::SignatureMissing,
        Self::SignatureWrong,
        Self::SignatureStale,
        Self::UnknownApp,
        Self::NonceReused,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::BodyTimeout,
        Self::BodyTooLarge,
        Self::Unavailable,
        Self::Overloaded,
        Self::NotReady,
        Self::ClockUncertain,
        Self::RosterFull,
        Self::NotAllowed,
        Self::RateLimited,
    ];

    /// The word for it in answers and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::MalformedBody => "malformed_body",
            Self::SignatureMissing => "signature_missing",
            Self::SignatureWrong => "signature_wrong",
            Self::SignatureStale => "signature_stale",
            Self::UnknownApp => "unknown_app",
            Self::NonceReused => "nonce_reused",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::NotReady => "not_ready",
            Self::ClockUncertain => "clock_uncertain",
            Self::RosterFull => "roster_full",
            Self::NotAllowed => "not_allowed",
            Self::RateLimited => "rate_limited",
        }
    }

    /// The status code of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedBody => StatusCode::BAD_REQUEST,
            Self::SignatureMissing
            | Self::SignatureWrong
            | Self::SignatureStale
            | Self::UnknownApp
            | Self::NonceReused => StatusCode::UNAUTHORIZED,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable
            | Self::Overloaded
            | Self::NotReady
            | Self::ClockUncertain
            | Self::RosterFull => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn because(self, message: impl Into<Cow<'static, str>>) -> Refused {
        Refused {
            reason: self,
            message: message.into(),
            sent: None,
        }
    }
}

// === impl Refused ===

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Self {
        Reason::MalformedBody.because(malformed.to_string())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let reason = match refusal {
            Refusal::SignatureMissing(_) => Reason::SignatureMissing,
            Refusal::SignatureWrong { .. } => Reason::SignatureWrong,
            Refusal::SignatureStale { .. } => Reason::SignatureStale,
            Refusal::UnknownApp { .. }
            | Refusal::AppMissing { .. }
            | Refusal::OtherProduct { .. } => Reason::UnknownApp,
        };
        let message = refusal.to_string();
        let sent = match refusal {
            Refusal::UnknownApp { sent, .. } => Some(sent),
            _ => None,
        };
        Refused {
            sent,
            ..reason.because(message)
        }
    }
}

impl Refused {
    pub(super) fn respond(&self, render: fn(&Answer<'_>) -> Bytes) -> Response<Full<Bytes>> {
        let status = self.reason.status();
        let mut response = respond(render(&Answer::Refused {
            status: status.as_u16(),
            code: self.reason.code(),
            message: &self.message,
        }));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

pub(super) fn not_ready() -> Refused {
    Reason::NotReady.because("the service is starting or stopping")
}

/// A 200 with this body.
pub(super) fn respond(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn reasons_are_listed_in_order_each_with_a_code_of_its_own() {
        let codes: HashSet<_> = Reason::ALL.map(Reason::code).into();
        assert_eq!(codes.len(), Reason::ALL.len());
        for (i, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i);
        }
    }
}
