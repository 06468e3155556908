use std::time::Duration;

use proptest::prelude::*;

use super::{
    super::{
        Text,
        samples::{NO_NUMBERS, odd_callback, with},
    },
    *,
};
use crate::{
    domain::{ID_BYTES_MAX, RoomId},
    providers,
};

const NOW: u64 = 1_470_820_198_000;
const WINDOW: Duration = Duration::from_secs(600);

// The documentation's sample bodies.
const CREATE: &str = r#"{"event":"room_create","appid":1,"timestamp":1499676978,"nonce":"350176","signature":"signature",
 "room_id":"rid_1242649","room_session_id":858012925204410400,"room_create_time":"1499676978027","id_name":"id123"}"#;
const CLOSE: &str = r#"{"event":"room_close","appid":1,"timestamp":1499676989,"nonce":"350176","signature":"signature",
 "room_id":"rid_1242649","room_session_id":858012925204410400,"close_reason":1,"room_close_time":"1499676989909"}"#;
const LOGIN: &str = r#"{"event":"room_login","appid":"1","timestamp":"1499676978","nonce":"350176","signature":"signature",
 "room_id":"rid_1242649","room_name":"room#123","room_seq":"6085791336856668982",
 "user_account":"888120154","user_nickname":"888120154","session_id":"792148503087288320",
 "login_time":"1499676978027","user_role":"2","auth_level":"4","relogin":"0","user_update_seq":"1","callback_data":"user login"}"#;
const LOGOUT: &str = r#"{"event":"room_logout","appid":"1","timestamp":"1499676978","nonce":"350176","signature":"signature",
 "room_id":"rid_1242649","room_seq":"6085791336856668982","user_account":"888120154","user_nickname":"888120154",
 "session_id":"792462300429684736","login_time":"1663740623660","logout_time":"1663740627986",
 "reason":"0","user_role":"1","user_update_seq":"13"}"#;

// === decoding ===

fn decoded(body: &str) -> Decoded {
    providers::decode("zego_room", "", body.as_bytes())
        .unwrap()
        .1
}

/// The one event that a body decodes to.
#[track_caller]
fn event(body: &str) -> RoomEvent {
    match decoded(body) {
        Decoded::Room(mut events) if events.len() == 1 => events.remove(0),
        other => panic!("{body} is {other:?}"),
    }
}

#[track_caller]
fn login_of(body: &str) -> Login {
    match event(body).kind {
        RoomEventKind::Login(login) => login,
        other => panic!("{body} is {other:?}"),
    }
}

#[track_caller]
fn logout_of(body: &str) -> Logout {
    match event(body).kind {
        RoomEventKind::Logout(logout) => logout,
        other => panic!("{body} is {other:?}"),
    }
}

/// What keeps a body from being decoded.
#[track_caller]
fn wrong(body: &str) -> String {
    match decoded(body) {
        Decoded::Undecodable { message } => message.into(),
        other => panic!("{body} is {other:?}"),
    }
}

fn ms(millis: u64) -> Option<Time> {
    Time::from_millis(millis)
}

#[test]
fn documented_room_create_decodes() {
    let event = event(CREATE);
    assert_eq!(event.room, RoomId::from("rid_1242649"));
    assert_eq!(event.incarnation.as_str(), "858012925204410400");
    let created = RoomEventKind::Created {
        at: ms(1_499_676_978_027),
        creator: Some("id123".into()),
        name: None,
    };
    assert_eq!(event.kind, created);
}

#[test]
fn documented_room_close_decodes() {
    let event = event(CLOSE);
    assert_eq!(event.room, RoomId::from("rid_1242649"));
    assert_eq!(event.incarnation.as_str(), "858012925204410400");
    let closed = RoomEventKind::Closed {
        at: ms(1_499_676_989_909),
        reason: CloseReason::LastUserTimeout,
    };
    assert_eq!(event.kind, closed);
}

#[test]
fn documented_room_login_decodes() {
    assert_eq!(event(LOGIN).incarnation.as_str(), "6085791336856668982");
    let expected = Login {
        user: "888120154".into(),
        session: "792148503087288320".into(),
        at: ms(1_499_676_978_027),
        profile: Profile {
            nickname: "888120154".into(),
            role: Role::Audience,
            platform: "".into(),
            custom_data: "user login".into(),
        },
        room_name: Some("room#123".into()),
        seq: Some(1),
    };
    assert_eq!(login_of(LOGIN), expected);
}

