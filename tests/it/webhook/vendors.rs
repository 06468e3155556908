//! The paths of ZIM and Tencent, over real sockets.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use bytes::Bytes;
use headcount::{
    domain::{Decoded, Outcome, ProductName, RoomEventKind, UserEvent},
    journal::Payload,
    webhook::{Reason, WebhookSettings},
};
use http::{Method, Request, StatusCode, header};
use http_body_util::StreamBody;
use hyper::body::Frame;
use proptest::{prelude::*, test_runner::TestRunner};

use super::service::*;

const ZIM: &str = "/webhooks/zim";
const TENCENT: &str = "/webhooks/tencent";

const USER_LOGIN: &str = r#""event":"user_action","action":0,"user_id":"ann","session_id":"7","login_time":1700000000,"os":"PC ""#;
const USER_LOGOUT: &str = r#""event":"user_action","action":1,"user_id":"ann","session_id":"7","login_time":1700000000,"logout_time":1700000001"#;

const ENTER: &str = r#"{"CallbackCommand":"Room.CallbackAfterMemberEnter","RoomId":"r","MemberCount":1,"Type":"Enter","MemberList_Account":["ann"],"EventTime":1700000000123}"#;
const NOBODY: &str = r#"{"CallbackCommand":"Room.CallbackAfterMemberEnter","RoomId":"r","MemberList_Account":[""],"EventTime":1700000000123}"#;
const UPDATE: &str = r#"{"CallbackCommand":"Room.CallbackAfterUpdateRoomInfo"}"#;

const OK_PACKET: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;

fn to(path: &str, body: impl Into<Bytes>) -> Request<AnyBody> {
    request(Method::POST, path, full(body))
}

fn tencent(body: impl Into<Bytes>) -> Request<AnyBody> {
    to(&tencent_url(), body)
}

/// The URL of the app whose callbacks are not signed.
fn unsigned_url() -> String {
    format!("{TENCENT}?SdkAppid={UNSIGNED_APP}")
}

#[track_caller]
fn assert_ok_packet(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        answer.header(header::CONTENT_TYPE),
        Some("application/json")
    );
    assert_eq!(answer.body, OK_PACKET);
}

#[track_caller]
fn assert_fail_packet(answer: &Answer, reason: Reason, message: &str) {
    let status = reason.status().as_u16();
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header(header::CONTENT_TYPE),
        Some("application/json")
    );
    let packet = format!(
        r#"{{"ActionStatus":"FAIL","ErrorInfo":"{}: {message}","ErrorCode":{status}}}"#,
        reason.code()
    );
    assert_eq!(answer.body, packet);
}

/// The one callback that is kept.
#[track_caller]
fn kept(service: &Service) -> headcount::journal::Callback {
    let mut entries = service.journal.entries.lock();
    assert_eq!(entries.len(), 1, "{entries:?}");
    match entries.remove(0).payload {
        Payload::Callback(callback) => callback,
        Payload::Tick => panic!("not a callback"),
    }
}

// === ZIM ===

#[tokio::test]
async fn a_users_login_is_accepted_in_every_spelling_for_the_zego_app() {
    let service = Service::start().await;
    let json = signed("1", USER_LOGIN);
    let percent = percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC);
    for body in [json.clone(), percent.to_string()] {
        let answer = service.send(to(ZIM, body)).await;
        answer.assert_outcome("accepted");
        let callback = kept(&service);
        assert_eq!(callback.app.as_str(), "arena");
        assert_eq!(callback.product, ProductName::new("zim_presence"));
        let Decoded::User(events) = &*callback.decoded else {
            panic!("{callback:?}");
        };
        assert!(matches!(&events[..], [UserEvent::Login(_)]), "{events:?}");
    }
    assert_eq!(service.visible.0.load(SeqCst), 1);
    let taken = service.taken_of("zim_presence", Outcome::Accepted);
    assert_eq!((taken, service.taken(Outcome::Accepted)), (2, 0));
}

