//! What Tencent reads in an answer.

use bytes::Bytes;
use serde::Serialize;

use crate::providers::Answer;

/// Tells the vendor that a callback is taken.
const OK: &[u8] = br#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;

/// The three fields that every answer has to have (trtc.io/document/60735). The
/// answer to a callback that is kept is `OK` even if it could not be decoded, because the vendor
/// cannot correct it by sending it again.
pub(super) fn render(answer: &Answer<'_>) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Packet<'a> {
        action_status: &'a str,
        error_info: &'a str,
        error_code: u16,
    }

    match *answer {
        Answer::Taken { .. } => Bytes::from_static(OK),
        Answer::Refused {
            status,
            code,
            message,
        } => {
            let packet = Packet {
                action_status: "FAIL",
                error_info: &format!("{code}: {message}"),
                error_code: status,
            };
            // A struct of strings always serializes; an empty body is better than a panic.
            serde_json::to_vec(&packet).unwrap_or_default().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Outcome;

    #[test]
    fn answers_are_the_vendors_packet() {
        for outcome in Outcome::ALL {
            for message in [None, Some("RoomId is missing")] {
                let packet = render(&Answer::Taken { outcome, message });
                assert_eq!(
                    packet, r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#,
                    "{outcome:?}"
                );
            }
        }
        let packet = render(&Answer::Refused {
            status: 401,
            code: "signature_wrong",
            message: "Sign \"does\" not match",
        });
        assert_eq!(
            packet,
            r#"{"ActionStatus":"FAIL","ErrorInfo":"signature_wrong: Sign \"does\" not match","ErrorCode":401}"#
        );
    }
}
