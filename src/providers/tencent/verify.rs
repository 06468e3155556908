//! How Tencent signs callbacks (trtc.io/document/64412). Signing is up to the application, and
//! what is signed is the time in the URL and nothing else.

use sha2::{Digest as _, Sha256};

use super::query::Query;
use crate::{
    domain::Secrets,
    providers::{FieldError, Proof, Refusal, Request, SignedAt, Signing, Terms, is_hex_of},
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
    let app_id = query.get(APP_ID).unwrap_or_default();
    if app_id.is_empty() && is_of_rtc(request) {
        let what = "events of Tencent RTC";
        return Err(Refusal::OtherProduct { what });
    }
    let app = terms.app(APP_ID, app_id)?;
    let signed = match &app.signing {
        Signing::Secrets(tokens) => Some(check_signature(query, tokens)?),
        Signing::Unsigned => None,
    };
    Ok(Proof {
        app: app.app.clone(),
        signed,
        nonce: None,
    })
}

/// Whether a callback is one of Tencent RTC (trtc.io/document/39558), which names its app in a
/// header and its event by a number.
fn is_of_rtc(request: &Request<'_>) -> bool {
    request.headers.contains_key(APP_ID) && request.fields.has("EventType")
        || request.fields.has("EventGroupId")
}

fn check_signature(query: &Query<'_>, tokens: &Secrets) -> Result<SignedAt, Refusal> {
    let given = |name| {
        let missing = || Refusal::SignatureMissing(FieldError::missing(name));
        query.get(name).ok_or_else(missing)
    };
    let (sign, request_time) = (given(SIGN)?, given(REQUEST_TIME)?);
    if !tokens.any_is(|token| is_hex_of(&hash(token, request_time), sign)) {
        return Err(Refusal::SignatureWrong { field: SIGN });
    }
    SignedAt::read(REQUEST_TIME, request_time)
}
