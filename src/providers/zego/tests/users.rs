//! What the callbacks about ZIM's users say, and that they are signed like those of the rooms.

use proptest::prelude::*;

use crate::{
    domain::{
        Decoded, ID_BYTES_MAX, LeaveReason, Login, Logout, Outcome, Profile, Time, UserEvent,
    },
    providers::{
        Signing,
        samples::{NO_NUMBERS, account, accounts, decode, odd_callback, product, verified, with},
        zego::VENDOR,
    },
};

/// The documentation's sample body, a logout.
const SAMPLE: &str = r#"{"appid":"1","event":"user_action","timestamp":1679553625,"nonce":"350176","signature":"signature","user_id":"123456","user_name":"user_name","os":"PC ","action":1,"session_id":"930821637828251648","login_time":1679553625,"relogin":"1","logout_time":1679553625,"logout_reason":"logout_reason"}"#;

fn decoded(body: &str) -> Decoded {
    decode("zim_presence", "", body)
}

#[track_caller]
fn login_of(body: &str) -> Login {
    match decoded(body) {
        Decoded::User(events) => match &events[..] {
            [UserEvent::Login(login)] => login.clone(),
            other => panic!("{body} is {other:?}"),
        },
        other => panic!("{body} is {other:?}"),
    }
}

#[track_caller]
fn logout_of(body: &str) -> Logout {
    match decoded(body) {
        Decoded::User(events) => match &events[..] {
            [UserEvent::Logout(logout)] => logout.clone(),
            other => panic!("{body} is {other:?}"),
        },
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

/// The sample with another action.
fn action(action: &str) -> String {
    with(SAMPLE, "action", Some(action))
}

/// A callback with nothing but these fields.
fn callback(fields: &str) -> String {
    format!(
        r#"{{"event":"user_action","user_id":"ann","session_id":"7","timestamp":1000,{fields}}}"#
    )
}

fn s(seconds: u64) -> Option<Time> {
    Time::from_millis(seconds * 1000)
}

// === decoding ===

#[test]
fn documented_user_action_decodes_as_a_logout() {
    let expected = Logout {
        user: "123456".into(),
        session: "930821637828251648".into(),
        login_at: s(1_679_553_625),
        at: s(1_679_553_625),
        reason: LeaveReason::Logout,
        seq: None,
    };
    assert_eq!(logout_of(SAMPLE), expected);
}

#[test]
fn documented_user_action_decodes_as_a_login() {
    let expected = Login {
        user: "123456".into(),
        session: "930821637828251648".into(),
        at: s(1_679_553_625),
        profile: Profile {
            nickname: "user_name".into(),
            platform: "PC".into(),
            ..Profile::default()
        },
        room_name: None,
        seq: None,
    };
    assert_eq!(login_of(&action("0")), expected);
}

#[test]
fn documented_user_action_decodes_as_going_offline() {
    let body = with(&action("2"), "logout_time", None);
    let body = with(&body, "offline_time", Some("1679553700"));
    let logout = logout_of(&body);
    assert_eq!(logout.reason, LeaveReason::Timeout);
    assert_eq!(logout.login_at, s(1_679_553_625));
    assert_eq!(logout.at, s(1_679_553_700));
}

#[test]
fn who_logs_in_again_does_so_at_the_later_of_two_times() {
    let login = |relogin: &str, login_time: u64, timestamp: u64| {
        let body = with(&action("0"), "relogin", Some(relogin));
        let body = with(&body, "login_time", Some(&login_time.to_string()));
        login_of(&with(&body, "timestamp", Some(&timestamp.to_string()))).at
    };
    for again in ["1", r#""1""#, "1.0"] {
        assert_eq!(login(again, 1_000, 1_060), s(1_060), "{again}");
        assert_eq!(login(again, 1_060, 1_000), s(1_060), "{again}");
    }
    for first in ["0", r#""0""#, "null", r#""again""#] {
        assert_eq!(login(first, 1_000, 1_060), s(1_000), "{first}");
    }
}

#[test]
fn documented_words_for_devices_are_kept_without_spaces() {
    for os in [
        "PC",
        "IOS_PHONE",
        "ANDROID",
        "MAC",
        "LINUX",
        "WEB",
        "MINIPROGRAM",
        "ANDROID_TV",
    ] {
        for spelling in [format!("\"{os}\""), format!("\" {os} \"")] {
            let body = with(&action("0"), "os", Some(&spelling));
            assert_eq!(&*login_of(&body).profile.platform, os);
        }
    }
    assert_eq!(
        &*login_of(&with(&action("0"), "os", None)).profile.platform,
        ""
    );
}

#[test]
fn a_time_that_is_not_there_is_taken_from_the_next_that_is() {
    let rows = [
        // Its own time comes first, the callback's last.
        ("0", r#""login_time":1,"logout_time":2,"offline_time":3"#, 1),
        ("0", r#""logout_time":2,"offline_time":3"#, 1000),
        ("1", r#""login_time":1,"logout_time":2,"offline_time":3"#, 2),
        ("1", r#""login_time":1,"offline_time":3"#, 3),
        ("1", r#""login_time":1"#, 1000),
        ("2", r#""login_time":1,"logout_time":2,"offline_time":3"#, 3),
        ("2", r#""login_time":1,"logout_time":2"#, 2),
        ("2", r#""login_time":1"#, 1000),
        // Zero, empty and null are no times.
        ("1", r#""logout_time":0,"offline_time":3"#, 3),
        ("1", r#""logout_time":"","offline_time":"0""#, 1000),
        ("2", r#""offline_time":null,"logout_time":"2""#, 2),
    ];
    for (action, times, at) in rows {
        let body = callback(&format!(r#""action":{action},{times}"#));
        let found = match action {
            "0" => login_of(&body).at,
            _ => logout_of(&body).at,
        };
        assert_eq!(found, s(at), "{body}");
    }
    let body = with(&callback(r#""action":1"#), "timestamp", None);
    assert_eq!(
        (logout_of(&body).at, logout_of(&body).login_at),
        (None, None)
    );
}

#[test]
fn times_too_great_for_milliseconds_are_the_greatest() {
    let last = Time::from_millis(u64::MAX);
    for seconds in ["18446744073709551615", "\"18446744073709552\""] {
        let body = with(&action("0"), "login_time", Some(seconds));
        assert_eq!(login_of(&body).at, last, "{seconds}");
        let body = with(SAMPLE, "logout_time", Some(seconds));
        assert_eq!(logout_of(&body).at, last, "{seconds}");
    }
    let body = with(SAMPLE, "logout_time", Some("18446744073709551616"));
    assert_eq!(wrong(&body), "logout_time is too large");
}

#[test]
fn session_zero_or_none_is_no_session() {
    for session in [None, Some("0"), Some(r#""0""#), Some(r#""""#), Some("null")] {
        let login = login_of(&with(&action("0"), "session_id", session));
        assert_eq!(login.session.as_str(), "", "{session:?}");
        let logout = logout_of(&with(SAMPLE, "session_id", session));
        assert_eq!(logout.session.as_str(), "", "{session:?}");
    }
}

#[test]
fn every_field_may_be_a_text_or_a_number() {
    let login = login_of(&action("0"));
    let logout = logout_of(SAMPLE);
    for field in ["timestamp", "login_time", "logout_time"] {
        let body = with(SAMPLE, field, Some(r#""1679553625""#));
        assert_eq!(logout_of(&body), logout, "{field}");
        let body = with(&body, "action", Some(r#""0""#));
        assert_eq!(login_of(&body), login, "{field}");
    }
    let body = with(SAMPLE, "session_id", Some("930821637828251648"));
    assert_eq!(logout_of(&body), logout, "exact, not through a float");
    assert_eq!(
        logout_of(&with(SAMPLE, "user_id", Some("123456"))).user,
        logout.user
    );
}

#[test]
fn every_spelling_says_the_same() {
    let json = action("0");
    let percent = percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC);
    let form = "event=user_action&user_id=123456&user_name=user_name&os=PC+&action=0\
                &session_id=930821637828251648&login_time=1679553625";
    assert_eq!(login_of(&percent.to_string()), login_of(&json));
    assert_eq!(login_of(form), login_of(&json));
}

// === what cannot be decoded ===

#[test]
fn what_an_event_is_about_has_to_be_there() {
    for empty in [None, Some(r#""""#), Some("null")] {
        for sample in [SAMPLE, &action("0"), &action("2")] {
            assert_eq!(wrong(&with(sample, "user_id", empty)), "user_id is missing");
            assert_eq!(wrong(&with(sample, "action", empty)), "action is missing");
            assert_eq!(wrong(&with(sample, "event", empty)), "event is missing");
        }
    }
}

#[test]
fn what_is_of_another_type_is_named() {
    for value in ["{}", "[1]", "true", "1.5"] {
        let problem = "is neither a text nor a whole number";
        for field in ["user_id", "session_id", "event"] {
            let body = with(SAMPLE, field, Some(value));
            assert_eq!(wrong(&body), format!("{field} {problem}"));
        }
    }
    for value in NO_NUMBERS {
        for (body, field) in [
            (&action("0"), "login_time"),
            (&action("1"), "login_time"),
            (&action("1"), "logout_time"),
            (&action("2"), "offline_time"),
            (&action("0"), "action"),
        ] {
            let message = wrong(&with(body, field, Some(value)));
            assert!(
                message.starts_with(&format!("{field} is not a")),
                "{message}"
            );
        }
    }
    // Where the callback's own time is needed, it has to be one.
    let body = with(&callback(r#""action":2"#), "timestamp", Some(r#""x""#));
    assert_eq!(wrong(&body), "timestamp is not a number");
}

#[test]
fn ids_that_are_too_long_are_named() {
    let long = format!("\"{}\"", "x".repeat(ID_BYTES_MAX + 1));
    for sample in [action("0"), action("1")] {
        for field in ["user_id", "session_id"] {
            let message = wrong(&with(&sample, field, Some(&long)));
            assert_eq!(message, format!("{field} is longer than 1,024 bytes"));
        }
    }
}

#[test]
fn an_action_that_is_not_known_is_undecodable() {
    for unknown in ["3", r#""3""#, "18446744073709551615"] {
        assert_eq!(wrong(&action(unknown)), "action is unknown");
    }
}

#[test]
fn other_events_are_ignored_whatever_they_lack() {
    for event in ["room_create", "room_login", "USER_ACTION", "send_msg"] {
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
fn the_documented_signature_vector_verifies_for_the_zego_app() {
    let signed = with(SAMPLE, "timestamp", Some("1470820198"));
    let signed = with(&signed, "nonce", Some(r#""123412""#));
    let signature = r#""5bd59fd62953a8059fb7eaba95720f66d19e4517""#;
    let signed = with(&signed, "signature", Some(signature));
    let signing = Signing::Secrets("secret".into());
    let accounts = accounts(&VENDOR, &[account(&VENDOR, "1", "arena", signing)]);
    let zim = product("zim_presence");
    // 1.6 seconds after it was signed.
    let (app, nonce) = verified(zim, &accounts, "", &signed, 1_470_820_199_600).unwrap();
    assert_eq!(app, "arena");
    assert_eq!(nonce.unwrap(), ["1470820198", "123412"]);
}

fn any_callback() -> impl Strategy<Value = String> {
    let names = vec![
        "event",
        "appid",
        "timestamp",
        "nonce",
        "signature",
        "user_id",
        "user_name",
        "os",
        "action",
        "session_id",
        "login_time",
        "logout_time",
        "offline_time",
    ];
    odd_callback(names, vec!["user_action", "0", "1", "2", ""])
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in any::<Vec<u8>>()) {
        decode("zim_presence", "", body);
    }

    #[test]
    fn no_callback_makes_it_panic(body in any_callback(), action in any::<u8>()) {
        let first = decoded(&body);
        prop_assert_eq!(&first, &decoded(&body));
        let body = with(&body, "event", Some(r#""user_action""#));
        let body = with(&body, "action", Some(&(action % 4).to_string()));
        prop_assert_ne!(decoded(&body).outcome(), Outcome::Ignored);
    }
}
