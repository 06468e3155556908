//! What the callbacks of Tencent's rooms say.

use proptest::prelude::*;
use serde_json::json;

use crate::{
    domain::{
        CloseReason, Decoded, ID_BYTES_MAX, LeaveReason, Login, Logout, Profile, RoomEventKind,
        Time,
    },
    providers::samples::{NO_NUMBERS, decode, odd_callback, with},
};

// The documentation's sample bodies, without the comments and commas that make
// them no JSON.
const ENTER: &str = r#"{"CallbackCommand":"Room.CallbackAfterMemberEnter","Operator_Account":"user1","RoomId":"rid-123",
 "MemberCount":20,"Type":"Enter","MemberList_Account":["user1"],"EventTime":1670574414123}"#;
const LEAVE: &str = r#"{"CallbackCommand":"Room.CallbackAfterMemberLeave","Operator_Account":"user1","RoomId":"rid-123",
 "MemberCount":20,"Type":"Leave","MemberList_Account":["user1"],"Reason":"xxxx","EventTime":1670574414123}"#;
const CREATE: &str = r#"{"CallbackCommand":"Room.CallbackAfterCreateRoom","Operator_Account":"admin",
 "RoomInfo":{"RoomId":"rid-123","RoomName":"rname","RoomType":"Meeting","Owner_Account":"user3","MaxMemberCount":300,"MaxSeatCount":16,
  "IsVideoDisabled":true,"IsAudioDisabled":true,"IsMessageDisabled":true,"IsScreenSharingDisabled":true,"IsCloudRecordingDisabled":true,
  "CustomInfo":"custom123","ScheduleStartTime":1703589922,"ScheduleEndTime":1703593522,"RoomStatus":"Running",
  "IsSeatEnabled":true,"TakeSeatMode":"ApplyToTake","CreateTime":1703589922},
 "ScheduleInviteeList_Account":["user2","user3","user3"],"EventTime":1703589922780}"#;
const DESTROY: &str = r#"{"CallbackCommand":"Room.CallbackAfterDestroyRoom","Operator_Account":"admin","RoomId":"tandy-test-rest","EventTime":1703589922780}"#;
const UPDATE: &str = r#"{"CallbackCommand":"Room.CallbackAfterUpdateRoomInfo","Operator_Account":"admin",
 "RoomInfo":{"RoomId":"rid-123","RoomName":"rname","Owner_Account":"user3","IsVideoDisabled":"false"},"EventTime":1703589922780}"#;
const SEAT: &str = r#"{"CallbackCommand":"Mic.CallbackAfterSeatInfoChanged","Operator_Account":"user1","RoomId":"rid-123",
 "SeatList":[{"Index":0,"Member_Account":144115233775727695,"IsTakenDisabled":false}],"EventTime":1703589922780}"#;
const LIVE: &str = r#"{"CallbackCommand":"Live.CallbackAfterMemberStateChanged","RoomId":"room_id","EventType":"Online",
 "EventCause":"Enter","MemberList":[{"Member_Account":"jared"},{"Member_Account":"tommy"}],"EventTime":1703589922780}"#;

fn decoded_at(query: &str, body: &str) -> Decoded {
    decode("tencent_room", query, body)
}

fn decoded(body: &str) -> Decoded {
    decoded_at("", body)
}

/// What happened to one room, and to which.
#[track_caller]
fn told(body: &str) -> (String, Vec<RoomEventKind>) {
    let Decoded::Room(events) = decoded(body) else {
        panic!("{body} is {:?}", decoded(body));
    };
    let room = events[0].room.clone();
    for event in &events {
        assert_eq!((&event.room, event.incarnation.as_str()), (&room, ""));
    }
    let kinds = events.into_iter().map(|event| event.kind).collect();
    (room.as_str().to_owned(), kinds)
}

