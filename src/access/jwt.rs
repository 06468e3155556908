//! JSON Web Tokens: who signed them, and what they claim.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet},
};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::grant::{Apps, Grant, Origin};

/// How far the clock of the issuer may be ahead: a token of this moment is valid here, too.
const NOT_BEFORE_LEEWAY: Duration = Duration::from_secs(60);

/// The most keys of a set. An issuer has one or two, and a token without a key's id is tried with
/// each.
pub(super) const KEYS_MAX: usize = 64;

/// What is asked of a JWT besides its signature.
#[derive(Clone, Debug)]
pub struct JwtRules {
    /// Who must have issued it (`iss`).
    pub issuer: Option<String>,
    /// Whom it must be for (`aud`).
    pub audience: Option<String>,
    /// The claim that lists the apps: an array of names or one name; `*` is all.
    pub apps_claim: String,
}

/// What makes a JWT valid.
#[derive(Clone)]
pub struct Jwt {
    rules: JwtRules,
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
    fingerprint: [u8; 32],
}

/// What is wrong with a JWT, or with a set of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// The set of keys is not a JWKS.
    #[error("not a JSON Web Key Set: {0}")]
    Keys(String),
    /// A key of the set cannot be used.
    #[error("key {number} of the set: {reason}")]
    Key {
        /// Its place in the set, from 1.
        number: usize,
        /// Why.
        reason: String,
    },
    /// It is not signed with a key of the set.
    #[error("it is not signed with a key that is known")]
    Signature,
    /// Somebody else issued it.
    #[error("its `iss` is not the issuer that is configured")]
    Issuer,
    /// It is for somebody else.
    #[error("its `aud` is not the audience that is configured")]
    Audience,
    /// It has expired.
    #[error("it expired")]
    Expired,
    /// It never expires.
    #[error("it has no `exp`, so it would never expire")]
    NoExpiry,
    /// It is not valid yet.
    #[error("its `nbf` is still to come")]
    Early,
    /// The claim that lists apps is missing, or is no list of names.
    #[error("its claim {0:?} does not list apps")]
    Apps(String),
}

impl Jwt {
    /// Takes the keys of a JSON Web Key Set. Keys that are not for signatures are left out.
    ///
    /// # Errors
    /// Names the key that cannot be used.
    pub fn new(rules: JwtRules, jwks: &str) -> Result<Self, JwtError> {
        let set: JwkSet =
            serde_json::from_str(jwks).map_err(|error| JwtError::Keys(error.to_string()))?;
        if set.keys.len() > KEYS_MAX {
            return Err(JwtError::Keys(format!("it has more than {KEYS_MAX} keys")));
        }
        let mut keys = Vec::new();
        for (i, jwk) in set.keys.iter().enumerate() {
            let wrong = |reason: String| JwtError::Key {
                number: i + 1,
                reason,
            };
            if let Some(key) = Key::new(jwk).map_err(wrong)? {
                keys.push(key);
            }
        }
        match keys.is_empty() {
            true => Err(JwtError::Keys("it has no key for signatures".into())),
            false => Ok(Self { rules, keys }),
        }
    }

    /// Whether a bearer token has the form of a JWT.
    pub(super) fn looks_like_one(bearer: &str) -> bool {
        bearer.split('.').count() == 3
    }

    /// Whether a key is in the set.
    pub(super) fn has_key(&self, fingerprint: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.fingerprint == *fingerprint)
    }

    /// What a JWT grants at a time.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn verify(&self, jwt: &str, now: SystemTime) -> Result<Grant, JwtError> {
        let header = decode_header(jwt).map_err(|_| JwtError::Signature)?;
        let fits = |key: &&Key| {
            key.algorithm == header.alg
                && (header.kid.is_none() || key.id.is_none() || key.id == header.kid)
        };
        let mut failed = JwtError::Signature;
        for key in self.keys.iter().filter(fits) {
            match self.claims(jwt, key) {
                Ok(claims) => return self.grant(&claims, key, now),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// The claims, if the signature is by this key, and issuer and audience are right.
    fn claims(&self, jwt: &str, key: &Key) -> Result<Map<String, Value>, JwtError> {
        // The algorithm is the key's: what the token says of it is not believed.
        let mut validation = Validation::new(key.algorithm);
        validation.required_spec_claims.clear();
        // Both are compared below, with the time that is given.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        if let Some(issuer) = &self.rules.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".into());
        }
        match &self.rules.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.required_spec_claims.insert("aud".into());
            }
            None => validation.validate_aud = false,
        }
        let decoded = decode(jwt, &key.key, &validation).map_err(|error| match error.kind() {
            ErrorKind::InvalidIssuer => JwtError::Issuer,
            ErrorKind::InvalidAudience => JwtError::Audience,
            ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => JwtError::Issuer,
            ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => JwtError::Audience,
            _ => JwtError::Signature,
        })?;
        Ok(decoded.claims)
    }

    fn grant(
        &self,
        claims: &Map<String, Value>,
        key: &Key,
        now: SystemTime,
    ) -> Result<Grant, JwtError> {
        let expires = time(claims, "exp").ok_or(JwtError::NoExpiry)?;
        if expires <= now {
            return Err(JwtError::Expired);
        }
        if time(claims, "nbf").is_some_and(|begins| begins > now + NOT_BEFORE_LEEWAY) {
            return Err(JwtError::Early);
        }
        let claim = &self.rules.apps_claim;
        let no_apps = || JwtError::Apps(claim.clone());
        let apps = match claims.get(claim) {
            Some(Value::String(name)) => Apps::named([name.as_str()]),
            Some(Value::Array(names)) => {
                let names: Option<Vec<_>> = names.iter().map(Value::as_str).collect();
                Apps::named(names.ok_or_else(no_apps)?)
            }
            _ => return Err(no_apps()),
        };
        Ok(Grant {
            name: "jwt".into(),
            apps,
            is_admin: false,
            expires: Some(expires),
            origin: Origin::Jwt(key.fingerprint),
        })
    }
}

impl Key {
    /// The key, unless it is not for signatures.
    fn new(jwk: &Jwk) -> Result<Option<Self>, String> {
        use jsonwebtoken::jwk::PublicKeyUse;
        if matches!(&jwk.common.public_key_use, Some(usage) if *usage != PublicKeyUse::Signature) {
            return Ok(None);
        }
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::OctetKey(_) => Algorithm::HS256,
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(_) => Algorithm::EdDSA,
            AlgorithmParameters::EllipticCurve(_) => {
                return Err("of the elliptic curves only P-256 is taken".into());
            }
        };
        if let Some(declared) = jwk.common.key_algorithm
            && declared.to_string() != format!("{algorithm:?}")
        {
            return Err(format!(
                "its algorithm {declared} is not taken: HS256, RS256, ES256 and EdDSA are"
            ));
        }
        let key = DecodingKey::from_jwk(jwk).map_err(|error| error.to_string())?;
        let text = serde_json::to_vec(&jwk.algorithm).map_err(|error| error.to_string())?;
        Ok(Some(Self {
            id: jwk.common.key_id.clone(),
            algorithm,
            key,
            fingerprint: Sha256::digest(text).into(),
        }))
    }
}

/// A claim that is a time, in seconds since 1970.
fn time(claims: &Map<String, Value>, claim: &str) -> Option<SystemTime> {
    let seconds = claims.get(claim)?.as_f64()?;
    let since_1970 = Duration::try_from_secs_f64(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since_1970)
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("rules", &self.rules)
            .field("keys", &self.keys.len())
            .finish()
    }
}
