//! Paths of requests.

use std::borrow::Cow;

use subtle::ConstantTimeEq as _;

use crate::domain::Secrets;

/// A path without doubled slashes and without one at its end: relays add them.
pub(super) fn canonical(path: &str) -> Cow<'_, str> {
    let is_root = path.len() == 1;
    let is_odd = path.contains("//") || (path.ends_with('/') && !is_root);
    if !is_odd {
        return path.into();
    }
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts
        .fold(String::new(), |path, part| path + "/" + part)
        .into()
}

/// What is below the first part of a canonical path, if that part is one of the secrets. How long
/// it takes tells nothing of them but their lengths.
pub(super) fn below<'a>(path: &'a str, secrets: &Secrets) -> Option<&'a str> {
    let (first, _) = path.strip_prefix('/')?.split_once('/')?;
    let (_, rest) = path.split_at(1 + first.len());
    let is_first = |secret: &str| secret.as_bytes().ct_eq(first.as_bytes()).into();
    secrets.any_is(is_first).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_a_secret_is_found() {
        let secrets: Secrets = ["new-secret", "old"].into_iter().map(Into::into).collect();
        let rows = [
            ("/new-secret/webhooks/zego", Some("/webhooks/zego")),
            ("/old/a", Some("/a")),
            ("/new-secret", None),
            ("/new-secre/a", None),
            ("/new-secret2/a", None),
            ("/NEW-SECRET/a", None),
            ("/a/new-secret/a", None),
            ("/webhooks/zego", None),
            ("", None),
        ];
        for (path, expected) in rows {
            assert_eq!(below(path, &secrets), expected, "{path}");
        }
        assert_eq!(below("//a", &Secrets::from("")), None);
    }

    #[test]
    fn slashes_more_or_less_make_no_other_path() {
        let rows = [
            ("/webhooks/zego", "/webhooks/zego"),
            ("/webhooks/zego/", "/webhooks/zego"),
            ("//webhooks//zego", "/webhooks/zego"),
            ("/webhooks/zego//", "/webhooks/zego"),
            ("/", "/"),
            ("//", ""),
            ("", ""),
        ];
        for (path, expected) in rows {
            assert_eq!(canonical(path), expected, "{path}");
        }
    }
}
