//! The id of a request, by which its lines in logs are found.

use http::{HeaderMap, HeaderName, HeaderValue, Response};

/// The header that has it, in requests and in answers.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of an id that a sender chose. Longer ones would fill the log.
const CHARS_MAX: usize = 128;

/// The id of a request: the sender's, or one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// That of a request: its `x-request-id` if there is one, of 1 to 128 visible characters of
    /// ASCII, else 16 random hexadecimal digits.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(HEADER).iter();
        match (sent.next(), sent.next()) {
            (Some(id), None) if is_usable(id.as_bytes()) => Self(id.clone()),
            _ => Self::random(),
        }
    }

    fn random() -> Self {
        let digits = const_hex::encode(rand::random::<[u8; 8]>());
        // Digits are always a value.
        Self(digits.parse().unwrap_or(HeaderValue::from_static("-")))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Names the request in its answer.
    pub fn mark<B>(self, response: &mut Response<B>) {
        response.headers_mut().insert(HEADER, self.0);
    }
}

fn is_usable(id: &[u8]) -> bool {
    (1..=CHARS_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(sent: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for id in sent {
            headers.append(HEADER, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        }
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn the_senders_id_is_taken_if_it_can_be_told() {
        let longest = "x".repeat(CHARS_MAX);
        for id in ["a", "7f3-A_b.c:d/e=~", &longest] {
            assert_eq!(id_of(&[id]), id);
        }
        let too_long = "x".repeat(CHARS_MAX + 1);
        for sent in [
            &[][..],
            &[""],
            &["a b"],
            &["é"],
            &["a\tb"],
            &[&*too_long],
            &["a", "b"],
        ] {
            let id = id_of(sent);
            assert!(
                id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
            assert_ne!(id, id_of(sent), "each is another");
        }
    }

    #[test]
    fn an_answer_has_the_id_once() {
        let mut response = Response::new(());
        RequestId(HeaderValue::from_static("one")).mark(&mut response);
        RequestId(HeaderValue::from_static("two")).mark(&mut response);
        let ids: Vec<_> = response.headers().get_all(HEADER).iter().collect();
        assert_eq!(ids, ["two"]);
    }
}
