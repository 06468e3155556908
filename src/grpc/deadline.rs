//! The deadline that a client gives for an answer.

use std::time::Duration;

use http::{HeaderMap, Response};
use tokio::time;
use tonic::{Status, body::Body};

/// The header with the time that the client waits (gRPC over HTTP/2, `Timeout`).
const TIMEOUT_HEADER: &str = "grpc-timeout";

/// The most digits of a timeout.
const DIGITS_MAX: usize = 8;

/// Answers within a time, if there is one. The messages of a stream may come later: the client
/// ends it.
pub(super) async fn within(
    timeout: Option<Duration>,
    answer: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    let Some(within) = timeout else {
        return answer.await;
    };
    let answered = time::timeout(within, answer).await;
    answered.unwrap_or_else(|_| {
        Status::deadline_exceeded("the call was not answered within grpc-timeout").into_http()
    })
}

/// The time that a client waits. One that is not understood is ignored.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > DIGITS_MAX || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 60 * 60)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use http::HeaderValue;

    use super::*;

    fn headers(timeout: &str) -> HeaderMap {
        let value = HeaderValue::from_str(timeout).unwrap();
        HeaderMap::from_iter([(http::HeaderName::from_static(TIMEOUT_HEADER), value)])
    }

    #[test]
    fn a_timeout_has_up_to_eight_digits_and_a_unit() {
        let parsed = |text| timeout(&headers(text));
        assert_eq!(
            parsed("99999999H"),
            Some(Duration::from_secs(359_999_996_400))
        );
        assert_eq!(parsed("2M"), Some(Duration::from_secs(120)));
        assert_eq!(parsed("3S"), Some(Duration::from_secs(3)));
        assert_eq!(parsed("4m"), Some(Duration::from_millis(4)));
        assert_eq!(parsed("5u"), Some(Duration::from_micros(5)));
        assert_eq!(parsed("6n"), Some(Duration::from_nanos(6)));
        for text in ["", "S", "1", "1x", "+1S", "-1S", "1.5S", "999999999S", "1é"] {
            assert_eq!(parsed(text), None, "{text}");
        }
        assert_eq!(timeout(&HeaderMap::new()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_late_is_a_status() {
        let time = Some(Duration::from_secs(3));
        let answer = within(time, pending()).await;
        assert_eq!(answer.headers()["grpc-status"], "4");
        for time in [time, None] {
            let answer = within(time, ready(Response::new(Body::empty()))).await;
            assert!(!answer.headers().contains_key("grpc-status"));
        }
    }
}
