//! The token in an `authorization` header or metadata.

use super::Denied;

/// The bearer token of a request, by the value of its `authorization` header; `None` if it has
/// none.
///
/// # Errors
/// When the header is not one of a bearer token.
pub fn bearer(authorization: Option<&[u8]>) -> Result<Option<&str>, Denied> {
    let Some(value) = authorization else {
        return Ok(None);
    };
    let token = str::from_utf8(value).ok().and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim_start())
    });
    token.map(Some).ok_or(Denied::UnknownToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_read_in_any_spelling_of_its_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc"] {
            assert_eq!(bearer(Some(value.as_bytes())), Ok(Some("abc")), "{value}");
        }
        for value in [&b"abc"[..], b"Basic abc", b"", b"Bearer \xff"] {
            assert_eq!(bearer(Some(value)), Err(Denied::UnknownToken), "{value:?}");
        }
        assert_eq!(bearer(None), Ok(None));
    }
}
