//! Paths of requests.

use std::borrow::Cow;

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

#[cfg(test)]
mod tests {
    use super::*;

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
