//! How Tencent's callbacks are verified.

use proptest::prelude::*;

use crate::providers::{
    FieldError, Refusal, Signing,
    samples::{self, WINDOW, account, accounts, product},
    tencent::{VENDOR, sign},
    zego,
};

const TOKEN: &str = "xxxxyyyy";
const VECTOR: &str = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";
const REQUESTED: u64 = 1_669_872_112;
const NOW: u64 = REQUESTED * 1000;

fn signed_by(token: &str) -> Signing {
    Signing::Secrets(token.into())
}

/// The app that a callback with this query is proved to be for, if its app has this `signing`.
fn verified(query: &str, signing: Signing, now: u64) -> Result<String, Refusal> {
    let all = [
        account(&VENDOR, "1400000000", "meet", signing),
        account(&zego::VENDOR, "7", "arena", Signing::Unsigned),
    ];
    let (app, nonce) = samples::verified(
        product("tencent_room"),
        &accounts(&VENDOR, &all),
        query,
        "{}",
        now,
    )?;
    assert_eq!(nonce, None, "Tencent has none");
    Ok(app)
}

fn query(sign: &str, request_time: &str) -> String {
    format!(
        "SdkAppid=1400000000&CallbackCommand=Room.CallbackAfterMemberEnter&contenttype=json\
         &ClientIP=127.0.0.1&OptPlatform=iOS&Sign={sign}&RequestTime={request_time}"
    )
}

#[test]
fn the_documented_signature_vector_verifies() {
    assert_eq!(sign(TOKEN, "1669872112"), VECTOR);
    let meet = Ok("meet".to_owned());
    let plain = query(VECTOR, "1669872112");
    for query in [
        plain.clone(),
        query(&VECTOR.to_uppercase(), "1669872112"),
        plain.replace("SdkAppid", "SdkAppId"),
        plain
            .replace("Sign", "sign")
            .replace("RequestTime", "requesttime"),
        plain.replace("1669872112", "%31669872112"),
        plain.replace("SdkAppid=1400000000", "SDKAPPID=%31400000000"),
        format!("SdkAppid=$SDKAppID&Sign=&{plain}"),
    ] {
        assert_eq!(verified(&query, signed_by(TOKEN), NOW), meet, "{query}");
    }
}

#[test]
fn the_misprinted_token_of_an_older_page_does_not_verify() {
    let digest = sign("xxxyyy", "1669872112");
    assert_ne!(digest, VECTOR);
    assert!(digest.starts_with("e78a8547"), "{digest}");
    let wrong = Err(Refusal::SignatureWrong { field: "Sign" });
    let query = query(VECTOR, "1669872112");
    assert_eq!(verified(&query, signed_by("xxxyyy"), NOW), wrong);
}

#[test]
fn a_signature_that_differs_anywhere_is_wrong() {
    let wrong = Err(Refusal::SignatureWrong { field: "Sign" });
    let refused = |sign: &str, time: &str| verified(&query(sign, time), signed_by(TOKEN), NOW);
    for i in 0..VECTOR.len() {
        let mut altered = VECTOR.to_owned();
        let digit = if &VECTOR[i..=i] == "0" { "1" } else { "0" };
        altered.replace_range(i..=i, digit);
        assert_eq!(refused(&altered, "1669872112"), wrong, "{altered}");
    }
    for other in [
        &VECTOR[..62],
        &format!("{VECTOR}00"),
        &format!("0x{}", &VECTOR[2..]),
        "sign",
        "%FF",
    ] {
        assert_eq!(refused(other, "1669872112"), wrong, "{other}");
    }
    // The text is signed, not the number.
    assert_eq!(refused(VECTOR, "01669872112"), wrong);
    assert_eq!(refused(VECTOR, "1669872113"), wrong);
}

#[test]
fn an_empty_token_is_not_the_same_as_none() {
    let query = query(&sign("", "1669872112"), "1669872112");
    let wrong = Err(Refusal::SignatureWrong { field: "Sign" });
    assert_eq!(verified(&query, signed_by(""), NOW), wrong);
}

#[test]
fn with_a_token_there_has_to_be_a_signature() {
    let signed = query(VECTOR, "1669872112");
    for (name, value) in [("Sign", VECTOR), ("RequestTime", "1669872112")] {
        let pair = format!("&{name}={value}");
        for query in [
            signed.replace(&pair, ""),
            signed.replace(&pair, &format!("&{name}=")),
            format!("{signed}&{name}="),
        ] {
            let refusal = verified(&query, signed_by(TOKEN), NOW).unwrap_err();
            let missing = Refusal::SignatureMissing(FieldError::missing(name));
            assert_eq!(refusal, missing, "{query}");
        }
    }
}

#[test]
fn a_signature_is_fresh_for_the_window_and_no_longer() {
    let query_now = query(VECTOR, "1669872112");
    let is_stale = |refusal: &Refusal| {
        matches!(
            refusal,
            Refusal::SignatureStale {
                field: "RequestTime",
                ..
            }
        )
    };
    let window = u64::try_from(WINDOW.as_millis()).unwrap();
    for now in [NOW, NOW - window, NOW + window] {
        assert!(verified(&query_now, signed_by(TOKEN), now).is_ok());
    }
    for now in [NOW - window - 1, NOW + window + 1, 1, u64::MAX] {
        assert!(
            verified(&query_now, signed_by(TOKEN), now).is_err_and(|refusal| is_stale(&refusal)),
            "{now}"
        );
    }
    for time in ["-1", "soon", "1669872112.5", "18446744073709551616"] {
        let query = query(&sign(TOKEN, time), time);
        assert!(
            verified(&query, signed_by(TOKEN), NOW).is_err_and(|refusal| is_stale(&refusal)),
            "{time}"
        );
    }
}

#[test]
fn without_a_token_signatures_are_not_looked_at_but_the_app_is() {
    let meet = Ok("meet".to_owned());
    for query in [
        "SdkAppid=1400000000",
        "sdkappid=1400000000&Sign=wrong&RequestTime=soon",
        "a=%FF&SdkAppId=1400000000",
        "SdkAppid=1400000000.0",
        "SdkAppid=1.4E9",
    ] {
        assert_eq!(verified(query, Signing::Unsigned, 1), meet, "{query}");
    }
}

#[test]
fn apps_that_are_not_configured_are_unknown_signed_or_not() {
    let is_unknown = |refusal: &Refusal| {
        let field = match refusal {
            Refusal::UnknownApp { field, .. } | Refusal::AppMissing { field } => field,
            _ => return false,
        };
        *field == "SdkAppid"
    };
    for id in [
        "",
        "SdkAppid",
        "SdkAppid=",
        "SdkAppid=1400000001",
        "SdkAppid=%2B1400000000",
        "SdkAppid=+1400000000",
        "SdkAppid=-1",
        "SdkAppid=99999999999999999999",
        // Another vendor's.
        "SdkAppid=7",
        "SdkAppid=1400000000&SdkAppId=2",
    ] {
        for signing in [Signing::Unsigned, signed_by(TOKEN)] {
            let query = format!("Sign={VECTOR}&RequestTime=1669872112&{id}");
            assert!(
                verified(&query, signing, NOW).is_err_and(|refusal| is_unknown(&refusal)),
                "{id}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_query_is_authentic_without_the_token(query in any::<String>(), sign in "[0-9a-f]{64}") {
        prop_assert!(verified(&query, Signing::Unsigned, NOW).is_err());
        let query = format!("SdkAppid=1400000000&RequestTime=1669872112&Sign={sign}&{query}");
        prop_assert!(verified(&query, signed_by(TOKEN), NOW).is_err());
    }
}
