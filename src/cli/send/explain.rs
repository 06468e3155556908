//! What an answer to a callback means, for people.

use serde::Deserialize;

use crate::{cli::text::clean, simulate::SingleAnswer};

/// How much of an answer that is not understood is printed, in characters.
const BODY_CHARS_MAX: usize = 200;

/// An answer for people.
#[derive(Debug)]
pub(super) struct Explained {
    pub(super) is_accepted: bool,
    pub(super) lines: Vec<String>,
}

/// The answers of the HTTP front: its own, and those that Tencent reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    outcome: String,
    error: String,
    message: String,
    #[serde(rename = "ActionStatus")]
    action_status: String,
    #[serde(rename = "ErrorInfo")]
    error_info: String,
}

/// What an answer says, and what to check if the callback was not accepted.
pub(super) fn explain(answer: &SingleAnswer) -> Explained {
    let SingleAnswer {
        status, body, took, ..
    } = answer;
    let read: Answer = serde_json::from_str(body).unwrap_or_default();
    // Tencent's packet has the code before the message.
    let (code, message) = match read.error_info.split_once(": ") {
        Some((code, message)) => (code.to_owned(), message.to_owned()),
        None => (read.outcome.clone() + &read.error, read.message.clone()),
    };
    let is_taken = (200..300).contains(status);
    let is_ok = read.action_status == "OK";
    let said = match (&*code, is_ok) {
        ("", true) => "OK".to_owned(),
        ("", false) => clean(&body.chars().take(BODY_CHARS_MAX).collect::<String>()).into_owned(),
        (code, _) if message.is_empty() => code.to_owned(),
        (code, _) => format!("{code}: {}", clean(&message)),
    };
    let mut lines = vec![format!("{status} in {} ms: {said}", took.as_millis())];
    let hint = match (&*code, is_ok) {
        ("", true) => Some(OK_HINT),
        ("", false) => Some(FOREIGN_HINT),
        (code, _) => hint(code),
    };
    lines.extend(hint.map(str::to_owned));
    Explained {
        is_accepted: is_taken && (is_ok || read.outcome == "accepted"),
        lines,
    }
}

const OK_HINT: &str = "Tencent's answer says only that the callback was taken: whether it was understood, the log and the metrics of the server tell";

const FOREIGN_HINT: &str = "this is not an answer of Headcount: is there a proxy in between?";

/// What an outcome means, or what to check.
fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "accepted" => {
            "it is in the roster, or has no effect: it is too late, known already, or of a life that was closed (--life N begins another)"
        }
        "ignored" => "it is authentic, and the server has no use for it",
        "undecodable" => "it is authentic, and lacks something: is the server of another version?",
        "signature_missing" => {
            "the server has a secret for this app, and this configuration has none"
        }
        "signature_wrong" => {
            "the server has another secret for this app: compare the configurations"
        }
        "signature_stale" => {
            "the clocks of this machine and of the server differ: compare both with the time"
        }
        "unknown_app" => "the server has no app with this vendor's id: compare the configurations",
        "nonce_reused" => "something in between sent the callback twice, or changed it",
        "not_found" => {
            "the path is not one of the webhook: does a proxy in between change it, or has the server another path secret?"
        }
        "not_ready" => "the server starts or ends: try again",
        "clock_uncertain" => {
            "the clocks of this machine, of the server and of the vendor differ: compare them with the time"
        }
        "unavailable" => "the server cannot make callbacks durable: its log says why",
        "overloaded" => "the server has as many connections or requests as it may have",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, body: &str) -> SingleAnswer {
        SingleAnswer {
            path: "/webhooks/zego",
            status,
            body: body.to_owned(),
            took: Duration::from_millis(3),
        }
    }

    #[test]
    fn every_answer_is_explained() {
        let cases = [
            (
                answer(200, r#"{"outcome":"accepted"}"#),
                true,
                "200 in 3 ms: accepted",
                "it is in the roster",
            ),
            (
                answer(200, r#"{"outcome":"undecodable","message":"x is missing"}"#),
                false,
                "200 in 3 ms: undecodable: x is missing",
                "lacks something",
            ),
            (
                answer(401, r#"{"error":"signature_wrong","message":"no match"}"#),
                false,
                "401 in 3 ms: signature_wrong: no match",
                "another secret",
            ),
            (
                answer(200, r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#),
                true,
                "200 in 3 ms: OK",
                "Tencent's answer",
            ),
            (
                answer(
                    401,
                    r#"{"ActionStatus":"FAIL","ErrorInfo":"unknown_app: SdkAppid","ErrorCode":401}"#,
                ),
                false,
                "401 in 3 ms: unknown_app: SdkAppid",
                "no app with this vendor's id",
            ),
            (
                answer(502, "<html>\r\nBad Gateway"),
                false,
                "502 in 3 ms: <html>\\u{d}\\u{a}Bad Gateway",
                "a proxy in between?",
            ),
        ];
        for (answer, is_accepted, first, hint) in cases {
            let explained = explain(&answer);
            assert_eq!(explained.is_accepted, is_accepted, "{explained:?}");
            assert_eq!(explained.lines[0], first);
            assert!(explained.lines[1].contains(hint), "{explained:?}");
        }
    }
}
