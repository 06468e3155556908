//! How Tencent signs callbacks (trtc.io/document/64412). Signing is up to the application, and
//! what is signed is the time in the URL and nothing else.

use sha2::{Digest as _, Sha256};

use super::query::Query;
use crate::providers::{
    ConfiguredApp, FieldError, Proof, Refusal, Request, Signing, Terms,
    signature::{is_fresh, is_hex_of},
};

const APP_ID: &str = "SdkAppid";
const REQUEST_TIME: &str = "RequestTime";
const SIGN: &str = "Sign";

/// The signature of a callback: lower-case hex of the SHA-256 of the token and
/// the time (trtc.io/document/64412). It covers nothing of the body.
pub fn sign(token: &str, request_time: &str) -> String {
    const_hex::encode(hash(token, request_time))
}

fn hash(token: &str, request_time: &str) -> [u8; 32] {
    let hash = Sha256::new_with_prefix(token).chain_update(request_time);
    hash.finalize().into()
}

/// Proves that a callback is for a configured application, and is signed with its token if it
/// has one. Tencent has no nonce: two callbacks of one second are signed alike.
pub(super) fn verify<'a>(request: &Request<'a>, terms: &Terms<'_>) -> Result<Proof<'a>, Refusal> {
    let query = &Query::read(request.query);
    let account = account(query, terms).ok_or(Refusal::UnknownApp { field: APP_ID })?;
    if let Signing::Secret(token) = &account.signing {
        check_signature(query, token.expose(), terms)?;
    }
    Ok(Proof {
        app: account.app.clone(),
        nonce: None,
    })
}

fn account<'a>(query: &Query<'_>, terms: &Terms<'a>) -> Option<&'a ConfiguredApp> {
    let app_id = query.get(APP_ID)?;
    // `parse` alone would take a sign, too.
    let is_number = app_id.bytes().all(|byte| byte.is_ascii_digit());
    let app_id: u64 = app_id.parse().ok().filter(|_| is_number)?;
    terms.accounts.get(&app_id.to_string())
}

fn check_signature(query: &Query<'_>, token: &str, terms: &Terms<'_>) -> Result<(), Refusal> {
    let given = |name| {
        let missing = || Refusal::SignatureMissing(FieldError::missing(name));
        query.get(name).ok_or_else(missing)
    };
    let (sign, request_time) = (given(SIGN)?, given(REQUEST_TIME)?);
    // With an empty token anyone could sign.
    if token.is_empty() || !is_hex_of(&hash(token, request_time), sign) {
        return Err(Refusal::SignatureWrong { field: SIGN });
    }
    if !is_fresh(request_time, terms.now, terms.freshness_window) {
        return Err(Refusal::SignatureStale {
            field: REQUEST_TIME,
        });
    }
    Ok(())
}
