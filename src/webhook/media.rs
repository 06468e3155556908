//! What a body may be, by the headers of its request.

use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::answers::{Reason, Refused};

/// The most characters of a header that an answer repeats.
const NAME_MAX: usize = 64;

/// Media types that are taken, whatever follows them. Bodies without a type, or of the type of
/// any bytes, are taken too: what they are shows when they are read.
const TAKEN: [&str; 4] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "text/plain",
];

/// Checks that a body is not compressed, and is no set of files. Both look like something else
/// when they are read.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), Refused> {
    let encoding = text(headers, CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        let message = format!("bodies with the Content-Encoding {encoding} are not taken");
        return Err(Reason::UnsupportedMediaType.because(message));
    }
    let media_type = media_type(headers);
    if media_type.starts_with("multipart/") {
        return Err(not_taken(&media_type));
    }
    Ok(())
}

/// Why a body that cannot be read is refused: for its media type, if that is none that is taken.
pub(super) fn unreadable(headers: &HeaderMap, refused: Refused) -> Refused {
    let media_type = media_type(headers);
    let is_json = media_type.ends_with("+json");
    if media_type.is_empty() || is_json || TAKEN.contains(&&*media_type) {
        return refused;
    }
    not_taken(&media_type)
}

fn not_taken(media_type: &str) -> Refused {
    let message = format!("bodies of the Content-Type {media_type} are not taken: send JSON");
    Reason::UnsupportedMediaType.because(message)
}

fn media_type(headers: &HeaderMap) -> String {
    let media_type = text(headers, CONTENT_TYPE);
    let (media_type, _) = media_type.split_once(';').unwrap_or((&media_type, ""));
    media_type.trim().to_ascii_lowercase()
}

fn text(headers: &HeaderMap, name: HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().chars().take(NAME_MAX).collect()
}
