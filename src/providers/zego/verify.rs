//! How ZEGOCLOUD signs the callbacks of all its products (docs.zegocloud.com, Callback, Verify
//! signature).

use sha1::{Digest as _, Sha1};

use crate::providers::{
    ConfiguredApp, NoncePair, Proof, Refusal, Request, SignedAt, Signing, Terms, is_hex_of,
};

const APP_ID: &str = "appid";
const NONCE: &str = "nonce";
const SIGNATURE: &str = "signature";
pub(super) const TIMESTAMP: &str = "timestamp";

/// The fields that only sign a callback.
pub(super) const SIGNATURE_FIELDS: &[&str] = &[SIGNATURE, TIMESTAMP, NONCE];

/// The length of a SHA-1 hash.
const HASH_BYTES: usize = 20;

/// The signature of a callback: lower-case hex of the SHA-1 of the three texts
/// in the order of their bytes. It covers nothing else of the body.
pub fn sign(secret: &str, timestamp: &str, nonce: &str) -> String {
    const_hex::encode(hash(secret, timestamp, nonce))
}

fn hash(secret: &str, timestamp: &str, nonce: &str) -> [u8; HASH_BYTES] {
    let mut parts = [secret, timestamp, nonce];
    parts.sort_unstable();
    let mut sha1 = Sha1::new();
    for part in parts {
        sha1.update(part);
    }
    sha1.finalize().into()
}

/// Proves that a callback is signed with the CallbackSecret of a configured project.
pub(super) fn verify<'a>(request: &Request<'a>, terms: &Terms<'_>) -> Result<Proof<'a>, Refusal> {
    let fields = request.fields;
    let [signature, timestamp, nonce] = [SIGNATURE, TIMESTAMP, NONCE].map(|field| {
        fields
            .required_text(field)
            .map_err(Refusal::SignatureMissing)
    });
    let (signature, timestamp, nonce) = (signature?, timestamp?, nonce?);

    let app = terms.app(APP_ID, &fields.shown(APP_ID))?;
    if !matches(&signature, app, &timestamp, &nonce) {
        return Err(Refusal::SignatureWrong { field: SIGNATURE });
    }
    Ok(Proof {
        app: app.app.clone(),
        signed: Some(SignedAt::read(TIMESTAMP, &timestamp)?),
        nonce: Some(NoncePair { timestamp, nonce }),
    })
}

fn matches(signature: &str, app: &ConfiguredApp, timestamp: &str, nonce: &str) -> bool {
    match &app.signing {
        Signing::Secrets(secrets) => {
            secrets.any_is(|secret| is_hex_of(&hash(secret, timestamp, nonce), signature))
        }
        Signing::Unsigned => false,
    }
}
