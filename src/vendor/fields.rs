//! The fields of a callback's body, whatever its spelling.
//!
//! A body is an object: as JSON, as percent-encoded JSON, or as a form. What is
//! JSON already is never percent-decoded, because that would turn `+` into a
//! space and trip over `%` in nicknames. Numbers are kept as the text they came
//! in, so that no id ever passes through a float. Where a name comes twice, the
//! last one counts, and `null` is the same as not being there.

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode_str;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A body whose spelling is known.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// JSON, or something that can be nothing else.
    Json(Cow<'a, str>),
    /// `name=value&...`, percent-encoded.
    Form(&'a str),
}

/// The fields of an object, without those inside of them.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    // A callback has some twenty fields: searching them beats a map.
    pairs: Vec<(Cow<'a, str>, Value<'a>)>,
}

#[derive(Clone, Debug)]
enum Value<'a> {
    /// The text of a JSON value.
    Json(&'a str),
    /// A form's value, which has no type.
    Form(Cow<'a, str>),
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
    /// It begins like JSON and is not.
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

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong, so that name and problem make a sentence.
    pub problem: &'static str,
}

// === impl Text ===

impl<'a> Text<'a> {
    /// Finds out a body's spelling.
    ///
    /// # Errors
    /// When it has none that is accepted.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let text = trimmed(str::from_utf8(body).map_err(|_| Malformed::NotUtf8)?);
        match text.as_bytes().first() {
            None => Err(Malformed::Empty),
            Some(b'{' | b'[' | b'"') => Ok(Self::Json(text.into())),
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

/// Without the white space around it, or the byte order mark before it.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// Decoded as forms are (url.spec.whatwg.org, urlencoded parsing), but strict
/// about UTF-8: what cannot be read is not replaced by something else.
fn percent_decoded(text: &str) -> Result<Cow<'_, str>, Malformed> {
    if !text.contains(['%', '+']) {
        return Ok(text.into());
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map_err(|_| Malformed::NotUtf8)?;
    Ok(decoded.into_owned().into())
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn from_form(text: &'a str) -> Result<Self, Malformed> {
        let mut pairs = Vec::with_capacity(FIELDS_USUAL);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = Value::Form(percent_decoded(value)?);
            pairs.push((percent_decoded(name)?, value));
        }
        Ok(Self { pairs })
    }

    fn get(&self, name: &str) -> Option<&Value<'a>> {
        let (_, value) = self.pairs.iter().rfind(|(key, _)| key == name)?;
        Some(value).filter(|value| !matches!(value, Value::Json("null")))
    }

    /// A text, or the digits of a whole number; empty if there is none.
    ///
    /// # Errors
    /// When the field is of any other type: another type's text is not an id.
    pub fn text(&self, field: &'static str) -> Result<Cow<'_, str>, FieldError> {
        match self.get(field) {
            None => Ok("".into()),
            Some(Value::Form(text)) => Ok(text.as_ref().into()),
            Some(Value::Json(json)) if json.starts_with('"') => unescaped(json)
                .and_then(|bytes| utf8(bytes).ok())
                .ok_or(field_error(field, "is not valid Unicode")),
            Some(Value::Json(json)) if is_whole(json.trim_start_matches('-')) => Ok((*json).into()),
            Some(Value::Json(_)) => Err(field_error(field, "is neither a text nor a whole number")),
        }
    }

    /// Like [`text`](Self::text), but there has to be one.
    ///
    /// # Errors
    /// When there is none, or it is of any other type.
    pub fn required_text(&self, field: &'static str) -> Result<Cow<'_, str>, FieldError> {
        let text = self.text(field)?;
        if text.is_empty() {
            return Err(field_error(field, "is missing"));
        }
        Ok(text)
    }

    /// A text that is only shown: what cannot be read is replaced, and what is
    /// no text is shown as its JSON. Empty if there is none.
    pub fn shown(&self, field: &'static str) -> Cow<'_, str> {
        match self.get(field) {
            None => "".into(),
            Some(Value::Form(text)) => text.as_ref().into(),
            Some(Value::Json(json)) => match unescaped(json) {
                Some(bytes) => utf8(bytes)
                    .unwrap_or_else(|bytes| String::from_utf8_lossy(&bytes).into_owned().into()),
                None => (*json).into(),
            },
        }
    }

    /// A whole number from 0, as a number or as a text; `None` if there is none
    /// or the text is empty.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn number(&self, field: &'static str) -> Result<Option<u64>, FieldError> {
        let not_a_number = field_error(field, "is not a number");
        let text = match self.get(field) {
            None => return Ok(None),
            Some(Value::Form(text)) => text.as_ref().into(),
            Some(Value::Json(json)) if json.starts_with('"') => unescaped(json)
                .and_then(|bytes| utf8(bytes).ok())
                .ok_or(not_a_number.clone())?,
            Some(Value::Json(json))
                if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) =>
            {
                if !is_whole(json) {
                    return Err(field_error(field, "is not a whole number from 0"));
                }
                (*json).into()
            }
            Some(Value::Json(_)) => return Err(not_a_number),
        };
        if text.is_empty() {
            return Ok(None);
        }
        // `parse` alone would take a sign, too.
        if !is_whole(&text) {
            return Err(not_a_number);
        }
        let number = text
            .parse()
            .map_err(|_| field_error(field, "is too large"))?;
        Ok(Some(number))
    }
}

/// Room for the fields of every documented callback.
const FIELDS_USUAL: usize = 24;

fn field_error(field: &'static str, problem: &'static str) -> FieldError {
    FieldError { field, problem }
}

fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The bytes of a JSON string; `None` if `json` is something else. They may be
/// no UTF-8: JSON can spell half of a surrogate pair.
fn unescaped(json: &str) -> Option<Cow<'_, [u8]>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(inner.as_bytes().into());
    }
    let bytes: Bytes = serde_json::from_str(json).ok()?;
    Some(bytes.0.into())
}

fn utf8(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Cow<'_, [u8]>> {
    match bytes {
        Cow::Borrowed(bytes) => str::from_utf8(bytes)
            .map(Cow::from)
            .map_err(|_| bytes.into()),
        Cow::Owned(bytes) => String::from_utf8(bytes)
            .map(Cow::from)
            .map_err(|error| error.into_bytes().into()),
    }
}

struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Copy;

        impl Visitor<'_> for Copy {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_owned()))
            }
        }

        deserializer.deserialize_bytes(Copy)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut pairs = Vec::with_capacity(FIELDS_USUAL);
                while let Some(Name(name)) = map.next_key()? {
                    let value: &RawValue = map.next_value()?;
                    pairs.push((name, Value::Json(value.get())));
                }
                Ok(Fields { pairs })
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// A name, borrowed if it is spelled without escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests;
