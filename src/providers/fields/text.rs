//! A body's spelling, and what it spells.
//!
//! Bytes that are not UTF-8 are kept as what JSON has for such text, the half of a surrogate
//! pair. So there is one rule for all spellings: an id with such a part is refused, and a text
//! that is only shown is repaired.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str};
use serde::de::IgnoredAny;

use super::Fields;

/// A body, by its spelling.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// JSON, or something that begins like it.
    Json(Cow<'a, str>),
    /// `name=value&...`, percent-encoded.
    Form(Cow<'a, str>),
}

/// Why a body is not an object in any spelling. Says nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// There is no body.
    #[error("the body is empty")]
    Empty,
    /// It begins like JSON and is not valid.
    #[error("the body is not valid JSON at line {line}, column {column}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// It is JSON, but a list, a string or the like.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// It begins neither like JSON nor like a form.
    #[error("the body is neither a JSON object nor a form")]
    NotAForm,
}

// === impl Text ===

impl<'a> Text<'a> {
    /// Detects a body's spelling.
    ///
    /// # Errors
    /// When it has none that is accepted.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let Ok(text) = str::from_utf8(body) else {
            return Self::read_broken(body);
        };
        let text = trimmed(text);
        match text.as_bytes().first() {
            None => Err(Malformed::Empty),
            Some(b'{') => Ok(Self::Json(object(text))),
            Some(b'[' | b'"') => Ok(Self::Json(text.into())),
            // Only these can decode to something that begins like an object.
            Some(b'%' | b'+') => match decoded_object(text) {
                Some(object) => Ok(Self::Json(object.into())),
                None => Self::form(text.into()),
            },
            Some(_) => Self::form(text.into()),
        }
    }

    /// A body that is not UTF-8.
    fn read_broken(body: &[u8]) -> Result<Self, Malformed> {
        let json = json_text(body);
        if trimmed(&json).starts_with(['{', '[', '"']) {
            return Ok(Self::Json(object(trimmed(&json)).into_owned().into()));
        }
        let encoded = percent_encoded(body);
        let encoded = trimmed(&encoded);
        match decoded_object(encoded) {
            Some(object) => Ok(Self::Json(object.into())),
            None => Self::form(encoded.to_owned().into()),
        }
    }

    fn form(text: Cow<'a, str>) -> Result<Self, Malformed> {
        if text.contains('=') {
            Ok(Self::Form(text))
        } else {
            Err(Malformed::NotAForm)
        }
    }

    /// The body's fields.
    ///
    /// # Errors
    /// When it is not an object after all.
    pub fn fields(&self) -> Result<Fields<'_>, Malformed> {
        match self {
            Self::Json(text) => serde_json::from_str(text).map_err(|error| {
                // The error's own words may repeat what was sent.
                if error.is_data() {
                    return Malformed::NotAnObject;
                }
                let (line, column) = (error.line(), error.column());
                Malformed::NotJson { line, column }
            }),
            Self::Form(text) => Ok(Fields::from_form(text)),
        }
    }
}

/// A text that begins like an object, percent-decoded only if that makes it
/// JSON. (Some encoders leave the braces as they are.)
fn object(text: &str) -> Cow<'_, str> {
    let text = without_stray_sign(text);
    // The quotes of an encoded object are `%22`. Most bodies have no `%`, so they are parsed
    // once.
    if !text.contains('%') || is_json(text) {
        return text.into();
    }
    decoded_object(text)
        .filter(|decoded| is_json(decoded))
        .map_or_else(|| text.into(), Cow::from)
}

/// What a percent-encoded text spells, if that begins like an object.
fn decoded_object(text: &str) -> Option<String> {
    let decoded = json_text(&percent_decoded(text)).into_owned();
    let decoded = without_stray_sign(trimmed(&decoded));
    decoded.starts_with('{').then(|| decoded.to_owned())
}

/// Clients that post JSON as if it were a form add the `=` of a name without a value.
fn without_stray_sign(text: &str) -> &str {
    text.strip_suffix('=').map_or(text, str::trim_end)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Without the white space around it, or the byte order mark before it.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// JSON in which each part that is not UTF-8 is spelled as the half of a surrogate pair.
fn json_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len() + 6);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().is_empty() {
            continue;
        }
        let slashes = text.len() - text.trim_end_matches('\\').len();
        // Behind a slash that escapes it, nothing makes it valid.
        text.push_str(if slashes.is_multiple_of(2) {
            "\\ud800"
        } else {
            "\u{fffd}"
        });
    }
    text.into()
}

/// A text in which each byte that is not UTF-8 is percent-encoded.
fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 6);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let invalid = percent_encoding::percent_encode(chunk.invalid(), NON_ALPHANUMERIC);
        text.extend(invalid);
    }
    text
}

/// Decoded as forms are (url.spec.whatwg.org, urlencoded parsing). The bytes may not be UTF-8.
pub(super) fn percent_decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return text.as_bytes().into();
    }
    let spaced = text.replace('+', " ");
    let decoded: Vec<u8> = percent_decode_str(&spaced).collect();
    decoded.into()
}

/// What can be shown of bytes that are not UTF-8: one mark for each part that cannot.
pub(super) fn repaired(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut is_marked = false;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        is_marked &= chunk.valid().is_empty();
        if !chunk.invalid().is_empty() && !is_marked {
            text.push(char::REPLACEMENT_CHARACTER);
            is_marked = true;
        }
    }
    text
}
