//! What is taken in, and what is kept of it.

use std::sync::atomic::Ordering::SeqCst;

use headcount::{
    domain::{Decoded, Outcome, ProductName, Time},
    journal::{Entry, Payload},
    providers::zego,
    webhook::{Reason, WebhookSettings},
};
use http::Method;

use super::{
    events::{IGNORED, LOGIN, UNDECODABLE},
    service::*,
};

#[tokio::test]
async fn an_accepted_callback_is_durable_and_visible_before_the_answer() {
    let service = Service::start().await;
    let body = signed("1", LOGIN);
    service.post(body.clone()).await.assert_outcome("accepted");

    assert_eq!(service.taken(Outcome::Accepted), 1);
    assert_eq!(service.visible.0.load(SeqCst), 1);
    let entries = service.journal.entries.lock();
    assert_eq!(
        entries[0].received_at,
        Time::from_millis(NOW * 1000).unwrap()
    );
    let Payload::Callback(callback) = &entries[0].payload else {
        panic!("{entries:?}");
    };
    assert_eq!(callback.app.as_str(), "arena");
    assert_eq!(callback.product, ProductName::new("zego_room"));
    assert_eq!(callback.body, body);
    assert!(matches!(&*callback.decoded, Decoded::Room(events) if events.len() == 1));
}

#[tokio::test]
async fn every_spelling_is_accepted_and_kept_as_it_came() {
    let service = Service::start().await;
    let json = signed("1", LOGIN);
    let percent = percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC);
    let signature = zego::sign(SECRET, &NOW.to_string(), "1");
    let form = format!(
        "appid=1&timestamp={NOW}&nonce=1&signature={signature}&event=room_login&room_id=r&room_seq=1\
         &user_account=ann&user_nickname=100%25+%2B+ann&login_time=1700000000000"
    );
    for body in [json.clone(), percent.to_string(), form] {
        service.post(body.clone()).await.assert_outcome("accepted");
        let Payload::Callback(callback) = service.journal.entries.lock().pop().unwrap().payload
        else {
            panic!("not a callback");
        };
        assert_eq!(callback.body, body);
    }
    assert_eq!(service.metrics.nonce_reuse.get(), 0, "they say the same");
}

#[tokio::test]
async fn the_query_is_kept() {
    let service = Service::start().await;
    let path = format!("{PATH}?a=1&B=%20");
    let answer = service
        .send(request(Method::POST, &path, full(signed("1", LOGIN))))
        .await;
    answer.assert_outcome("accepted");
    let Payload::Callback(callback) = service.journal.entries.lock().pop().unwrap().payload else {
        panic!("not a callback");
    };
    assert_eq!(&*callback.query, "a=1&B=%20");
}

#[tokio::test]
async fn events_of_no_use_are_acknowledged_and_not_kept() {
    let service = Service::start().await;
    service
        .post(signed("1", IGNORED))
        .await
        .assert_outcome("ignored");
    service
        .post(signed("2", r#""event":"other""#))
        .await
        .assert_outcome("ignored");
    assert_eq!(
        (service.taken(Outcome::Ignored), service.journalled()),
        (2, 0)
    );
    assert_eq!(service.metrics.nonce_reuse.get(), 0);
}

#[tokio::test]
async fn an_undecodable_callback_is_kept_without_effect_and_told() {
    let service = Service::start().await;
    let answer = service.post(signed("1", UNDECODABLE)).await;
    answer.assert_outcome("undecodable");
    assert!(
        answer.body.contains("user_account is missing"),
        "{answer:?}"
    );
    assert_eq!(service.taken(Outcome::Undecodable), 1);
    let entries = service.journal.entries.lock();
    let [
        Entry {
            payload: Payload::Callback(callback),
            ..
        },
    ] = &entries[..]
    else {
        panic!("{entries:?}");
    };
    assert!(matches!(&*callback.decoded, Decoded::Undecodable { .. }));
}

#[tokio::test]
async fn undecodable_callbacks_above_the_budget_of_the_hour_are_answered_alike_and_not_kept() {
    let bytes = signed("1", UNDECODABLE).len() as u64;
    let service = Service::start_with(WebhookSettings {
        undecodable_bytes_max: 2 * bytes,
        ..settings()
    })
    .await;
    for (number, kept) in [(1, 1), (2, 2), (3, 2), (4, 2)] {
        let answer = service.post(signed(&number.to_string(), UNDECODABLE)).await;
        answer.assert_outcome("undecodable");
        assert!(answer.body.contains("user_account is missing"));
        assert_eq!(service.journalled(), kept);
        assert_eq!(service.taken(Outcome::Undecodable), number);
        assert_eq!(service.dropped("zego_room"), number - kept as u64);
    }
    // What can be decoded is kept, and what another product sends has a budget of its own.
    let login = service.post(signed("5", LOGIN)).await;
    login.assert_outcome("accepted");
    let path = "/webhooks/zim";
    let user = full(signed("6", r#""event":"user_action""#));
    let answer = service.send(request(Method::POST, path, user)).await;
    answer.assert_outcome("undecodable");
    assert_eq!(service.journalled(), 4);
    assert_eq!(service.dropped("zim_presence"), 0);
}

#[tokio::test]
async fn undecodable_callbacks_of_unknown_apps_take_nothing_of_the_journal() {
    let service = Service::start_with(WebhookSettings {
        undecodable_bytes_max: 0,
        ..settings()
    })
    .await;
    let unknown = signed("1", UNDECODABLE).replace(r#""appid":1"#, r#""appid":2"#);
    let answer = service.post(unknown).await;
    answer.assert_refused(401, Reason::UnknownApp, "appid");
    assert_eq!((service.journalled(), service.dropped("zego_room")), (0, 0));
}
