//! The fields of a callback's body, whatever its spelling.
//!
//! A body is an object: as JSON, as percent-encoded JSON, or as a form. What is
//! JSON already is never percent-decoded, because that would turn `+` into a
//! space and trip over `%` in nicknames. Numbers are kept as the text they came
//! in, so that no id ever passes through a float. Where a name comes twice, the
//! last one counts, and `null` is the same as not being there.

mod value;

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode_str;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

pub use self::value::Value;

/// A body whose spelling is known.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// JSON, or something that can be nothing else.
    Json(Cow<'a, str>),
    /// `name=value&...`, percent-encoded.
    Form(&'a str),
}

/// The fields of an object. Those inside of them are only looked at when asked
/// for.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    // A callback has some twenty fields: searching them beats a map.
    pairs: Vec<(Cow<'a, str>, Value<'a>)>,
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

// === impl FieldError ===

impl FieldError {
    /// There is no such field, or nothing in it.
    pub fn missing(field: &'static str) -> Self {
        Self::new(field, "is missing")
    }

    /// Says of a field what is wrong with it.
    pub fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
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
        self.get(field)
            .map_or(Ok("".into()), |value| value.text(field))
    }

    /// Like [`text`](Self::text), but there has to be one.
    ///
    /// # Errors
    /// When there is none, or it is of any other type.
    pub fn required_text(&self, field: &'static str) -> Result<Cow<'_, str>, FieldError> {
        let text = self.text(field)?;
        if text.is_empty() {
            return Err(FieldError::missing(field));
        }
        Ok(text)
    }

    /// A text that is only shown: what cannot be read is replaced, and what is
    /// no text is shown as its JSON. Empty if there is none.
    pub fn shown(&self, field: &'static str) -> Cow<'_, str> {
        self.get(field).map_or("".into(), Value::shown)
    }

    /// A whole number from 0, as a number or as a text; `None` if there is none
    /// or the text is empty.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn number(&self, field: &'static str) -> Result<Option<u64>, FieldError> {
        self.get(field)
            .map_or(Ok(None), |value| value.number(field))
    }

    /// The fields of an object inside of this one; `None` if there is none.
    ///
    /// # Errors
    /// When the field is of any other type.
    pub fn object(&self, field: &'static str) -> Result<Option<Fields<'_>>, FieldError> {
        self.get(field).map(|value| value.object(field)).transpose()
    }

    /// The entries of a list; `None` if there is none.
    ///
    /// # Errors
    /// When the field is of any other type.
    pub fn list(&self, field: &'static str) -> Result<Option<Vec<Value<'_>>>, FieldError> {
        self.get(field).map(|value| value.list(field)).transpose()
    }
}

/// Room for the fields of every documented callback.
const FIELDS_USUAL: usize = 24;

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
