//! Reads a body within a size and a time.

mod pieces;

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use hyper::body::Body;

use self::pieces::{Pieces, Stop};
use super::answers::{Reason, Refused};

pub(super) use self::pieces::Terms;

/// The whole body, if it arrives on these terms and is no longer than `bytes_max`. A body
/// that announces to be longer is not read at all.
pub(super) async fn read<B>(body: B, bytes_max: usize, terms: Terms<'_>) -> Result<Bytes, Refused>
where
    B: Body<Data = Bytes>,
{
    if announced(&body) > bytes_max {
        return Err(too_large(bytes_max));
    }
    let body = pin!(body);
    let mut pieces = Pieces::new(body, terms);
    // A short body comes in one piece, which needs no copy.
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(data) = pieces.next().await.map_err(stopped)? {
        if data.len() > bytes_max - first.len().max(all.len()) {
            return Err(too_large(bytes_max));
        }
        pieces.keep(data.len()).map_err(stopped)?;
        if !all.is_empty() {
            all.extend_from_slice(&data);
        } else if first.is_empty() {
            first = data;
        } else {
            // What is announced is not allocated: it need not come.
            all.reserve(first.len() + data.len());
            all.extend_from_slice(&first);
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Discards a body, as far as it arrives on these terms. Returns whether that was all of it. A
/// body that is longer than `bytes_max` is not read to its end.
pub(super) async fn discard<B>(body: B, bytes_max: usize, terms: Terms<'_>) -> bool
where
    B: Body<Data = Bytes>,
{
    if announced(&body) > bytes_max {
        return false;
    }
    let body = pin!(body);
    let mut pieces = Pieces::new(body, terms);
    let mut left = bytes_max;
    loop {
        match pieces.next().await {
            Ok(Some(data)) if data.len() <= left => left -= data.len(),
            Ok(None) => return true,
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

fn announced(body: &impl Body) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

fn too_large(bytes_max: usize) -> Refused {
    Reason::BodyTooLarge.because(format!("the body is longer than {bytes_max} bytes"))
}

fn stopped(stop: Stop) -> Refused {
    match stop {
        Stop::BrokeOff => Reason::MalformedBody.because("the body broke off"),
        Stop::TooSlow => Reason::BodyTimeout.because("the body took too long to arrive"),
        Stop::NoRoom => Reason::Overloaded.because("too many bodies are on their way"),
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io, sync::LazyLock, time::Duration};

    use futures_util::stream;
    use http::HeaderMap;
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use hyper::body::Frame;
    use prometheus_client::metrics::counter::Counter;

    use super::*;
    use crate::net::{
        Caller,
        budget::{Budget, Limits, Trust},
    };

    /// Terms that all but the endless keep to.
    fn terms() -> Terms<'static> {
        static BUDGET: LazyLock<Budget> = LazyLock::new(|| {
            let limits = Limits {
                all_max: 1 << 20,
                peer_max: 1 << 20,
            };
            Budget::new("tests", limits, Trust::default(), Counter::default())
        });
        static HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        Terms {
            budget: &BUDGET,
            peer: Caller::unknown().peer(),
            headers: &HEADERS,
            within: Duration::from_secs(10),
            rate_min: 1,
        }
    }

    fn chunks(chunks: &[&'static str]) -> impl Body<Data = Bytes> + use<> {
        let frames: Vec<_> = (chunks.iter())
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes()))))
            .collect();
        StreamBody::new(stream::iter(frames))
    }

    async fn reason<B: Body<Data = Bytes>>(body: B, bytes_max: usize) -> Reason {
        read(body, bytes_max, terms()).await.unwrap_err().reason
    }

    #[tokio::test]
    async fn pieces_are_put_together_up_to_the_limit_and_no_further() {
        for pieces in [
            &["abcdef"][..],
            &["ab", "cdef"],
            &["", "ab", "", "cd", "ef"],
        ] {
            let body = read(chunks(pieces), 6, terms()).await.unwrap();
            assert_eq!(body, "abcdef");
            assert_eq!(reason(chunks(pieces), 5).await, Reason::BodyTooLarge);
        }
        assert_eq!(read(chunks(&[]), 0, terms()).await.unwrap(), "");
    }

    #[tokio::test]
    async fn an_announced_length_is_checked_before_reading() {
        let body = Full::new(Bytes::from_static(b"abc"));
        assert_eq!(reason(body, 2).await, Reason::BodyTooLarge);
    }

    #[tokio::test]
    async fn what_is_thrown_away_has_a_limit() {
        let pieces = &["ab", "", "cdef"];
        assert!(discard(chunks(pieces), 6, terms()).await);
        assert!(!discard(chunks(pieces), 5, terms()).await);
        assert!(discard(chunks(&[]), 0, terms()).await);
        assert!(!discard(Full::new(Bytes::from_static(b"abc")), 2, terms()).await);
        let broken = stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("reset"))]);
        assert!(!discard(StreamBody::new(broken), 9, terms()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_is_not_thrown_away_for_long() {
        let endless = stream::pending::<Result<Frame<Bytes>, Infallible>>();
        assert!(!discard(StreamBody::new(endless), 9, terms()).await);
    }

    #[tokio::test]
    async fn trailers_are_skipped() {
        let body = chunks(&["ab"]).with_trailers(async { Some(Ok(http::HeaderMap::new())) });
        assert_eq!(read(body, 2, terms()).await.unwrap(), "ab");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_malformed() {
        let broken = stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("reset"))]);
        assert_eq!(
            reason(StreamBody::new(broken), 9).await,
            Reason::MalformedBody
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = stream::pending::<Result<Frame<Bytes>, Infallible>>();
        assert_eq!(
            reason(StreamBody::new(endless), 9).await,
            Reason::BodyTimeout
        );
    }
}
