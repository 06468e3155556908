//! The answer to a callback, before it is rendered in a vendor's format.

use bytes::Bytes;
use serde::Serialize;

use crate::domain::Outcome;

/// The answer to a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The callback is taken; the vendor need not send it again.
    Taken {
        /// What became of it.
        outcome: Outcome,
        /// What is wrong with it, if something is.
        message: Option<&'a str>,
    },
    /// The callback is not taken.
    Refused {
        /// The status code of the answer.
        status: u16,
        /// Why, as a word for programs.
        code: &'static str,
        /// Why, as a sentence for people.
        message: &'a str,
    },
}

/// The answer in this service's own format, for vendors that read only the
/// status code.
pub fn json(answer: &Answer<'_>) -> Bytes {
    #[derive(Serialize)]
    struct Taken<'a> {
        outcome: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
    }

    #[derive(Serialize)]
    struct Refused<'a> {
        error: &'a str,
        message: &'a str,
    }

    let text = match *answer {
        // Nearly every answer is this one, so it is not serialized anew.
        Answer::Taken {
            outcome: Outcome::Accepted,
            message: None,
        } => return Bytes::from_static(br#"{"outcome":"accepted"}"#),
        Answer::Taken { outcome, message } => serde_json::to_vec(&Taken {
            outcome: outcome.as_str(),
            message,
        }),
        Answer::Refused { code, message, .. } => serde_json::to_vec(&Refused {
            error: code,
            message,
        }),
    };
    // Structs of strings always serialize; an empty body is better than a panic.
    text.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_json() {
        let taken = |outcome, message| Answer::Taken { outcome, message };
        let rows = [
            (taken(Outcome::Accepted, None), r#"{"outcome":"accepted"}"#),
            (taken(Outcome::Ignored, None), r#"{"outcome":"ignored"}"#),
            (
                taken(Outcome::Undecodable, Some("event is missing")),
                r#"{"outcome":"undecodable","message":"event is missing"}"#,
            ),
            (
                Answer::Refused {
                    status: 404,
                    code: "not_found",
                    message: "a \"quote\"",
                },
                r#"{"error":"not_found","message":"a \"quote\""}"#,
            ),
        ];
        for (answer, text) in rows {
            assert_eq!(json(&answer), text, "{answer:?}");
        }
    }
}
