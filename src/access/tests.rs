use std::time::{Duration, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio_test::{assert_pending, assert_ready_eq, task};

use super::*;
use crate::domain::AppName;

const TOKEN: &str = "correct horse battery staple";
const SECRET: &[u8] = b"a secret of thirty-two bytes, yes";
const NOW: SystemTime = UNIX_EPOCH;

fn token(token: &str, apps: &[&str]) -> TokenGrant {
    TokenGrant {
        name: "game".into(),
        digest: TokenDigest::of(token),
        apps: Apps::named(apps.iter().copied()),
        is_admin: false,
    }
}

fn tokens(tokens: impl IntoIterator<Item = TokenGrant>) -> KnownCredentials {
    KnownCredentials {
        tokens: tokens.into_iter().collect(),
        ..KnownCredentials::default()
    }
}

fn bearer(bearer: &str) -> Shown<'_> {
    Shown {
        bearer: Some(bearer),
        names: None,
    }
}

fn hmac_set() -> String {
    let secret = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, SECRET);
    json!({"keys": [
        {"kty": "oct", "k": secret, "kid": "1", "alg": "HS256"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc"},
    ]})
    .to_string()
}

fn rules() -> JwtRules {
    JwtRules {
        issuer: Some("us".into()),
        audience: Some("headcount".into()),
        apps_claim: "headcount_apps".into(),
    }
}

fn known_jwt() -> KnownCredentials {
    KnownCredentials {
        jwt: Some(Jwt::new(rules(), &hmac_set()).unwrap()),
        ..KnownCredentials::default()
    }
}

