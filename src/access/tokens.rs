//! Bearer tokens that the configuration knows.

use std::sync::Arc;

use super::{digest::TokenDigest, grant::Apps};

/// A token, and what it grants.
#[derive(Clone, Debug)]
pub struct TokenGrant {
    /// The name of the token, for logs and metrics.
    pub name: Arc<str>,
    /// The token, as its digest.
    pub digest: TokenDigest,
    /// What may be asked about.
    pub apps: Apps,
    /// Whether the calls for operators are allowed.
    pub is_admin: bool,
}

/// The token with this digest. All are compared, and each in constant time, so that the time says
/// nothing of the tokens.
pub(super) fn find(tokens: &[TokenGrant], digest: TokenDigest) -> Option<&TokenGrant> {
    let mut found = None;
    for token in tokens {
        if token.digest.is(&digest) {
            found = Some(token);
        }
    }
    found
}