#[test]
fn documented_room_logout_decodes() {
    let expected = Logout {
        user: "888120154".into(),
        session: "792462300429684736".into(),
        login_at: ms(1_663_740_623_660),
        at: ms(1_663_740_627_986),
        reason: LeaveReason::Logout,
        seq: Some(13),
    };
    assert_eq!(logout_of(LOGOUT), expected);
}

#[test]
fn older_callbacks_have_numbers_and_leave_fields_out() {
    let login = login_of(
        r#"{"event":"room_login","room_id":"r","room_seq":"1","user_account":"u","session_id":"0",
            "login_time":1499676978027,"user_role":2,"timestamp":1499676978}"#,
    );
    assert_eq!(login.session.as_str(), "");
    assert_eq!(login.at, ms(1_499_676_978_027));
    assert_eq!((login.seq, login.room_name), (None, None));

    let logout = logout_of(
        r#"{"event":"room_logout","room_id":"r","room_seq":"1","user_account":"u",
            "logout_time":1499676979027,"reason":3,"user_role":2}"#,
    );
    assert_eq!(logout.session.as_str(), "");
    assert_eq!((logout.login_at, logout.at), (None, ms(1_499_676_979_027)));
    assert_eq!((logout.reason, logout.seq), (LeaveReason::Kicked, None));
}

#[test]
fn every_field_may_be_a_text_or_a_number() {
    let logout = event(LOGOUT);
    let mut body = LOGOUT.to_owned();
    let numbers = [
        "room_seq",
        "user_account",
        "session_id",
        "login_time",
        "logout_time",
        "reason",
        "user_role",
        "user_update_seq",
    ];
    for field in numbers {
        let object: serde_json::Map<_, _> = serde_json::from_str(LOGOUT).unwrap();
        body = with(&body, field, object[field].as_str());
        assert_eq!(event(&body), logout, "{field}");
    }
}

#[test]
fn the_greatest_ids_are_exact() {
    const MAX: &str = "18446744073709551615";
    for value in [MAX, r#""18446744073709551615""#] {
        let body = with(CREATE, "room_session_id", Some(value));
        assert_eq!(event(&body).incarnation.as_str(), MAX);
        let body = with(LOGIN, "session_id", Some(value));
        assert_eq!(login_of(&body).session.as_str(), MAX);
        let body = with(LOGIN, "user_update_seq", Some(value));
        assert_eq!(login_of(&body).seq, Some(u64::MAX));
    }
}

