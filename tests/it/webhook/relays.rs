//! What relays, load balancers and consoles make of requests: slashes, encodings, probes, and
//! times in other units. Each is answered in a way that says what to mend.

use std::time::Duration;

use headcount::{
    net::Caller,
    providers::Offset,
    webhook::{Reason, WebhookSettings},
};
use http::{HeaderValue, Method, StatusCode, header};
use tokio_test::{assert_pending, task};

use super::service::*;

const LOGIN: &str = r#""event":"room_login","room_id":"r","room_seq":"1","user_account":"ann""#;

#[tokio::test]
async fn a_slash_more_makes_no_other_path() {
    let service = Service::start().await;
    for path in [
        "/webhooks/zego/",
        "//webhooks/zego",
        "/webhooks//zego",
        "/webhooks//zego//",
    ] {
        let request = request(Method::POST, path, full(signed("1", LOGIN)));
        service.send(request).await.assert_outcome("accepted");
    }
    let other = request(Method::POST, "/webhooks/zegos", full("{}"));
    let answer = service.send(other).await;
    answer.assert_refused(404, Reason::NotFound, "no callbacks");
}

#[tokio::test]
async fn load_balancers_are_told_how_the_front_is() {
    let service = Service::start().await;
    let probe = async |method: Method| {
        let answer = service.send(request(method, "/healthz/", full(""))).await;
        (answer.status.as_u16(), answer.body)
    };
    assert_eq!(probe(Method::GET).await, (200, "ok".into()));
    assert_eq!(probe(Method::HEAD).await, (200, String::new()));
    assert_eq!(probe(Method::POST).await.0, 405);
    service.ready.set(false);
    assert_eq!(probe(Method::GET).await, (503, "starting".into()));
    assert_eq!(probe(Method::HEAD).await, (503, String::new()));
    // A probe is no refused callback.
    assert_eq!(service.refused(Reason::NotReady), 0);
}

/// A service that is not ready, for which a callback waits for so long.
async fn starting(start_wait: Duration) -> Service {
    let service = Service::start_with(WebhookSettings {
        start_wait,
        ..settings()
    })
    .await;
    service.ready.set(false);
    service
}

#[tokio::test]
async fn a_callback_waits_for_a_service_that_starts() {
    let service = starting(NEVER).await;
    let callback = post(signed("1", LOGIN));
    let caller = Caller::unknown();
    let mut waiting = task::spawn(service.front.answer(callback, &caller, false));
    assert_pending!(waiting.poll());
    assert_eq!(service.journalled(), 0);
    service.ready.set(true);
    assert!(waiting.is_woken());
    Answer::of(waiting.await).await.assert_outcome("accepted");
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_waited_too_long_is_refused() {
    let start_wait = Duration::from_secs(1);
    let service = starting(start_wait).await;
    let callback = post(signed("1", LOGIN));
    let caller = Caller::unknown();
    let mut waiting = task::spawn(service.front.answer(callback, &caller, false));
    assert_pending!(waiting.poll());
    tokio::time::advance(start_wait).await;
    let answer = Answer::of(waiting.await).await;
    answer.assert_refused(503, Reason::NotReady, "starting");
    assert_eq!(service.journalled(), 0);
}

#[tokio::test]
async fn an_encoding_or_a_type_that_is_not_taken_is_named() {
    let service = Service::start().await;
    let send = async |name, value: &'static str, body: &str| {
        let mut request = post(body.to_owned());
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
        service.send(request).await
    };
    let json = signed("1", LOGIN);
    let rows = [
        (header::CONTENT_ENCODING, "gzip", "x"),
        (
            header::CONTENT_TYPE,
            "multipart/form-data; boundary=x",
            "--x\r\nname=\"a\"",
        ),
        (header::CONTENT_TYPE, "application/xml", "<a/>"),
    ];
    for (name, value, body) in rows {
        let named = value.split(';').next().unwrap();
        let answer = send(name, value, body).await;
        answer.assert_refused(415, Reason::UnsupportedMediaType, named);
    }
    // What can be read is taken, whatever it is called.
    for value in [
        "application/json; charset=utf-8",
        "text/plain",
        "text/xml",
        "image/png",
    ] {
        let answer = send(header::CONTENT_TYPE, value, &json).await;
        answer.assert_outcome("accepted");
    }
    let answer = send(header::CONTENT_ENCODING, "identity", &json).await;
    answer.assert_outcome("accepted");
    let answer = send(header::CONTENT_TYPE, "application/json", "<a/>").await;
    answer.assert_refused(400, Reason::MalformedBody, "the body is");
}