#[track_caller]
fn kinds(body: &str) -> Vec<RoomEventKind> {
    told(body).1
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

fn login(user: &str, at: u64) -> RoomEventKind {
    RoomEventKind::Login(Login {
        user: user.into(),
        session: "".into(),
        at: ms(at),
        profile: Profile::default(),
        room_name: None,
        seq: None,
    })
}

fn logout(user: &str, at: u64, reason: LeaveReason) -> RoomEventKind {
    RoomEventKind::Logout(Logout {
        user: user.into(),
        session: "".into(),
        login_at: None,
        at: ms(at),
        reason,
        seq: None,
    })
}

fn count(users: u32, at: u64) -> RoomEventKind {
    RoomEventKind::Counted { at: ms(at), users }
}

const AT: u64 = 1_670_574_414_123;

#[test]
fn documented_samples_decode_to_what_they_say() {
    let created = RoomEventKind::Created {
        at: ms(1_703_589_922_780),
        creator: Some("user3".into()),
        name: Some("rname".into()),
    };
    let closed = RoomEventKind::Closed {
        at: ms(1_703_589_922_780),
        reason: CloseReason::Unknown,
    };
    let left = logout("user1", AT, LeaveReason::Logout);
    let rows = [
        (ENTER, "rid-123", vec![login("user1", AT), count(20, AT)]),
        (LEAVE, "rid-123", vec![left, count(20, AT)]),
        (CREATE, "rid-123", vec![created]),
        (DESTROY, "tandy-test-rest", vec![closed]),
    ];
    for (body, room, kinds) in rows {
        assert_eq!(told(body), (room.to_owned(), kinds), "{body}");
    }
}

#[test]
fn documented_commands_of_no_use_are_ignored_whatever_they_lack() {
    let rows = [
        (UPDATE, "Room.CallbackAfterUpdateRoomInfo"),
        (SEAT, "Mic.CallbackAfterSeatInfoChanged"),
        (LIVE, "Live.CallbackAfterMemberStateChanged"),
        (
            r#"{"CallbackCommand":"Room.CallbackUpdateRoomInfo"}"#,
            "Room.CallbackUpdateRoomInfo",
        ),
        (r#"{"CallbackCommand":"x"}"#, "x"),
    ];
    for (body, event) in rows {
        let event = event.into();
        assert_eq!(decoded(body), Decoded::Ignored { event }, "{body}");
    }
}

#[test]
fn the_body_is_believed_before_the_url_on_what_it_is() {
    let nameless = with(DESTROY, "CallbackCommand", None);
    let destroy = "Room.CallbackAfterDestroyRoom";
    for query in [
        format!("CallbackCommand={destroy}"),
        format!("callbackcommand={destroy}"),
        "CallbackCommand=Room%2ECallbackAfterDestroyRoom&WebhookCommand=x".to_owned(),
        format!("SdkAppId=1&WebhookCommand={destroy}&contenttype=json"),
        format!("CallbackCommand=&WebhookCommand={destroy}"),
    ] {
        for empty in [None, Some(r#""""#), Some("null")] {
            let body = with(&nameless, "CallbackCommand", empty);
            assert_eq!(decoded_at(&query, &body), decoded(DESTROY), "{query}");
        }
    }
    let other = "CallbackCommand=Room.CallbackAfterMemberEnter";
    assert_eq!(decoded_at(other, DESTROY), decoded(DESTROY));
    assert_eq!(wrong(&nameless), "CallbackCommand is missing");
    let odd = with(DESTROY, "CallbackCommand", Some("[]"));
    assert!(wrong(&odd).starts_with("CallbackCommand is neither"));
}

#[test]
fn reasons_have_their_documented_meaning() {
    let rows = [
        (Some(r#""Leave""#), LeaveReason::Logout),
        (Some(r#""Kicked""#), LeaveReason::Kicked),
        (Some(r#""Expired""#), LeaveReason::Timeout),
        (Some(r#""Else""#), LeaveReason::Unknown),
        (Some("7"), LeaveReason::Unknown),
        (None, LeaveReason::Unknown),
    ];
    for (word, reason) in rows {
        let body = with(LEAVE, "Type", word);
        assert_eq!(kinds(&body)[0], logout("user1", AT, reason), "{word:?}");
    }
}

#[test]
fn members_may_be_texts_numbers_or_objects() {
    let members = r#"["ann", 144115233775727695, {"Member_Account":"bob"}, {"Member_Account":7,"x":[]}, "ann"]"#;
    let users = ["ann", "144115233775727695", "bob", "7", "ann"];
    let mut expected = users.map(|user| login(user, AT)).to_vec();
    expected.push(count(20, AT));
    let body = with(ENTER, "MemberList_Account", Some(members));
    assert_eq!(kinds(&body), expected);

    let percent = percent_encoding::utf8_percent_encode(&body, percent_encoding::NON_ALPHANUMERIC);
    assert_eq!(kinds(&percent.to_string()), expected);
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("CallbackCommand", "Room.CallbackAfterMemberEnter")
        .append_pair("RoomId", "rid-123")
        .append_pair("MemberCount", "20")
        .append_pair("MemberList_Account", members)
        .append_pair("EventTime", "1670574414123")
        .finish();
    assert_eq!(kinds(&form), expected);
}

#[test]
fn a_thousand_members_come_and_go_in_one_callback() {
    let users: Vec<_> = (0..1000).map(|i| format!("user-{i}")).collect();
    let list = json!(users).to_string();
    for (sample, is_login) in [(ENTER, true), (LEAVE, false)] {
        let kinds = kinds(&with(sample, "MemberList_Account", Some(&list)));
        assert_eq!(kinds.len(), 1001);
        for (kind, user) in kinds.iter().zip(&users) {
            let expected = match is_login {
                true => login(user, AT),
                false => logout(user, AT, LeaveReason::Logout),
            };
            assert_eq!(kind, &expected);
        }
        assert_eq!(kinds[1000], count(20, AT));
    }
}

#[test]
fn numbers_may_be_texts() {
    for (sample, field, text) in [
        (ENTER, "EventTime", r#""1670574414123""#),
        (ENTER, "MemberCount", r#""20""#),
        (LEAVE, "EventTime", r#""1670574414123""#),
        (CREATE, "EventTime", r#""1703589922780""#),
        (DESTROY, "EventTime", r#""1703589922780""#),
    ] {
        assert_eq!(
            decoded(&with(sample, field, Some(text))),
            decoded(sample),
            "{field}"
        );
    }
    let body = with(DESTROY, "RoomId", Some("18446744073709551615"));
    assert_eq!(told(&body).0, "18446744073709551615", "exact");
}

#[test]
fn a_count_that_is_not_there_is_not_told() {
    for empty in [None, Some("null"), Some(r#""""#)] {
        let body = with(ENTER, "MemberCount", empty);
        assert_eq!(kinds(&body), [login("user1", AT)]);
    }
    let body = with(ENTER, "MemberCount", Some("0"));
    assert_eq!(kinds(&body)[1], count(0, AT));
}

/// The sample of a new room with another value inside of `RoomInfo`.
fn create_with(field: &str, value: Option<&str>) -> String {
    let sample: serde_json::Value = serde_json::from_str(CREATE).unwrap();
    let info = with(&sample["RoomInfo"].to_string(), field, value);
    with(CREATE, "RoomInfo", Some(&info))
}

#[test]
fn a_new_room_has_an_owner_or_else_who_asked_for_it() {
    let creator = |body: &str| match &kinds(body)[..] {
        [RoomEventKind::Created { creator, .. }] => creator.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(creator(CREATE), Some("user3".into()));
    let body = create_with("Owner_Account", None);
    assert_eq!(creator(&body), Some("admin".into()));
    assert_eq!(creator(&with(&body, "Operator_Account", None)), None);
}

#[test]
fn a_new_room_may_have_no_name_and_its_id_in_either_place() {
    for empty in [None, Some(r#""""#), Some("null")] {
        let kinds = kinds(&create_with("RoomName", empty));
        assert!(
            matches!(&kinds[..], [RoomEventKind::Created { name: None, .. }]),
            "{kinds:?}"
        );
        let body = create_with("RoomId", empty);
        assert_eq!(wrong(&body), "RoomId is missing");
        assert_eq!(told(&with(&body, "RoomId", Some("7"))).0, "7");
    }
    let bare = with(CREATE, "RoomInfo", None);
    assert_eq!(wrong(&bare), "RoomId is missing");
    assert_eq!(told(&with(&bare, "RoomId", Some(r#""r""#))).0, "r");
}

// === what cannot be decoded ===

#[test]
fn what_an_event_is_about_has_to_be_there() {
    for empty in [None, Some(r#""""#), Some("null")] {
        for sample in [ENTER, LEAVE, DESTROY] {
            assert_eq!(wrong(&with(sample, "RoomId", empty)), "RoomId is missing");
        }
        for sample in [ENTER, LEAVE, DESTROY, CREATE] {
            let body = with(sample, "EventTime", empty);
            assert_eq!(wrong(&body), "EventTime is missing");
        }
    }
    for sample in [ENTER, LEAVE] {
        for empty in [None, Some("[]"), Some("null")] {
            let body = with(sample, "MemberList_Account", empty);
            assert_eq!(wrong(&body), "MemberList_Account is missing");
        }
    }
}

#[test]
fn one_empty_user_makes_the_list_undecodable() {
    let rows = [
        (r#"["ann",""]"#, "MemberList_Account has an empty user"),
        (r#"["ann",{}]"#, "Member_Account is missing"),
        (
            r#"[{"Member_Account":""},"ann"]"#,
            "Member_Account is missing",
        ),
        (
            r#"["ann",null]"#,
            "MemberList_Account is neither a text nor a whole number",
        ),
        (
            r#"[["ann"]]"#,
            "MemberList_Account is neither a text nor a whole number",
        ),
        (r#"["\ud800"]"#, "MemberList_Account is not valid Unicode"),
        (
            r#"[{"Member_Account":1.5}]"#,
            "Member_Account is neither a text nor a whole number",
        ),
    ];
    for sample in [ENTER, LEAVE] {
        for (list, problem) in rows {
            let body = with(sample, "MemberList_Account", Some(list));
            assert_eq!(wrong(&body), problem, "{list}");
        }
    }
}

#[test]
fn what_is_of_another_type_is_named() {
    for list in [r#""ann""#, r#""[]""#, "7", r#"{"a":["ann"]}"#, "true"] {
        let body = with(ENTER, "MemberList_Account", Some(list));
        assert_eq!(wrong(&body), "MemberList_Account is not a list", "{list}");
    }
    for info in [r#""{}""#, "[]", "7"] {
        let body = with(CREATE, "RoomInfo", Some(info));
        assert_eq!(wrong(&body), "RoomInfo is not an object", "{info}");
    }
    for value in NO_NUMBERS {
        for sample in [ENTER, LEAVE, CREATE, DESTROY] {
            let message = wrong(&with(sample, "EventTime", Some(value)));
            assert!(message.starts_with("EventTime is not a"), "{message}");
        }
        // The users are known without it.
        let kinds = kinds(&with(ENTER, "MemberCount", Some(value)));
        assert!(matches!(&kinds[..], [RoomEventKind::Login(_)]), "{kinds:?}");
    }
    for (field, value, problem) in [
        ("EventTime", "0", "EventTime is zero, which is not a time"),
        (
            "EventTime",
            r#""0""#,
            "EventTime is zero, which is not a time",
        ),
        (
            "EventTime",
            "18446744073709551616",
            "EventTime is too large",
        ),
    ] {
        assert_eq!(wrong(&with(ENTER, field, Some(value))), problem);
    }
    let odd = "is neither a text nor a whole number";
    for (body, field) in [
        (with(ENTER, "RoomId", Some("{}")), "RoomId"),
        (create_with("RoomId", Some("1.5")), "RoomId"),
    ] {
        assert_eq!(wrong(&body), format!("{field} {odd}"));
    }
}

#[test]
fn ids_that_are_too_long_are_named() {
    let long = &format!("\"{}\"", "x".repeat(ID_BYTES_MAX + 1));
    let list = &format!("[\"ann\",{long}]");
    let objects = &format!("[{{\"Member_Account\":{long}}}]");
    for (body, field) in [
        (with(ENTER, "RoomId", Some(long)), "RoomId"),
        (with(LEAVE, "RoomId", Some(long)), "RoomId"),
        (with(DESTROY, "RoomId", Some(long)), "RoomId"),
        (create_with("RoomId", Some(long)), "RoomId"),
        (
            with(ENTER, "MemberList_Account", Some(list)),
            "MemberList_Account",
        ),
        (
            with(LEAVE, "MemberList_Account", Some(objects)),
            "Member_Account",
        ),
    ] {
        assert_eq!(wrong(&body), format!("{field} is longer than 1,024 bytes"));
    }
}

fn any_callback() -> impl Strategy<Value = String> {
    let names = vec![
        "CallbackCommand",
        "Operator_Account",
        "RoomId",
        "RoomInfo",
        "MemberCount",
        "Type",
        "MemberList_Account",
        "EventTime",
    ];
    let words = vec![
        "Room.CallbackAfterCreateRoom",
        "Room.CallbackAfterDestroyRoom",
        "Room.CallbackAfterMemberEnter",
        "Room.CallbackAfterMemberLeave",
        "Kicked",
        "0",
        "",
    ];
    odd_callback(names, words)
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(query in any::<String>(), body in any::<Vec<u8>>()) {
        decode("tencent_room", &query, body);
    }

    #[test]
    fn no_callback_makes_it_panic(
        body in any_callback(),
        command in prop::sample::select(vec!["CreateRoom", "DestroyRoom", "MemberEnter", "MemberLeave"]),
    ) {
        let query = format!("CallbackCommand=Room.CallbackAfter{command}");
        for body in [body.clone(), with(&body, "CallbackCommand", None)] {
            let first = decoded_at(&query, &body);
            prop_assert_eq!(&first, &decoded_at(&query, &body));
            if let Decoded::Room(events) = &first {
                prop_assert!(!events.is_empty());
            }
        }
    }
}