#[test]
fn either_name_of_an_incarnation_serves_in_every_event() {
    for (sample, theirs, other) in [
        (CREATE, "room_session_id", "room_seq"),
        (CLOSE, "room_session_id", "room_seq"),
        (LOGIN, "room_seq", "room_session_id"),
        (LOGOUT, "room_seq", "room_session_id"),
    ] {
        for empty in [None, Some(r#""""#), Some("null")] {
            let without = with(sample, theirs, empty);
            assert_eq!(wrong(&without), "room_seq is missing");
            let named = with(&without, other, Some("77"));
            assert_eq!(event(&named).incarnation.as_str(), "77");
        }
    }
}

#[test]
fn what_an_event_is_about_has_to_be_there() {
    for empty in [None, Some(r#""""#), Some("null")] {
        for sample in [CREATE, CLOSE, LOGIN, LOGOUT] {
            assert_eq!(wrong(&with(sample, "room_id", empty)), "room_id is missing");
            assert_eq!(wrong(&with(sample, "event", empty)), "event is missing");
        }
        for sample in [LOGIN, LOGOUT] {
            assert_eq!(
                wrong(&with(sample, "user_account", empty)),
                "user_account is missing"
            );
        }
    }
}

#[test]
fn ids_that_are_too_long_are_named() {
    let long = format!("\"{}\"", "x".repeat(ID_BYTES_MAX + 1));
    for (sample, field) in [
        (CREATE, "room_id"),
        (CREATE, "room_session_id"),
        (CREATE, "id_name"),
        (LOGIN, "room_id"),
        (LOGIN, "room_seq"),
        (LOGIN, "user_account"),
        (LOGOUT, "user_account"),
        (LOGIN, "session_id"),
        (LOGOUT, "session_id"),
    ] {
        let message = wrong(&with(sample, field, Some(&long)));
        assert_eq!(message, format!("{field} is longer than 1,024 bytes"));
    }
    // What is only shown may be.
    event(&with(LOGIN, "user_nickname", Some(&long)));
}

#[test]
fn what_is_no_number_is_named() {
    let rows: [(&str, &[&str]); 4] = [
        (CREATE, &["room_create_time"]),
        (CLOSE, &["room_close_time", "close_reason"]),
        (LOGIN, &["login_time", "user_role", "user_update_seq"]),
        (
            LOGOUT,
            &[
                "login_time",
                "logout_time",
                "reason",
                "user_role",
                "user_update_seq",
            ],
        ),
    ];
    for (sample, fields) in rows {
        for field in fields {
            for value in NO_NUMBERS {
                let message = wrong(&with(sample, field, Some(value)));
                assert!(
                    message.starts_with(&format!("{field} is not a")),
                    "{message}"
                );
            }
        }
    }
    assert_eq!(
        wrong(&with(LOGIN, "login_time", Some(r#""x""#))),
        "login_time is not a number"
    );
    assert!(wrong(&with(CREATE, "room_session_id", Some("8.5e17"))).starts_with("room_session_id"));
}

#[test]
fn a_time_or_a_number_of_zero_is_unknown() {
    for zero in [None, Some("0"), Some(r#""0""#), Some(r#""""#)] {
        let login = with(&with(LOGIN, "login_time", zero), "user_update_seq", zero);
        let login = login_of(&login);
        assert_eq!((login.at, login.seq), (None, None));
        assert_eq!(logout_of(&with(LOGOUT, "logout_time", zero)).at, None);
        let created = event(&with(CREATE, "room_create_time", zero)).kind;
        assert_eq!(created.at(), None);
        assert_eq!(event(&with(CLOSE, "room_close_time", zero)).kind.at(), None);
    }
}

#[test]
fn codes_have_their_documented_meaning() {
    use LeaveReason::{Kicked, Logout, Timeout, TokenExpired, Unknown};
    let reasons = [Logout, Timeout, Timeout, Kicked, TokenExpired, Unknown];
    for (code, reason) in reasons.into_iter().enumerate() {
        let body = with(LOGOUT, "reason", Some(&code.to_string()));
        assert_eq!(logout_of(&body).reason, reason, "{code}");
    }
    assert_eq!(logout_of(&with(LOGOUT, "reason", None)).reason, Unknown);

    use CloseReason as Close;
    let reasons = [
        Close::Normal,
        Close::LastUserTimeout,
        Close::LastUserDropped,
        Close::LastUserKicked,
        Close::Unknown,
    ];
    for (code, reason) in reasons.into_iter().enumerate() {
        let body = with(CLOSE, "close_reason", Some(&code.to_string()));
        let closed = event(&body).kind;
        assert!(
            matches!(closed, RoomEventKind::Closed { reason: r, .. } if r == reason),
            "{code}"
        );
    }

    let roles = [
        Role::Unspecified,
        Role::Host,
        Role::Audience,
        Role::Unspecified,
        Role::Admin,
        Role::Unspecified,
    ];
    for (code, role) in roles.into_iter().enumerate() {
        let body = with(LOGIN, "user_role", Some(&code.to_string()));
        assert_eq!(login_of(&body).profile.role, role, "{code}");
    }
}

#[test]
fn platforms_are_the_vendors_words() {
    let rows = [
        ("0", "NONE"),
        ("1", "PC"),
        ("2", "IOS"),
        ("3", "ANDROID"),
        ("4", "MAC"),
        ("5", "LINUX"),
        ("6", "WEB"),
        ("7", "MINI_PROGRAM"),
        ("32", "UNKNOWN"),
        ("8", "8"),
        (r#""2""#, "IOS"),
        (r#""PC ""#, "PC"),
        ("null", ""),
    ];
    for (code, word) in rows {
        let body = with(LOGIN, "term_type", Some(code));
        assert_eq!(&*login_of(&body).profile.platform, word, "{code}");
    }
}

#[test]
fn other_events_are_ignored_whatever_they_lack() {
    for event in ["stream_create", "stream_close", "user_action", "ROOM_LOGIN"] {
        let body = format!(r#"{{"event":"{event}"}}"#);
        assert_eq!(
            decoded(&body),
            Decoded::Ignored {
                event: event.into()
            }
        );
    }
}

#[test]
fn nicknames_survive_every_spelling() {
    const NAME: &str = "50% + \"off\" &=é";
    let object = serde_json::json!({
        "event": "room_login", "room_id": "r", "room_seq": "1", "user_account": "u",
        "user_nickname": NAME, "callback_data": {"a": 1},
    });
    let json = object.to_string();
    let percent = percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC);
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("event", "room_login")
        .append_pair("room_id", "r")
        .append_pair("room_seq", "1")
        .append_pair("user_account", "u")
        .append_pair("user_nickname", NAME)
        .append_pair("callback_data", r#"{"a":1}"#)
        .finish();
    let login = login_of(&json);
    assert_eq!(&*login.profile.nickname, NAME);
    assert_eq!(&*login.profile.custom_data, r#"{"a":1}"#);
    assert_eq!(login_of(&percent.to_string()), login);
    assert_eq!(login_of(&form), login);
}

// === signatures ===

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

fn apps(secret: &str) -> providers::Apps {
    apps_signing(Signing::Secret(secret.into()))
}

fn apps_signing(signing: Signing) -> providers::Apps {
    let account = Account {
        vendor: Vendor::Zego,
        app_id: 1,
        app: "arena".into(),
        signing,
    };
    [account].into_iter().collect()
}

/// Whether a body passes, with what it proved as the app and the pair.
fn verified(body: &str, secret: &str, now: u64) -> Result<(String, [String; 2]), Refusal> {
    verified_by(&apps(secret), body, now)
}

fn verified_by(
    apps: &providers::Apps,
    body: &str,
    now: u64,
) -> Result<(String, [String; 2]), Refusal> {
    let text = Text::read(body.as_bytes()).unwrap();
    let fields = &text.fields().unwrap();
    let terms = Terms {
        apps,
        now: ms(now).unwrap(),
        freshness_window: WINDOW,
    };
    let proof = verify(&Request { query: "", fields }, &terms)?;
    let pair = proof.nonce.unwrap();
    Ok((
        proof.app.as_str().into(),
        [pair.timestamp.into(), pair.nonce.into()],
    ))
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
    let unsigned = apps_signing(Signing::Unsigned);
    for signature in [VECTORS[0][3], &sign("", "1470820198", "123412")] {
        let body = signed_with(signature);
        assert_eq!(verified_by(&unsigned, &body, NOW), wrong);
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
    let unknown = Err(Refusal::UnknownApp { field: "appid" });
    let body = signed_with(VECTORS[0][3]);
    for appid in [
        None,
        Some("2"),
        Some(r#""arena""#),
        Some("-1"),
        Some("1.0"),
        Some("[1]"),
    ] {
        let body = with(&body, "appid", appid);
        assert_eq!(verified(&body, "secret", NOW), unknown, "{appid:?}");
    }
}

#[test]
fn a_signature_is_fresh_for_the_window_and_no_longer() {
    let body = signed_with(VECTORS[0][3]);
    let stale = Err(Refusal::SignatureStale { field: "timestamp" });
    let window = u64::try_from(WINDOW.as_millis()).unwrap();
    for now in [NOW, NOW - window, NOW + window] {
        assert!(verified(&body, "secret", now).is_ok(), "{now}");
    }
    for now in [NOW - window - 1, NOW + window + 1, 1, u64::MAX] {
        assert_eq!(verified(&body, "secret", now), stale, "{now}");
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
        assert_eq!(verified(&body, "secret", NOW), stale, "{timestamp}");
    }
}

// === anything at all ===

fn any_callback() -> impl Strategy<Value = String> {
    let names = vec![
        "event",
        "appid",
        "timestamp",
        "nonce",
        "signature",
        "room_id",
        "room_name",
        "room_seq",
        "room_session_id",
        "room_create_time",
        "room_close_time",
        "close_reason",
        "id_name",
        "user_account",
        "user_nickname",
        "session_id",
        "login_time",
        "logout_time",
        "reason",
        "user_role",
        "user_update_seq",
        "callback_data",
        "term_type",
    ];
    let words = vec![
        "room_create",
        "room_close",
        "room_login",
        "room_logout",
        "0",
        "",
    ];
    odd_callback(names, words)
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in any::<Vec<u8>>()) {
        providers::decode("zego_room", "", &body);
        if let Ok(text) = Text::read(&body) && let Ok(fields) = &text.fields() {
            let terms = Terms { apps: &apps("s"), now: Time::MIN, freshness_window: WINDOW };
            let verified = verify(&Request { query: "", fields }, &terms);
            prop_assert!(verified.is_err());
        }
    }

    #[test]
    fn no_callback_makes_it_panic(body in any_callback()) {
        let first = decoded(&body);
        prop_assert_eq!(&first, &decoded(&body));
        let _ = verified(&body, "secret", NOW);
        let encoded = percent_encoding::utf8_percent_encode(&body, percent_encoding::NON_ALPHANUMERIC);
        prop_assert_eq!(first, decoded(&encoded.to_string()));
    }
}
