//! How callbacks of all of ZEGOCLOUD's products are verified.

use proptest::prelude::*;

use crate::providers::{
    Refusal, Signing,
    samples::{self, WINDOW, account, accounts, odd_callback, with},
    zego::{VENDOR, sign},
};

const NOW: u64 = 1_470_820_198_000;

/// The documentation's vector first; the others put the secret elsewhere.
const VECTORS: [[&str; 4]; 5] = [
    [
        "secret",
        "1470820198",
        "123412",
        "5bd59fd62953a8059fb7eaba95720f66d19e4517",
    ],
    [
        "abcdef0123456789abcdef0123456789",
        "1687981272",
        "7254119327986670314",
        "6b8fa6602970719f1606d951aa3129c1390225bf",
    ],
    [
        "0123456789abcdef0123456789abcdef",
        "1687981272",
        "7254119327986670314",
        "bbd566e69c8b51d959d4a90a0aa78c324f463e86",
    ],
    [
        "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "1687981272",
        "350176",
        "04a5a4b22e6b2b57b60fe13fc8973de62427f9fb",
    ],
    [
        "5f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "1687981272",
        "99",
        "6d9b6eaa3c86b5949708d48219b3b2c05b0a90c9",
    ],
];

/// Whether a body passes, with what it proved as the app and the pair.
fn verified(body: &str, secret: &str, now: u64) -> Result<(String, [String; 2]), Refusal> {
    verified_by(Signing::Secrets(secret.into()), body, now)
}

fn verified_by(signing: Signing, body: &str, now: u64) -> Result<(String, [String; 2]), Refusal> {
    let accounts = accounts(&VENDOR, &[account(&VENDOR, "1", "arena", signing)]);
    let mut proofs = VENDOR.products.iter().map(|product| {
        let (app, nonce) = samples::verified(product, &accounts, "", body, now)?;
        Ok((app, nonce.expect("ZEGOCLOUD has a nonce")))
    });
    let first = proofs.next().expect("there is a product");
    assert!(
        proofs.all(|proof| proof == first),
        "all products sign alike"
    );
    first
}

fn signed(appid: &str, timestamp: &str, nonce: &str, signature: &str) -> String {
    format!(
        r#"{{"appid":{appid},"timestamp":{timestamp},"nonce":{nonce},"signature":"{signature}"}}"#
    )
}

