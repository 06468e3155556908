//! The fields of a body, and the ways in which ZEGOCLOUD writes them.

use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde_json::{Map, Value};

use super::post::JSON;

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As documented today.
    #[default]
    Json,
    /// JSON, percent-encoded as a whole.
    PercentEncoded,
    /// A form, which ZEGO's support can switch on.
    Form,
    /// JSON of 2022: numbers where there are strings today.
    Legacy,
}

impl Spelling {
    pub(crate) fn any(rng: &mut Pcg64) -> Self {
        match rng.random_range(0..100) {
            0..8 => Self::PercentEncoded,
            8..16 => Self::Form,
            _ => Self::Json,
        }
    }
}

/// A body in the making.
pub(super) struct Fields {
    spelling: Spelling,
    fields: Map<String, Value>,
}

impl Fields {
    pub(super) fn new(spelling: Spelling) -> Self {
        Self {
            spelling,
            fields: Map::new(),
        }
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.fields.insert(name.to_owned(), Value::from(value));
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.fields.insert(name.to_owned(), Value::from(value));
    }

    /// A number that is a string today and was one of JSON's numbers in 2022.
    pub(super) fn digits(&mut self, name: &str, value: u64) {
        match self.spelling {
            Spelling::Legacy => self.number(name, value),
            _ => self.text(name, &value.to_string()),
        }
    }

    pub(super) fn write(self) -> (String, &'static str) {
        match self.spelling {
            Spelling::Json | Spelling::Legacy => (Value::Object(self.fields).to_string(), JSON),
            Spelling::PercentEncoded => {
                let json = Value::Object(self.fields).to_string();
                let all = percent_encoding::NON_ALPHANUMERIC;
                (
                    percent_encoding::utf8_percent_encode(&json, all).to_string(),
                    JSON,
                )
            }
            Spelling::Form => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in &self.fields {
                    match value {
                        Value::String(text) => form.append_pair(name, text),
                        other => form.append_pair(name, &other.to_string()),
                    };
                }
                (form.finish(), "application/x-www-form-urlencoded")
            }
        }
    }
}
