//! Addresses of servers, as people type them.

use http::Uri;

use crate::domain::Secrets;

/// The URL of a gRPC service: a URL, or an address such as `127.0.0.1:50051`. It is checked
/// here, because the error of connecting to a wrong URL does not say what is wrong.
pub(super) fn server_url(text: &str) -> Result<String, String> {
    url(text, "127.0.0.1:50051")
}

/// The URL that callbacks are sent to, http or https, or an address such as `localhost:8080`.
pub(super) fn webhook_url(text: &str) -> Result<String, String> {
    let example = "127.0.0.1:8080";
    url(text, example)
}

/// The URL of an admin front, http or https, or an address such as `127.0.0.1:9090`.
pub(super) fn admin_url(text: &str) -> Result<String, String> {
    url(text, "127.0.0.1:9090")
}

/// A URL that callbacks are sent to, with the secret that their path has to begin with, if there
/// is one and it is not there already.
pub(super) fn below_secret(url: String, secrets: Option<&Secrets>) -> String {
    let Some(secret) = secrets.and_then(|secrets| secrets.iter().next()) else {
        return url;
    };
    let base = url.trim_end_matches('/');
    match base.ends_with(&format!("/{}", secret.expose())) {
        true => url,
        false => format!("{base}/{}", secret.expose()),
    }
}

fn url(text: &str, example: &str) -> Result<String, String> {
    let expected = || format!("expected an address such as {example} or http://{example}");
    let (url, is_address) = match text.split_once("://") {
        Some(("http" | "https", _)) => (text.to_owned(), false),
        Some(_) => return Err(expected()),
        None => (format!("http://{text}"), true),
    };
    let uri: Uri = url.parse().map_err(|_| expected())?;
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    // A name alone may be anything, such as an app's.
    match has_host && (!is_address || uri.port_u16().is_some()) {
        true => Ok(url),
        false => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_the_path_is_added_once() {
        let secrets = Secrets::from("s3cret-path");
        let below = |url: &str| below_secret(url.to_owned(), Some(&secrets));
        assert_eq!(below("http://h:1"), "http://h:1/s3cret-path");
        assert_eq!(below("http://h:1/"), "http://h:1/s3cret-path");
        assert_eq!(below("http://h/proxied"), "http://h/proxied/s3cret-path");
        assert_eq!(below("http://h/s3cret-path/"), "http://h/s3cret-path/");
        assert_eq!(below_secret("http://h".to_owned(), None), "http://h");
    }

    #[test]
    fn a_scheme_is_optional() {
        for (text, url) in [
            ("127.0.0.1:50051", "http://127.0.0.1:50051"),
            ("localhost:8080", "http://localhost:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("http://h", "http://h"),
        ] {
            assert_eq!(server_url(text).as_deref(), Ok(url), "{text}");
            assert_eq!(webhook_url(text).as_deref(), Ok(url), "{text}");
        }
    }

    #[test]
    fn both_may_be_reached_by_https() {
        for url in ["https://h", "https://[::1]:8443/headcount"] {
            assert_eq!(webhook_url(url).as_deref(), Ok(url));
            assert_eq!(server_url(url).as_deref(), Ok(url));
        }
        assert!(webhook_url("https://").is_err());
    }

    #[test]
    fn what_is_no_address_is_answered_with_an_example() {
        for text in [
            "",
            "here",
            ":8080",
            "::1:8080",
            "ftp://h:1",
            "h:port",
            "h:99999",
        ] {
            let error = server_url(text).unwrap_err();
            assert!(error.contains(" 127.0.0.1:50051 or "), "{text}: {error}");
        }
    }
}
