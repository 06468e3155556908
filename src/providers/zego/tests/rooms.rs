//! What the callbacks of ZEGOCLOUD's rooms say.

use proptest::prelude::*;

use crate::{
    domain::{
        CloseReason, Decoded, ID_BYTES_MAX, LeaveReason, Login, Logout, Profile, Role, RoomEvent,
        RoomEventKind, RoomId, Time,
    },
    providers::samples::{NO_NUMBERS, decode, odd_callback, with},
};

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

fn decoded(body: &str) -> Decoded {
    decode("zego_room", "", body)
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
fn what_is_not_needed_never_loses_a_callback() {
    let long = format!("\"{}\"", "x".repeat(ID_BYTES_MAX + 1));
    let odd = NO_NUMBERS.into_iter().chain([r#""host""#, "{}", &*long]);
    for value in odd {
        let with = |sample: &str, field: &'static str| with(sample, field, Some(value));
        let login = login_of(&with(&with(LOGIN, "user_role"), "user_update_seq"));
        assert_eq!((login.profile.role, login.seq), (Role::Unspecified, None));
        let logout = with(&with(LOGOUT, "reason"), "user_update_seq");
        let logout = logout_of(&with(&logout, "user_role"));
        assert_eq!((logout.reason, logout.seq), (LeaveReason::Unknown, None));
        let closed = event(&with(CLOSE, "close_reason")).kind;
        assert!(
            matches!(
                closed,
                RoomEventKind::Closed {
                    reason: CloseReason::Unknown,
                    ..
                }
            ),
            "{closed:?}"
        );
    }
    let created = event(&with(CREATE, "id_name", Some(&long))).kind;
    assert!(
        matches!(created, RoomEventKind::Created { creator: None, .. }),
        "{created:?}"
    );
}

#[test]
fn a_room_of_zim_is_not_a_room_of_rtc() {
    let zim = r#"{"event":"room_create","appid":1,"timestamp":1,"nonce":"1","signature":"s",
        "room_id":"r","operator_account":"ann","room_name":"n","attributes":[]}"#;
    assert!(matches!(decoded(zim), Decoded::Ignored { .. }));
    // Without a life it is of no use, and of RTC all the same.
    let rtc = with(CREATE, "room_session_id", None);
    assert_eq!(wrong(&rtc), "room_seq is missing");
}

#[test]
fn what_is_no_number_is_named() {
    let rows: [(&str, &[&str]); 4] = [
        (CREATE, &["room_create_time"]),
        (CLOSE, &["room_close_time"]),
        (LOGIN, &["login_time"]),
        (LOGOUT, &["login_time", "logout_time"]),
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
    assert!(wrong(&with(CREATE, "room_session_id", Some("8.5e-1"))).starts_with("room_session_id"));
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
        decode("zego_room", "", body);
    }

    #[test]
    fn no_callback_makes_it_panic(body in any_callback()) {
        let first = decoded(&body);
        prop_assert_eq!(&first, &decoded(&body));
        let encoded = percent_encoding::utf8_percent_encode(&body, percent_encoding::NON_ALPHANUMERIC);
        prop_assert_eq!(first, decoded(&encoded.to_string()));
    }
}