/// The documented vector's body with another signature.
fn signed_with(signature: &str) -> String {
    signed("1", "1470820198", r#""123412""#, signature)
}

#[test]
fn signatures_match_the_vectors() {
    for [secret, timestamp, nonce, signature] in VECTORS {
        assert_eq!(sign(secret, timestamp, nonce), signature, "{secret}");
        let now = timestamp.parse::<u64>().unwrap() * 1000;
        let spellings = [
            signed("1", timestamp, nonce, signature),
            signed(
                r#""1""#,
                &format!("{timestamp:?}"),
                &format!("{nonce:?}"),
                signature,
            ),
            signed(
                "1",
                timestamp,
                &format!("{nonce:?}"),
                &signature.to_uppercase(),
            ),
            format!("appid=1&timestamp={timestamp}&nonce={nonce}&signature={signature}"),
            signed("1.0", &format!("{timestamp}.0"), nonce, signature),
            signed("\"1e0\"", timestamp, &format!("{nonce}.00"), signature),
        ];
        for body in spellings {
            let proved = ("arena".to_owned(), [timestamp, nonce].map(str::to_owned));
            assert_eq!(verified(&body, secret, now), Ok(proved), "{body}");
        }
    }
}

#[test]
fn a_signature_that_differs_anywhere_is_wrong() {
    let wrong = Err(Refusal::SignatureWrong { field: "signature" });
    let right = VECTORS[0][3];
    for i in 0..right.len() {
        let mut altered = right.to_owned();
        let digit = if &right[i..=i] == "0" { "1" } else { "0" };
        altered.replace_range(i..=i, digit);
        assert_eq!(
            verified(&signed_with(&altered), "secret", NOW),
            wrong,
            "{altered}"
        );
    }
    for other in [
        &right[..38],
        &format!("{right}00"),
        &format!("0x{}", &right[2..]),
        "signature",
        "é",
    ] {
        assert_eq!(
            verified(&signed_with(other), "secret", NOW),
            wrong,
            "{other}"
        );
    }
    assert_eq!(verified(&signed_with(right), "Secret", NOW), wrong);
    // The text is signed, not the number.
    let body = signed("1", r#""01470820198""#, "123412", right);
    assert_eq!(verified(&body, "secret", NOW), wrong);
}

#[test]
fn without_a_secret_nothing_verifies() {
    let body = signed_with(&sign("", "1470820198", "123412"));
    let wrong = Err(Refusal::SignatureWrong { field: "signature" });
    assert_eq!(verified(&body, "", NOW), wrong);
    for signature in [VECTORS[0][3], &sign("", "1470820198", "123412")] {
        let body = signed_with(signature);
        assert_eq!(verified_by(Signing::Unsigned, &body, NOW), wrong);
    }
}

#[test]
fn what_a_signature_needs_has_to_be_there() {
    let body = signed_with(VECTORS[0][3]);
    for field in ["signature", "timestamp", "nonce"] {
        for empty in [None, Some("null"), Some(r#""""#)] {
            let refusal = verified(&with(&body, field, empty), "secret", NOW).unwrap_err();
            assert!(
                matches!(refusal, Refusal::SignatureMissing(_)),
                "{refusal:?}"
            );
            assert_eq!(refusal.to_string(), format!("{field} is missing"));
        }
    }
}

#[test]
fn apps_that_are_not_configured_are_unknown() {
    let is_unknown = |refusal: &Refusal| {
        let field = match refusal {
            Refusal::UnknownApp { field, .. } | Refusal::AppMissing { field } => field,
            _ => return false,
        };
        *field == "appid"
    };
    let body = signed_with(VECTORS[0][3]);
    for appid in [None, Some("2"), Some(r#""arena""#), Some("-1"), Some("[1]")] {
        let body = with(&body, "appid", appid);
        assert!(
            verified(&body, "secret", NOW).is_err_and(|refusal| is_unknown(&refusal)),
            "{appid:?}"
        );
    }
}

#[test]
fn a_signature_is_fresh_for_the_window_and_no_longer() {
    let body = signed_with(VECTORS[0][3]);
    let is_stale = |refusal: &Refusal| {
        matches!(
            refusal,
            Refusal::SignatureStale {
                field: "timestamp",
                ..
            }
        )
    };
    let window = u64::try_from(WINDOW.as_millis()).unwrap();
    for now in [NOW, NOW - window, NOW + window] {
        assert!(verified(&body, "secret", now).is_ok(), "{now}");
    }
    for now in [NOW - window - 1, NOW + window + 1, 1, u64::MAX] {
        assert!(
            verified(&body, "secret", now).is_err_and(|refusal| is_stale(&refusal)),
            "{now}"
        );
    }
    for timestamp in [
        "-1",
        "+1470820198",
        "soon",
        "99999999999999999999",
        "18446744073709551615",
    ] {
        let signature = sign("secret", timestamp, "1");
        let body = signed("1", &format!("{timestamp:?}"), "1", &signature);
        assert!(
            verified(&body, "secret", NOW).is_err_and(|refusal| is_stale(&refusal)),
            "{timestamp}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_prove_anything(
        bytes in any::<String>(),
        callback in odd_callback(
            vec!["event", "appid", "timestamp", "nonce", "signature"],
            vec!["1", "1470820198", ""],
        ),
    ) {
        for body in [format!("appid=1&{bytes}"), callback] {
            if samples::is_readable(&body) {
                prop_assert!(verified(&body, "s", NOW).is_err());
            }
        }
    }
}