/// Valid claims at [`NOW`], with some of them replaced. `null` leaves one out.
fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": "us", "aud": ["others", "headcount"], "exp": 60, "headcount_apps": ["arena"],
    });
    for (name, value) in changes.as_object().unwrap() {
        let fields = claims.as_object_mut().unwrap();
        match value {
            Value::Null => drop(fields.remove(name)),
            value => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    claims
}

fn signed(claims: &Value, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

fn verify(changes: Value) -> Result<Grant, Denied> {
    let jwt = signed(&claims(changes), SECRET);
    known_jwt().check(bearer(&jwt), NOW)
}

fn refusal(changes: Value) -> JwtError {
    match verify(changes) {
        Err(Denied::Jwt(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_no_credentials_are_known_everybody_may_ask_everything() {
    let grant = KnownCredentials::default()
        .check(Shown::default(), NOW)
        .unwrap();
    assert!(grant.apps.contains("any") && grant.is_admin);
}

#[test]
fn a_token_grants_its_apps_and_no_other_token_grants_anything() {
    let known = tokens([
        token(TOKEN, &["arena", "lobby"]),
        token("another token of some length", &["*"]),
    ]);
    let grant = known.check(bearer(TOKEN), NOW).unwrap();
    assert_eq!((&*grant.name, grant.is_admin), ("game", false));
    assert!(grant.apps.contains("arena") && !grant.apps.contains("other"));
    assert_eq!(grant.apps.only(), None, "there are two");
    let all = known
        .check(bearer("another token of some length"), NOW)
        .unwrap();
    assert_eq!(all.apps, Apps::All);
    for wrong in ["", "correct horse battery stapl", "a.b.c"] {
        assert_eq!(
            known.check(bearer(wrong), NOW).unwrap_err(),
            Denied::UnknownToken,
            "{wrong}"
        );
    }
    let missing = known.check(Shown::default(), NOW).unwrap_err();
    assert_eq!(
        missing,
        Denied::Missing {
            certificates: false
        }
    );
    assert!(
        !format!("{known:?}").contains("horse"),
        "no secret is shown"
    );
}

#[test]
fn a_digest_is_that_of_its_token() {
    // printf 'correct horse battery staple' | sha256sum
    let hex = "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a";
    assert_eq!(TokenDigest::from_hex(hex), Some(TokenDigest::of(TOKEN)));
    assert_eq!(TokenDigest::from_hex(&hex[1..]), None);
}

#[test]
fn a_certificate_grants_by_any_of_its_names_and_a_token_comes_first() {
    let known = KnownCredentials {
        certificates: vec![CertificateGrant {
            san: "game.example".into(),
            apps: Apps::named(["arena"]),
            is_admin: true,
        }],
        ..KnownCredentials::default()
    };
    let names: Arc<[String]> = ["10.0.0.1".to_owned(), "game.example".to_owned()].into();
    let shown = Shown {
        bearer: None,
        names: Some(&names),
    };
    let grant = known.check(shown, NOW).unwrap();
    assert_eq!(grant.apps.only(), Some(&AppName::from("arena")));
    assert!(grant.is_admin);
    let both = Shown {
        bearer: Some("wrong"),
        names: Some(&names),
    };
    assert_eq!(known.check(both, NOW).unwrap_err(), Denied::UnknownToken);
    let others: Arc<[String]> = ["example".to_owned()].into();
    let shown = Shown {
        bearer: None,
        names: Some(&others),
    };
    assert_eq!(
        known.check(shown, NOW).unwrap_err(),
        Denied::UnknownCertificate
    );
}

#[test]
fn a_jwt_grants_the_apps_that_it_claims_until_it_expires() {
    let grant = verify(json!({})).unwrap();
    assert_eq!(grant.apps.only(), Some(&AppName::from("arena")));
    assert_eq!(grant.expires, Some(NOW + Duration::from_secs(60)));
    assert!(!grant.is_admin);
    let all = verify(json!({"headcount_apps": "*"})).unwrap();
    assert_eq!(all.apps, Apps::All);
    verify(json!({"aud": "headcount", "nbf": 60})).unwrap();
    verify(json!({"exp": 0.5})).unwrap();
}

#[test]
fn what_is_wrong_with_a_jwt_is_said() {
    assert_eq!(refusal(json!({"exp": 0})), JwtError::Expired);
    for no_expiry in [Value::Null, json!("soon"), json!(-1)] {
        assert_eq!(refusal(json!({"exp": no_expiry})), JwtError::NoExpiry);
    }
    assert_eq!(refusal(json!({"nbf": 61})), JwtError::Early);
    for other in [Value::Null, json!("them")] {
        assert_eq!(refusal(json!({"iss": other})), JwtError::Issuer);
        assert_eq!(refusal(json!({"aud": other})), JwtError::Audience);
    }
    let apps = JwtError::Apps("headcount_apps".into());
    for wrong in [Value::Null, json!(7), json!([1])] {
        assert_eq!(refusal(json!({"headcount_apps": wrong})), apps);
    }
    let forged = signed(&claims(json!({})), b"another secret");
    assert_eq!(
        known_jwt().check(bearer(&forged), NOW).unwrap_err(),
        Denied::Jwt(JwtError::Signature)
    );
}

#[test]
fn a_jwt_does_not_choose_its_algorithm() {
    let encoded = |value: &Value| {
        base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, value.to_string())
    };
    let claims = encoded(&claims(json!({})));
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS512"}),
        json!({"alg": "RS256"}),
    ] {
        let jwt = format!("{}.{claims}.", encoded(&header));
        let denied = known_jwt().check(bearer(&jwt), NOW).unwrap_err();
        assert_eq!(denied, Denied::Jwt(JwtError::Signature), "{header}");
    }
}

#[test]
fn every_algorithm_that_is_promised_is_verified() {
    let claims = claims(json!({}));
    for (algorithm, key, jwk) in asymmetric_keys() {
        let known = KnownCredentials {
            jwt: Some(Jwt::new(rules(), &json!({"keys": [jwk]}).to_string()).unwrap()),
            ..KnownCredentials::default()
        };
        let jwt = encode(&Header::new(algorithm), &claims, &key).unwrap();
        known.check(bearer(&jwt), NOW).unwrap();
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let other: String = signature.chars().rev().collect();
        let denied = known
            .check(bearer(&format!("{signed}.{other}")), NOW)
            .unwrap_err();
        assert_eq!(denied, Denied::Jwt(JwtError::Signature), "{algorithm:?}");
    }
}

/// A key to sign with, and the one to verify with, for elliptic curves.
fn asymmetric_keys() -> Vec<(Algorithm, EncodingKey, Value)> {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData as _};
    let text =
        |bytes: &[u8]| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes);
    let curve = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    // An uncompressed point: 4, x, y.
    let point = curve.der_bytes();
    let edwards = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    vec![
        (
            Algorithm::ES256,
            EncodingKey::from_ec_der(&curve.serialize_der()),
            json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": text(&point[1..33]), "y": text(&point[33..])}),
        ),
        (
            Algorithm::EdDSA,
            EncodingKey::from_ed_der(&edwards.serialize_der()),
            json!({"kty": "OKP", "crv": "Ed25519", "x": text(edwards.der_bytes())}),
        ),
    ]
}

#[test]
fn a_set_of_keys_that_cannot_be_used_is_refused_with_the_reason() {
    let error = |set: &str| Jwt::new(rules(), set).unwrap_err().to_string();
    assert!(
        error("{}").contains("not a JSON Web Key Set"),
        "{}",
        error("{}")
    );
    assert!(error("{\"keys\": []}").contains("no key for signatures"));
    let wrong = json!({"keys": [{"kty": "oct", "k": "AAAA", "alg": "HS512"}]}).to_string();
    assert!(
        error(&wrong).contains("key 1 of the set"),
        "{}",
        error(&wrong)
    );
    let many = json!({"keys": vec![json!({"kty": "oct", "k": "AAAA"}); jwt::KEYS_MAX + 1]});
    assert!(error(&many.to_string()).contains("more than"));
}

fn of_arena(grant: &Grant) -> bool {
    grant.apps.contains("arena")
}

#[tokio::test]
async fn a_grant_ends_when_its_token_is_removed_or_grants_less() {
    for (later, expected) in [
        (
            tokens([token("some other token here", &["arena"])]),
            Ended::Removed,
        ),
        (tokens([token(TOKEN, &["lobby"])]), Ended::Narrowed),
    ] {
        let access = Access::new(tokens([token(TOKEN, &["arena"])]));
        let grant = access.check(bearer(TOKEN)).unwrap();
        let mut ended = task::spawn(access.ended(grant, of_arena));
        assert_pending!(ended.poll());
        access.replace(tokens([token(TOKEN, &["arena", "lobby"])]));
        assert!(ended.is_woken());
        assert_pending!(ended.poll());
        access.replace(later);
        assert_ready_eq!(ended.poll(), expected);
    }
}

#[tokio::test]
async fn everybody_is_asked_as_soon_as_credentials_are_known() {
    let access = Access::new(KnownCredentials::default());
    let grant = access.check(Shown::default()).unwrap();
    assert!(!grant.is_proven());
    let mut ended = task::spawn(access.ended(grant, of_arena));
    assert_pending!(ended.poll());
    access.replace(tokens([token(TOKEN, &["*"])]));
    assert!(access.check(bearer(TOKEN)).unwrap().is_proven());
    assert_ready_eq!(ended.poll(), Ended::Removed);
}

#[tokio::test]
async fn a_grant_ends_with_its_jwt_and_with_the_key_of_its_jwt() {
    let now = SystemTime::now();
    let seconds = now.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let of = |exp: f64| signed(&claims(json!({"exp": exp})), SECRET);

    let access = Access::new(known_jwt());
    let grant = access.check(bearer(&of(seconds + 0.05))).unwrap();
    assert_eq!(access.ended(grant, of_arena).await, Ended::Expired);

    let grant = access.check(bearer(&of(seconds + 3600.0))).unwrap();
    let mut ended = task::spawn(access.ended(grant, of_arena));
    assert_pending!(ended.poll());
    access.replace(known_jwt());
    assert_pending!(ended.poll(), "the key is in the new set, too");
    access.replace(tokens([token(TOKEN, &["*"])]));
    assert_ready_eq!(ended.poll(), Ended::Removed);
}
