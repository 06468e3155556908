//! What the URL of a callback says.

use std::borrow::Cow;

/// The query of a URL. Its names are taken in upper and lower case: pages of the
/// documentation disagree on `SdkAppid` and `SdkAppId`. Where a name comes twice,
/// the last one counts; an empty value is the same as not being there.
#[derive(Debug)]
pub(super) struct Query<'a> {
    // A callback has about ten, so a search is faster than a map.
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Percent-decoded. What is not UTF-8 is replaced, and so matches nothing.
    pub(super) fn read(query: &'a str) -> Self {
        Self {
            pairs: form_urlencoded::parse(query.as_bytes()).collect(),
        }
    }

    /// The value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter().rev();
        let (_, value) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(&**value).filter(|value| !value.is_empty())
    }
}
