use serde_json::{Map, Value};

use super::{zego::signature, *};
use crate::simulate::truth::TrueProfile;

#[test]
fn the_signature_is_the_documented_one() {
    // The test vector of the vendor's documentation.
    let documented = "5bd59fd62953a8059fb7eaba95720f66d19e4517";
    assert_eq!(signature("secret", "1470820198", "123412"), documented);
    // The secret is not always the last: it is sorted with the others.
    let sorted_first = signature(
        "0123456789abcdef0123456789abcdef",
        "1687981272",
        "7254119327986670314",
    );
    assert_eq!(sorted_first, "bbd566e69c8b51d959d4a90a0aa78c324f463e86");
}

fn login_body(spelling: Spelling) -> String {
    let vendor = VendorAccount {
        app_id: 1,
        secret: "secret".to_owned(),
        sdk_app_id: 1_400_000_000,
        sdk_token: None,
    };
    let callback = PlannedCallback {
        about: SubjectIndex::Room(0),
        life: u64::MAX,
        what: VendorReport::Zego(zego::Report::Login {
            user_id: "u".to_owned(),
            session_id: "1".to_owned(),
            at: 1_499_676_978_027,
            room_name: "a+b".to_owned(),
            profile: TrueProfile {
                nickname: "100% \"+\" 🦀".to_owned(),
                platform: "IOS".to_owned(),
                ..TrueProfile::default()
            },
            relogin: false,
            number: Some(7),
        }),
        happened_at: 0,
        sending: Sending::Disordered,
        spelling,
    };
    let signing = Signing {
        timestamp: 1_499_676_978,
        nonce: 350_176,
    };
    callback.post(&vendor, "rid", signing).body
}

#[test]
fn todays_logins_are_all_strings() {
    let body: Value = serde_json::from_str(&login_body(Spelling::Json)).unwrap();
    let body = body.as_object().unwrap();
    assert!(body.values().all(Value::is_string), "{body:?}");
    assert_eq!(body["room_seq"], "18446744073709551615");
    assert_eq!(body["term_type"], "2");
    let signed = signature("secret", "1499676978", "350176");
    assert_eq!(body["signature"], signed);
}

#[test]
fn all_spellings_say_the_same() {
    let plain: Value = serde_json::from_str(&login_body(Spelling::Json)).unwrap();
    let encoded = login_body(Spelling::PercentEncoded);
    assert!(encoded.starts_with("%7B"), "{encoded}");
    let decoded = percent_encoding::percent_decode_str(&encoded);
    let decoded: Value = serde_json::from_str(&decoded.decode_utf8().unwrap()).unwrap();
    assert_eq!(decoded, plain);

    let form = login_body(Spelling::Form);
    let form = form_urlencoded::parse(form.as_bytes()).into_owned();
    let form: Map<String, Value> = form.map(|(k, v)| (k, Value::from(v))).collect();
    assert_eq!(Value::Object(form), plain);

    let legacy: Value = serde_json::from_str(&login_body(Spelling::Legacy)).unwrap();
    assert!(legacy["login_time"].is_number() && legacy["timestamp"].is_number());
}

/// The documentation's sample, field by field.
#[test]
fn zims_callbacks_are_the_documented_ones() {
    let vendor = VendorAccount {
        app_id: 1,
        secret: "secret".to_owned(),
        sdk_app_id: 0,
        sdk_token: None,
    };
    let report = zim::Report {
        session_id: "930821637828251648".to_owned(),
        user_name: "user_name".to_owned(),
        os: "PC ".to_owned(),
        relogin_at: Some(1_679_553_625),
        login_at: Some(1_679_553_625),
        action: zim::Action::Logout { at: 1_679_553_625 },
    };
    let callback = PlannedCallback {
        about: SubjectIndex::User(0),
        life: 0,
        what: VendorReport::Zim(report),
        happened_at: 0,
        sending: Sending::Disordered,
        spelling: Spelling::Json,
    };
    let signing = Signing {
        timestamp: 1_679_553_625,
        nonce: 350_176,
    };
    let post = callback.post(&vendor, "123456", signing);
    assert_eq!((post.path, &*post.query), ("/webhooks/zim", ""));
    let body: Value = serde_json::from_str(&post.body).unwrap();
    let documented = serde_json::json!({
        "appid": "1",
        "event": "user_action",
        "timestamp": 1_679_553_625,
        "nonce": "350176",
        "signature": signature("secret", "1679553625", "350176"),
        "user_id": "123456",
        "user_name": "user_name",
        "os": "PC ",
        "action": 1,
        "session_id": "930821637828251648",
        "login_time": 1_679_553_625,
        "relogin": "1",
        "logout_time": 1_679_553_625,
        "logout_reason": "logout",
    });
    assert_eq!(body, documented);
}