#[tokio::test]
async fn what_says_nothing_of_users_is_answered_as_for_rooms() {
    let service = Service::start().await;
    let rows = [
        // A room of ZIM's is not one of RTC's.
        (r#""event":"room_create","room_id":"r""#, Outcome::Ignored),
        (r#""event":"room_login","room_id":"r""#, Outcome::Ignored),
        (
            r#""event":"user_action","action":0,"user_id":"""#,
            Outcome::Undecodable,
        ),
        (
            r#""event":"user_action","action":9,"user_id":"ann""#,
            Outcome::Undecodable,
        ),
    ];
    for (nonce, (fields, outcome)) in rows.into_iter().enumerate() {
        let before = service.taken_of("zim_presence", outcome);
        let answer = service
            .send(to(ZIM, signed(&nonce.to_string(), fields)))
            .await;
        answer.assert_outcome(outcome.as_str());
        let after = service.taken_of("zim_presence", outcome);
        assert_eq!(after, before + 1, "{fields}");
    }
    assert_eq!(service.journalled(), 2, "the undecodable ones");
}

#[tokio::test]
async fn a_user_callback_that_is_not_authentic_is_401() {
    let service = Service::start().await;
    let good = signed("1", USER_LOGIN);
    let rows = [
        (
            good.replace("signature", "sig"),
            Reason::SignatureMissing,
            "signature",
        ),
        (
            good.replace(r#""nonce":"1""#, r#""nonce":"2""#),
            Reason::SignatureWrong,
            "signature",
        ),
        (
            signed_at(NOW - 601, "1", USER_LOGIN),
            Reason::SignatureStale,
            "timestamp",
        ),
        (
            good.replace(r#""appid":1"#, r#""appid":1400000001"#),
            Reason::UnknownApp,
            "appid",
        ),
    ];
    for (body, reason, word) in rows {
        let answer = service.send(to(ZIM, body)).await;
        answer.assert_refused(401, reason, word);
    }
    let answer = service.send(to(ZIM, "[]")).await;
    answer.assert_refused(400, Reason::MalformedBody, "object");
    let answer = service.send(request(Method::GET, ZIM, full(""))).await;
    answer.assert_refused(405, Reason::MethodNotAllowed, "POST");
    assert_eq!(service.journalled(), 0);
}

#[tokio::test]
async fn a_users_signature_with_other_events_is_counted() {
    let service = Service::start().await;
    for (fields, reused) in [(USER_LOGIN, 0), (USER_LOGIN, 0), (USER_LOGOUT, 1)] {
        let answer = service.send(to(ZIM, signed("1", fields))).await;
        answer.assert_outcome("accepted");
        assert_eq!(service.metrics.nonce_reuse.get(), reused);
    }
}

// === Tencent: what is taken ===

#[tokio::test]
async fn what_tencent_sends_is_accepted_and_kept_with_its_query() {
    let service = Service::start().await;
    assert_ok_packet(&service.send(tencent(ENTER)).await);
    let callback = kept(&service);
    assert_eq!(callback.app.as_str(), "meet");
    assert_eq!(callback.product, ProductName::new("tencent_room"));
    assert_eq!(callback.body, ENTER);
    assert_eq!(
        Some(&*callback.query),
        tencent_url().split_once('?').map(|(_, query)| query)
    );
    let Decoded::Room(events) = &*callback.decoded else {
        panic!("{callback:?}");
    };
    assert_eq!(events.len(), 2, "a login and a count");
    assert_eq!(service.visible.0.load(SeqCst), 1);
    let taken = service.taken_of("tencent_room", Outcome::Accepted);
    assert_eq!((taken, service.taken(Outcome::Accepted)), (1, 0));
}

#[tokio::test]
async fn an_app_without_a_token_needs_no_signature() {
    let service = Service::start().await;
    for query in ["", "&Sign=wrong&RequestTime=0"] {
        let url = format!("{}{query}", unsigned_url());
        assert_ok_packet(&service.send(to(&url, ENTER)).await);
        assert_eq!(kept(&service).app.as_str(), "open");
    }
}

#[tokio::test]
async fn the_url_says_what_a_body_does_not() {
    let service = Service::start().await;
    let body = ENTER.replace("CallbackCommand", "Nothing");
    let url = format!(
        "{}&WebhookCommand=Room.CallbackAfterMemberLeave",
        unsigned_url()
    );
    assert_ok_packet(&service.send(to(&url, body)).await);
    let decoded = kept(&service).decoded;
    let Decoded::Room(events) = &*decoded else {
        panic!("{decoded:?}");
    };
    assert!(matches!(events[0].kind, RoomEventKind::Logout(_)));
}

#[tokio::test]
async fn what_is_of_no_use_or_undecodable_is_ok_and_counted() {
    let service = Service::start().await;
    let rows = [
        (UPDATE, Outcome::Ignored, 0),
        (NOBODY, Outcome::Undecodable, 1),
        ("{}", Outcome::Ignored, 1),
        (
            r#"{"CallbackCommand":"Room.CallbackAfterMemberLeave","EventTime":"soon"}"#,
            Outcome::Undecodable,
            2,
        ),
    ];
    for (body, outcome, journalled) in rows {
        let before = service.taken_of("tencent_room", outcome);
        assert_ok_packet(&service.send(tencent(body)).await);
        let after = service.taken_of("tencent_room", outcome);
        assert_eq!(after, before + 1, "{body}");
        assert_eq!(service.journalled(), journalled, "{body}");
    }
}

#[tokio::test]
async fn a_thousand_members_are_accepted_in_one_callback() {
    let service = Service::start_with(WebhookSettings {
        body_bytes_max: 256 * 1024,
        ..settings()
    })
    .await;
    let users: Vec<_> = (0..1000).map(|i| format!("user-{i:032}")).collect();
    let list = serde_json::to_string(&users).unwrap();
    let body = ENTER.replace(r#"["ann"]"#, &list);
    assert_ok_packet(&service.send(tencent(body)).await);
    let decoded = kept(&service).decoded;
    assert!(matches!(&*decoded, Decoded::Room(events) if events.len() == 1001));
}

// === Tencent: what is refused ===

#[tokio::test]
async fn what_is_not_from_tencent_is_401_whatever_it_says() {
    let service = Service::start().await;
    let url = tencent_url();
    let rows = [
        (
            url.replace(&SIGNED_APP.to_string(), "1"),
            Reason::UnknownApp,
            "SdkAppid is not the id of a configured app",
        ),
        (
            TENCENT.to_owned(),
            Reason::UnknownApp,
            "SdkAppid is missing: it names the app",
        ),
        (
            url.replace("&Sign=", "&Sgn="),
            Reason::SignatureMissing,
            "Sign is missing",
        ),
        (
            url.replace("&RequestTime=", "&Time="),
            Reason::SignatureMissing,
            "RequestTime is missing",
        ),
        (
            url.replace("&Sign=", "&Sign=0"),
            Reason::SignatureWrong,
            "Sign does not match",
        ),
        (
            tencent_url_at(NOW - 601),
            Reason::SignatureStale,
            "RequestTime is too far from the time of receipt: 10m 1s before",
        ),
    ];
    for (url, reason, message) in rows {
        for body in [ENTER, NOBODY, UPDATE] {
            let before = service.refused(reason);
            let answer = service.send(to(&url, body)).await;
            assert_fail_packet(&answer, reason, message);
            assert_eq!(service.refused(reason), before + 1);
        }
    }
    assert_eq!(service.journalled(), 0);
    let at_the_edge = tencent_url_at(NOW - 600);
    assert_ok_packet(&service.send(to(&at_the_edge, ENTER)).await);
}

#[tokio::test]
async fn every_refusal_on_tencents_path_is_its_packet() {
    let mut service = Service::start_with(WebhookSettings {
        body_read_timeout: Duration::from_millis(50),
        ..settings()
    })
    .await;
    let answer = service.send(tencent("[]")).await;
    assert_fail_packet(
        &answer,
        Reason::MalformedBody,
        "the body is not a JSON object",
    );
    for method in [Method::GET, Method::PUT] {
        let answer = service
            .send(request(method, &tencent_url(), full("")))
            .await;
        assert_fail_packet(
            &answer,
            Reason::MethodNotAllowed,
            "callbacks are sent by POST",
        );
        assert_eq!(answer.header(header::ALLOW), Some("POST"));
    }
    let answer = service.send(tencent(" ".repeat(BODY_MAX + 1))).await;
    assert_fail_packet(
        &answer,
        Reason::BodyTooLarge,
        "the body is longer than 4096 bytes",
    );
    let endless = futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>();
    let endless = AnyBody::new(StreamBody::new(endless));
    let answer = service
        .send(request(Method::POST, &tencent_url(), endless))
        .await;
    assert_fail_packet(
        &answer,
        Reason::BodyTimeout,
        "the body took too long to arrive",
    );
    service.ready.set(false);
    let answer = service.send(tencent(ENTER)).await;
    assert_fail_packet(
        &answer,
        Reason::NotReady,
        "the service is starting or stopping",
    );
    assert_eq!(answer.header(header::RETRY_AFTER), Some("1"));

    service = Service::start_on(settings(), Store::Fails).await;
    let answer = service.send(tencent(ENTER)).await;
    assert_fail_packet(
        &answer,
        Reason::Unavailable,
        "the callback could not be made durable",
    );
}

#[tokio::test]
async fn a_tencent_request_too_many_is_its_packet_too() {
    let limits = WebhookSettings {
        requests_max: 1,
        ..settings()
    };
    let (service, mut held) = Service::start_holding(limits).await;
    let mut first = service.connect().await;
    let first = tokio::spawn(async move { first.send(tencent(ENTER)).await });
    held.recv().await.unwrap();
    let answer = service.send(tencent(ENTER)).await;
    assert_fail_packet(&answer, Reason::Overloaded, "too many requests at once");
    service.let_go();
    assert_ok_packet(&first.await.unwrap());
}

// === anything at all ===

/// A query and a body, some of which are nearly what Tencent sends.
fn odd_request() -> impl Strategy<Value = (String, Vec<u8>)> {
    let value = prop_oneof![
        Just(json_value("soon")),
        Just(json_value(1_700_000_000_123_u64)),
        Just(json_value(vec!["ann", ""])),
        Just(json_value(vec!["ann"])),
        Just(serde_json::json!({"RoomId": "r"})),
        any::<u64>().prop_map(json_value),
        any::<String>().prop_map(json_value),
    ];
    let names = vec![
        "RoomId",
        "RoomInfo",
        "MemberCount",
        "Type",
        "MemberList_Account",
        "EventTime",
        "event",
        "action",
        "user_id",
    ];
    let object = prop::collection::hash_map(prop::sample::select(names), value, 0..9);
    let object = object.prop_map(|fields| serde_json::to_vec(&fields).unwrap());
    let body = prop_oneof![any::<Vec<u8>>(), object];
    let commands = vec![
        "",
        "&CallbackCommand=Room.CallbackAfterCreateRoom",
        "&CallbackCommand=Room.CallbackAfterDestroyRoom",
        "&CallbackCommand=Room.CallbackAfterMemberEnter",
        "&CallbackCommand=Room.CallbackAfterMemberLeave",
    ];
    let known = prop::sample::select(commands)
        .prop_map(|command| format!("SdkAppid={UNSIGNED_APP}{command}"));
    let query = prop_oneof![known, "[!$-;=?-Z_a-z%~]{0,60}"];
    (query, body)
}

fn json_value(value: impl Into<serde_json::Value>) -> serde_json::Value {
    value.into()
}

#[test]
fn no_request_is_answered_with_a_5xx() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (service, client) = runtime.block_on(async {
        let service = Service::start().await;
        let client = service.connect().await;
        (service, client)
    });
    let client = Arc::new(tokio::sync::Mutex::new(client));
    let run = TestRunner::default().run(&odd_request(), |(query, body)| {
        for path in [TENCENT, ZIM, PATH] {
            let path = format!("{path}?{query}");
            let answer = runtime.block_on(async {
                let request = to(&path, body.clone());
                client.lock().await.send(request).await
            });
            prop_assert!(answer.status.as_u16() < 500, "{answer:?}");
            let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            prop_assert_eq!(
                said.get("ActionStatus").is_some(),
                path.starts_with(TENCENT)
            );
        }
        Ok(())
    });
    run.unwrap();
    assert!(
        service.taken_of("tencent_room", Outcome::Undecodable) > 0,
        "some come as far as the decoder"
    );
}