#[tokio::test]
async fn a_time_in_another_unit_is_taken_with_a_word() {
    let service = Service::start().await;
    let rows = [
        ("1700000000", "before the receipt", 1, 0),
        ("1700000000000000", "after the receipt", 1, 1),
        ("1640995200000", "before the receipt", 2, 1),
    ];
    for (time, word, late, early) in rows {
        let login = format!(r#"{LOGIN},"login_time":"{time}""#);
        let answer = service.post(signed(time, &login)).await;
        assert_eq!(answer.status, StatusCode::OK);
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["outcome"], "accepted");
        let message = body["message"].as_str().unwrap();
        assert!(
            message.starts_with("login_time is ") && message.contains(word),
            "{message}"
        );
        let metrics = service
            .metrics
            .product(headcount::domain::ProductName::new("zego_room"));
        let counted = [Offset::Before, Offset::After]
            .map(|off| metrics.untimely(off(std::time::Duration::ZERO)).get());
        assert_eq!(counted, [late, early], "{time}");
    }
    let on_time = format!(r#"{LOGIN},"login_time":"{NOW}000""#);
    service
        .post(signed("1", &on_time))
        .await
        .assert_outcome("accepted");
    // What ended long ago is the rule of a logout's login time, not of the logout.
    let logout = LOGIN.replace("room_login", "room_logout");
    let logout = format!(r#"{logout},"login_time":"1640995200000","logout_time":"{NOW}000""#);
    service
        .post(signed("2", &logout))
        .await
        .assert_outcome("accepted");
}

#[tokio::test]
async fn an_app_that_is_missing_is_not_an_app_that_is_unknown() {
    let service = Service::start().await;
    let body = signed("1", LOGIN);
    let missing = body.replacen(r#""appid":1,"#, "", 1);
    let answer = service.post(missing).await;
    answer.assert_refused(401, Reason::UnknownApp, "appid is missing");
    let unknown = body.replacen(r#""appid":1,"#, r#""appid":2,"#, 1);
    let answer = service.post(unknown).await;
    answer.assert_refused(401, Reason::UnknownApp, "appid is not the id of");

    let tencent = async |path: &str, body: &str, header: bool| {
        let mut request = request(Method::POST, path, full(body.to_owned()));
        if header {
            let id = HeaderValue::from_static("1400000000");
            request.headers_mut().insert("SdkAppId", id);
        }
        let answer = service.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
        answer.body
    };
    let told = tencent("/webhooks/tencent", "{}", false).await;
    assert!(told.contains("SdkAppid is missing"), "{told}");
    let told = tencent("/webhooks/tencent?SdkAppid=1", "{}", false).await;
    assert!(told.contains("SdkAppid is not the id of"), "{told}");
    let rtc = r#"{"EventGroupId":1,"EventType":103,"CallbackTs":1687770731932,"EventInfo":{}}"#;
    let told = tencent("/webhooks/tencent", rtc, true).await;
    assert!(
        told.contains("events of Tencent RTC, which are not taken"),
        "{told}"
    );
}

#[tokio::test]
async fn a_stale_signature_is_told_how_far_off_it_is() {
    let service = Service::start().await;
    let answer = service.post(signed_at(NOW - 3_723, "1", LOGIN)).await;
    answer.assert_refused(401, Reason::SignatureStale, "1h 2m 3s before");
    let answer = service.post(signed_at(NOW + 3_723, "2", LOGIN)).await;
    answer.assert_refused(503, Reason::ClockUncertain, "1h 2m 3s after");
}
