//! A body's spelling, and what it spells.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;

use super::Fields;

/// A body, by its spelling.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// JSON, or something that begins like it.
    Json(Cow<'a, str>),
    /// `name=value&...`, percent-encoded.
    Form(&'a str),
}

/// Why a body is not an object in any spelling. Says nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// There is no body.
    #[error("the body is empty")]
    Empty,
    /// It is not UTF-8, before or after percent-decoding.
    #[error("the body is not UTF-8")]
    NotUtf8,
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
        let text = trimmed(str::from_utf8(body).map_err(|_| Malformed::NotUtf8)?);
        match text.as_bytes().first() {
            None => Err(Malformed::Empty),
            Some(b'{') => Ok(Self::Json(object(text))),
            Some(b'[' | b'"') => Ok(Self::Json(text.into())),
            // Only these can decode to something that begins like an object.
            Some(b'%' | b'+') => {
                let decoded = percent_decoded(text)?;
                let decoded = trimmed(&decoded);
                if decoded.starts_with('{') {
                    Ok(Self::Json(decoded.to_owned().into()))
                } else {
                    Self::form(text)
                }
            }
            Some(_) => Self::form(text),
        }
    }

    fn form(text: &'a str) -> Result<Self, Malformed> {
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
            Self::Form(text) => Fields::from_form(text),
        }
    }
}

/// A text that begins like an object, percent-decoded only if that makes it
/// JSON. (Some encoders leave the braces as they are.)
fn object(text: &str) -> Cow<'_, str> {
    // The quotes of an encoded object are `%22`. Most bodies have no `%` and are
    // not read twice.
    if !text.contains('%') || is_json(text) {
        return text.into();
    }
    let decoded = percent_decoded(text).ok();
    decoded
        .filter(|decoded| is_json(decoded))
        .unwrap_or_else(|| text.into())
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Without the white space around it, or the byte order mark before it.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// Decoded as forms are (url.spec.whatwg.org, urlencoded parsing), but strict
/// about UTF-8: what cannot be read is not replaced by something else.
pub(super) fn percent_decoded(text: &str) -> Result<Cow<'_, str>, Malformed> {
    if !text.contains(['%', '+']) {
        return Ok(text.into());
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map_err(|_| Malformed::NotUtf8)?;
    Ok(decoded.into_owned().into())
}
