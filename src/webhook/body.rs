//! Reads a body within a size and a time.

use std::{pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::time::timeout;

use super::answers::{Reason, Refused};

/// The whole body, if it ends in time and is no longer than `bytes_max`. A body
/// that announces to be longer is not read at all.
pub(super) async fn read<B>(body: B, bytes_max: usize, within: Duration) -> Result<Bytes, Refused>
where
    B: Body<Data = Bytes>,
{
    let announced = announced(&body);
    if announced > bytes_max {
        return Err(too_large(bytes_max));
    }
    timeout(within, collect(body, announced, bytes_max))
        .await
        .unwrap_or_else(|_| Err(Reason::BodyTimeout.because("the body took too long to arrive")))
}

async fn collect<B>(body: B, announced: usize, bytes_max: usize) -> Result<Bytes, Refused>
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    // A short body comes in one piece, which needs no copy.
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Reason::MalformedBody.because("the body broke off"))?;
        // Trailers say nothing about a callback.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > bytes_max - first.len().max(all.len()) {
            return Err(too_large(bytes_max));
        }
        if !all.is_empty() {
            all.extend_from_slice(&data);
        } else if first.is_empty() {
            first = data;
        } else {
            all.reserve(announced.max(first.len() + data.len()));
            all.extend_from_slice(&first);
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Discards a body, as far as it arrives in time. Returns whether that was all of it. A
/// body that is longer than `bytes_max` is not read to its end.
pub(super) async fn discard<B>(body: B, bytes_max: usize, within: Duration) -> bool
where
    B: Body<Data = Bytes>,
{
    if announced(&body) > bytes_max {
        return false;
    }
    let discard = async {
        let mut body = pin!(body);
        let mut left = bytes_max;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return false;
            };
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(bytes) {
                Some(less) => left = less,
                None => return false,
            }
        }
        true
    };
    timeout(within, discard).await.unwrap_or(false)
}

fn announced(body: &impl Body) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

fn too_large(bytes_max: usize) -> Refused {
    Reason::BodyTooLarge.because(format!("the body is longer than {bytes_max} bytes"))
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use futures_util::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    fn chunks(chunks: &[&'static str]) -> impl Body<Data = Bytes> + use<> {
        let frames: Vec<_> = (chunks.iter())
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes()))))
            .collect();
        StreamBody::new(stream::iter(frames))
    }

    async fn reason<B: Body<Data = Bytes>>(body: B, bytes_max: usize) -> Reason {
        read(body, bytes_max, WITHIN).await.unwrap_err().reason
    }

    #[tokio::test]
    async fn pieces_are_put_together_up_to_the_limit_and_no_further() {
        for pieces in [
            &["abcdef"][..],
            &["ab", "cdef"],
            &["", "ab", "", "cd", "ef"],
        ] {
            let body = read(chunks(pieces), 6, WITHIN).await.unwrap();
            assert_eq!(body, "abcdef");
            assert_eq!(reason(chunks(pieces), 5).await, Reason::BodyTooLarge);
        }
        assert_eq!(read(chunks(&[]), 0, WITHIN).await.unwrap(), "");
    }

    #[tokio::test]
    async fn an_announced_length_is_checked_before_reading() {
        let body = Full::new(Bytes::from_static(b"abc"));
        assert_eq!(reason(body, 2).await, Reason::BodyTooLarge);
    }

    #[tokio::test]
    async fn what_is_thrown_away_has_a_limit() {
        let pieces = &["ab", "", "cdef"];
        assert!(discard(chunks(pieces), 6, WITHIN).await);
        assert!(!discard(chunks(pieces), 5, WITHIN).await);
        assert!(discard(chunks(&[]), 0, WITHIN).await);
        assert!(!discard(Full::new(Bytes::from_static(b"abc")), 2, WITHIN).await);
        let broken = stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("reset"))]);
        assert!(!discard(StreamBody::new(broken), 9, WITHIN).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_is_not_thrown_away_for_long() {
        let endless = stream::pending::<Result<Frame<Bytes>, Infallible>>();
        assert!(!discard(StreamBody::new(endless), 9, WITHIN).await);
    }

    #[tokio::test]
    async fn trailers_are_skipped() {
        let body = chunks(&["ab"]).with_trailers(async { Some(Ok(http::HeaderMap::new())) });
        assert_eq!(read(body, 2, WITHIN).await.unwrap(), "ab");
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
