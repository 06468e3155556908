//! One value of a callback: what it says as a text, as a number, or as what is
//! inside of it.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de::Visitor};
use serde_json::value::RawValue;

use super::{
    FieldError, Fields,
    number::{is_digits, whole_digits},
    text::repaired,
};
use crate::domain::ID_BYTES_MAX;

/// One value, in the text that it came in.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// The text of a JSON value.
    Json(&'a str),
    /// A form's value, which has no type.
    Form(Cow<'a, str>),
    /// A form's value that is not valid UTF-8, repaired to be shown.
    Broken(String),
}

impl Value<'_> {
    /// A text, or the digits of a whole number. `field` is named in errors.
    ///
    /// # Errors
    /// When it is of any other type: another type's text is not an id.
    pub fn text(&self, field: &'static str) -> Result<Cow<'_, str>, FieldError> {
        match self {
            Self::Form(text) => Ok(text.as_ref().into()),
            Self::Broken(_) => Err(FieldError::new(field, "is not valid Unicode")),
            Self::Json(json) if json.starts_with('"') => unescaped(json)
                .and_then(|bytes| utf8(bytes).ok())
                .ok_or(FieldError::new(field, "is not valid Unicode")),
            Self::Json(json) if is_digits(json.trim_start_matches('-')) => Ok((*json).into()),
            Self::Json(json) => whole_digits(json).ok_or(FieldError::new(
                field,
                "is neither a text nor a whole number",
            )),
        }
    }

    /// A [text](Self::text) that is an id. `field` is named in errors.
    ///
    /// # Errors
    /// When it is longer than [`ID_BYTES_MAX`], or of any other type.
    pub fn id(&self, field: &'static str) -> Result<Cow<'_, str>, FieldError> {
        let id = self.text(field)?;
        if id.len() > ID_BYTES_MAX {
            return Err(FieldError::new(field, "is longer than 1,024 bytes"));
        }
        Ok(id)
    }

    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Form(text) => text.as_ref().into(),
            Self::Broken(text) => text.into(),
            Self::Json(json) => match unescaped(json) {
                Some(bytes) => utf8(bytes).unwrap_or_else(|bytes| repaired(&bytes).into()),
                None => (*json).into(),
            },
        }
    }

    /// The shown text, the same for all spellings of the value; nothing for `null`.
    pub(super) fn said(&self) -> Cow<'_, str> {
        match self {
            Self::Json("null") => "".into(),
            Self::Json(json) if json.starts_with(['{', '[']) => compact(json).into(),
            Self::Json(_) | Self::Form(_) | Self::Broken(_) => self.shown(),
        }
    }

    pub(super) fn number(&self, field: &'static str) -> Result<Option<u64>, FieldError> {
        let not_a_number = FieldError::new(field, "is not a number");
        let text = match self {
            Self::Form(text) => text.as_ref().into(),
            Self::Json(json) if json.starts_with('"') => unescaped(json)
                .and_then(|bytes| utf8(bytes).ok())
                .ok_or(not_a_number.clone())?,
            Self::Json(json) if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                if whole_digits(json).is_none() {
                    return Err(FieldError::new(field, "is not a whole number from 0"));
                }
                (*json).into()
            }
            Self::Json(_) | Self::Broken(_) => return Err(not_a_number),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let digits = whole_digits(&text).ok_or(not_a_number)?;
        let number = digits
            .parse()
            .map_err(|_| FieldError::new(field, "is too large"))?;
        Ok(Some(number))
    }

    /// Whether it is an object, which has [fields](Self::object).
    pub fn is_object(&self) -> bool {
        self.json().starts_with('{')
    }

    /// The fields of an object. `field` is named in errors.
    ///
    /// # Errors
    /// When it is of any other type.
    pub fn object(&self, field: &'static str) -> Result<Fields<'_>, FieldError> {
        serde_json::from_str(self.json()).map_err(|_| FieldError::new(field, "is not an object"))
    }

    pub(super) fn list(&self, field: &'static str) -> Result<Vec<Value<'_>>, FieldError> {
        // Each entry stays the text that it is: no number passes through a float.
        let entries: Vec<&RawValue> = serde_json::from_str(self.json())
            .map_err(|_| FieldError::new(field, "is not a list"))?;
        Ok(entries
            .into_iter()
            .map(|entry| Value::Json(entry.get()))
            .collect())
    }

    /// The value as JSON. In a form, lists and objects are written as JSON too.
    fn json(&self) -> &str {
        match self {
            Self::Json(json) => json,
            Self::Form(text) => text.trim(),
            Self::Broken(text) => text.trim(),
        }
    }
}

/// Valid JSON without the white space between its parts.
fn compact(json: &str) -> String {
    let (mut in_text, mut is_escaped) = (false, false);
    let is_part = |c: &char| {
        let is_quote = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        in_text ^= is_quote;
        in_text || !c.is_ascii_whitespace()
    };
    json.chars().filter(is_part).collect()
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
