//! A text that must not be shown.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A secret text. It is printed, and written, as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// The secret itself. Do not log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The usual error quotes the value, and a secret without quotes may be
        // a number.
        match String::deserialize(deserializer) {
            Ok(secret) => Ok(Self(secret.into())),
            Err(_) => Err(de::Error::custom("a secret must be a string")),
        }
    }
}

/// Secrets of which any is right: while a new one replaces another, both are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// Each of them. The first is the one to sign with.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }

    /// Whether any of them is right. An empty one never is, because anyone could sign with it.
    /// All are tried, so that the time does not tell which.
    pub fn any_is(&self, is_right: impl Fn(&str) -> bool) -> bool {
        let secrets = self.0.iter().map(Secret::expose);
        secrets.fold(false, |any, secret| {
            any | (!secret.is_empty() && is_right(secret))
        })
    }
}

impl From<&str> for Secrets {
    fn from(secret: &str) -> Self {
        Self(vec![secret.into()])
    }
}

impl FromIterator<Secret> for Secrets {
    fn from_iter<I: IntoIterator<Item = Secret>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMore {
            One(String),
            More(Vec<String>),
        }
        // The usual error may quote the value.
        match OneOrMore::deserialize(deserializer) {
            Ok(OneOrMore::One(secret)) => Ok(Self::from(&*secret)),
            Ok(OneOrMore::More(secrets)) => {
                Ok(secrets.iter().map(|secret| (&**secret).into()).collect())
            }
            Err(_) => Err(de::Error::custom(
                "a secret must be a string, or a list of strings",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_neither_printed_nor_written() {
        let secret = Secret::from("hunter2");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        let error = serde_json::from_str::<Secret>("31337").unwrap_err();
        assert!(!error.to_string().contains("31337"), "{error}");
        let error = serde_json::from_str::<Secrets>("[31337]").unwrap_err();
        assert!(!error.to_string().contains("31337"), "{error}");
    }

    #[test]
    fn any_of_several_secrets_is_right_and_an_empty_one_is_not() {
        let secrets: Secrets = serde_json::from_str("[\"old\", \"new\", \"\"]").unwrap();
        let is = |right: &str| secrets.any_is(|secret| secret == right);
        assert!(is("old") && is("new") && !is("other") && !is(""));
        let one: Secrets = serde_json::from_str("\"old\"").unwrap();
        assert_eq!(one, Secrets::from("old"));
        assert!(!Secrets::default().any_is(|_| true));
    }
}
