//! The fields of a callback's body, whatever its spelling.
//!
//! A body is an object: as JSON, as percent-encoded JSON, or as a form. What is
//! JSON already is never percent-decoded, because that would turn `+` into a
//! space and fail at `%` in nicknames. What begins with a brace and is not JSON is
//! percent-decoded once. What is not valid Unicode is repaired where it is only shown, and
//! refused in ids. Numbers are kept as the text they came in, so that no id ever
//! passes through a float. Where a name comes twice, the last one counts, and
//! `null` is the same as not being there.

mod number;
mod text;
mod value;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    hash::{Hash as _, Hasher},
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::domain::cut_shown;

use self::text::{percent_decoded, repaired};

pub use self::{
    number::whole_number,
    text::{Malformed, Text},
    value::Value,
};

/// The fields of an object. Fields of objects inside of it are only parsed when they are
/// asked for.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    // A callback has about twenty fields, so a search is faster than a map.
    pairs: Vec<(Cow<'a, str>, Value<'a>)>,
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

    /// An error of a field. The name and the problem make a sentence.
    pub fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn from_form(text: &'a str) -> Self {
        let mut pairs = Vec::with_capacity(FIELDS_USUAL);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = match text_or_repaired(percent_decoded(value)) {
                Ok(text) => Value::Form(text),
                Err(text) => Value::Broken(text),
            };
            let name = text_or_repaired(percent_decoded(name)).unwrap_or_else(Cow::from);
            pairs.push((name, value));
        }
        Self { pairs }
    }

    fn get(&self, name: &str) -> Option<&Value<'a>> {
        let (_, value) = self.pairs.iter().rfind(|(key, _)| key == name)?;
        Some(value).filter(|value| !matches!(value, Value::Json("null")))
    }

    /// Whether there is such a field that is not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
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

    /// A [text](Self::text) that is an id, and so no longer than
    /// [`ID_BYTES_MAX`](crate::domain::ID_BYTES_MAX).
    ///
    /// # Errors
    /// When it is longer, or of any other type.
    pub fn id(&self, field: &'static str) -> Result<Cow<'_, str>, FieldError> {
        self.get(field)
            .map_or(Ok("".into()), |value| value.id(field))
    }

    /// Like [`id`](Self::id), but there has to be one.
    ///
    /// # Errors
    /// When there is none, it is longer, or of any other type.
    pub fn required_id(&self, field: &'static str) -> Result<Cow<'_, str>, FieldError> {
        let id = self.id(field)?;
        if id.is_empty() {
            return Err(FieldError::missing(field));
        }
        Ok(id)
    }

    /// A text that is only shown: what cannot be read is replaced, what is no text is shown as
    /// its JSON, and what is longer than [`SHOWN_BYTES_MAX`](crate::domain::SHOWN_BYTES_MAX) is
    /// cut there, between two characters. Empty if there is none.
    pub fn shown(&self, field: &'static str) -> Cow<'_, str> {
        match self.get(field).map_or("".into(), Value::shown) {
            Cow::Borrowed(text) => cut_shown(text).into(),
            Cow::Owned(mut text) => {
                text.truncate(cut_shown(&text).len());
                text.into()
            }
        }
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

    /// A [number](Self::number) that the callback has a meaning without: `None` if it is none.
    pub fn optional_number(&self, field: &'static str) -> Option<u64> {
        self.number(field).ok().flatten()
    }

    /// An [id](Self::id) that the callback has a meaning without: `None` if it is none, or empty.
    pub fn optional_id(&self, field: &'static str) -> Option<Cow<'_, str>> {
        self.id(field).ok().filter(|id| !id.is_empty())
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

    /// Hashes the content of all fields but these. The hash does not depend on the order or the
    /// spelling of the fields, nor on whether a number is written as a text.
    pub fn hash_except(&self, names: &[&str], state: &mut impl Hasher) {
        // The last one of a name counts.
        let said: BTreeMap<&str, &Value<'_>> = (self.pairs.iter())
            .map(|(name, value)| (&**name, value))
            .filter(|(name, _)| !names.contains(name))
            .collect();
        for (name, value) in said {
            let text = value.said();
            // As if it were not there.
            if !text.is_empty() {
                (name, text).hash(state);
            }
        }
    }
}

/// Text, or what can be shown of bytes that are none.
fn text_or_repaired(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, String> {
    match bytes {
        Cow::Borrowed(bytes) => str::from_utf8(bytes)
            .map(Cow::from)
            .map_err(|_| repaired(bytes)),
        Cow::Owned(bytes) => String::from_utf8(bytes)
            .map(Cow::from)
            .map_err(|error| repaired(error.as_bytes())),
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
