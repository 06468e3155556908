//! What is refused, and why.

use std::sync::atomic::Ordering::SeqCst;

use headcount::{
    domain::Outcome,
    net::Caller,
    webhook::{NonceReuse, Reason, WebhookSettings},
};
use http::{Method, header};

use super::{
    events::{IGNORED, LOGIN, LOGOUT, UNDECODABLE},
    service::*,
};

#[tokio::test]
async fn a_body_that_is_no_object_is_400() {
    let service = Service::start().await;
    for body in [
        &b""[..],
        b"hello",
        b"[]",
        b"\"text\"",
        b"{",
        b"{\"a\":\xff}",
        b"\xff",
    ] {
        let answer = service.post(body).await;
        answer.assert_refused(400, Reason::MalformedBody, "the body is");
    }
    assert_eq!(
        (service.refused(Reason::MalformedBody), service.journalled()),
        (7, 0)
    );
}

#[tokio::test]
async fn a_callback_that_is_not_authentic_is_401_whatever_it_says() {
    let service = Service::start().await;
    let window = settings().freshness_window.as_secs();
    for event in [LOGIN, IGNORED, UNDECODABLE] {
        let signed = signed("1", event);
        let rows = [
            (
                signed.replace("signature", "sig"),
                Reason::SignatureMissing,
                "signature",
            ),
            (
                signed.replace("nonce", "n"),
                Reason::SignatureMissing,
                "nonce",
            ),
            (
                signed.replace(r#""nonce":"1""#, r#""nonce":"2""#),
                Reason::SignatureWrong,
                "signature",
            ),
            (
                signed_at(NOW - window - 1, "1", event),
                Reason::SignatureStale,
                "timestamp",
            ),
            (
                signed.replace(r#""appid":1"#, r#""appid":2"#),
                Reason::UnknownApp,
                "appid",
            ),
        ];
        for (body, reason, word) in rows {
            let before = service.refused(reason);
            service.post(body).await.assert_refused(401, reason, word);
            assert_eq!(service.refused(reason), before + 1);
        }
    }
    assert_eq!(service.journalled(), 0);
    service
        .post(signed_at(NOW - window, "1", LOGIN))
        .await
        .assert_outcome("accepted");
}

/// If a vendor's clock is ahead of this one, this one may be behind: then the vendor should send the
/// callback again.
#[tokio::test]
async fn a_signature_of_the_future_is_503() {
    let service = Service::start().await;
    let later = NOW + settings().freshness_window.as_secs() + 1;
    for (signed_at, word) in [(later, "10m 1s after"), (NOW - 3_600, "1h before")] {
        let answer = service.post(self::signed_at(signed_at, "1", LOGIN)).await;
        answer.assert_refused(503, Reason::ClockUncertain, word);
    }
    assert_eq!(service.refused(Reason::ClockUncertain), 2);
    assert_eq!(service.journalled(), 0);
    service
        .post(signed("2", LOGIN))
        .await
        .assert_outcome("accepted");
}

#[tokio::test]
async fn a_signature_with_other_events_is_counted_by_default() {
    let service = Service::start().await;
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    service
        .post(signed("1", &format!(r#""new":1,{LOGIN}"#)))
        .await
        .assert_outcome("accepted");
    assert_eq!(service.metrics.nonce_reuse.get(), 0, "a retry written anew");
    service
        .post(signed("1", LOGOUT))
        .await
        .assert_outcome("accepted");
    assert_eq!(service.metrics.nonce_reuse.get(), 1);
    assert_eq!(service.journalled(), 3);
}

#[tokio::test]
async fn a_signature_with_other_events_is_401_if_so_configured() {
    let nonce_reuse = NonceReuse::Refuse;
    let service = Service::start_with(WebhookSettings {
        nonce_reuse,
        ..settings()
    })
    .await;
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    service
        .post(signed("1", LOGOUT))
        .await
        .assert_refused(401, Reason::NonceReused, "nonce");
    service
        .post(signed("1", UNDECODABLE))
        .await
        .assert_refused(401, Reason::NonceReused, "nonce");
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    service
        .post(signed("2", LOGOUT))
        .await
        .assert_outcome("accepted");
    assert_eq!(
        (service.journalled(), service.metrics.nonce_reuse.get()),
        (3, 2)
    );
}

#[tokio::test]
async fn a_signature_of_an_event_of_no_use_signs_nothing_else() {
    let service = Service::start_with(WebhookSettings {
        nonce_reuse: NonceReuse::Refuse,
        ..settings()
    })
    .await;
    let said = r#""event":"stream_create","stream":{"id":"s","n":[1]},"at":7"#;
    let again = r#""at":"7","stream": {"id": "s", "n": [1]},"event":"stream_create","x":null"#;
    for said in [said, again, said] {
        let answer = service.post(signed("1", said)).await;
        answer.assert_outcome("ignored");
    }
    assert_eq!(service.metrics.nonce_reuse.get(), 0);
    for other in [
        LOGIN,
        UNDECODABLE,
        IGNORED,
        r#""event":"stream_close","stream":{"id":"s","n":[1]},"at":7"#,
        r#""event":"stream_create","stream":{"id":"t","n":[1]},"at":7"#,
    ] {
        let answer = service.post(signed("1", other)).await;
        answer.assert_refused(401, Reason::NonceReused, "nonce");
    }
    // The other way round, and on the other path.
    service
        .post(signed("2", LOGIN))
        .await
        .assert_outcome("accepted");
    for path in [PATH, "/webhooks/zim"] {
        let body = full(signed("2", IGNORED));
        let answer = service.send(request(Method::POST, path, body)).await;
        answer.assert_refused(401, Reason::NonceReused, "nonce");
    }
    assert_eq!(service.journalled(), 1);
}

#[tokio::test]
async fn what_cannot_be_decoded_is_compared_by_what_it_says() {
    let service = Service::start_with(WebhookSettings {
        nonce_reuse: NonceReuse::Refuse,
        ..settings()
    })
    .await;
    let again = r#""room_seq":1,"room_id":"r","event":"room_login""#;
    for said in [UNDECODABLE, again] {
        let answer = service.post(signed("1", said)).await;
        answer.assert_outcome("undecodable");
    }
    // The same is wrong with it, but it is of another room.
    let other = UNDECODABLE.replace(r#""r""#, r#""s""#);
    for other in [&*other, LOGIN, IGNORED] {
        let answer = service.post(signed("1", other)).await;
        answer.assert_refused(401, Reason::NonceReused, "nonce");
    }
}

#[tokio::test]
async fn an_id_that_is_too_long_is_undecodable() {
    let service = Service::start().await;
    let long = LOGIN.replace(r#""r""#, &format!(r#""{}""#, "r".repeat(1025)));
    let answer = service.post(signed("1", &long)).await;
    answer.assert_outcome("undecodable");
    assert!(answer.body.contains("room_id is longer"), "{answer:?}");
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let service = Service::start().await;
    for path in ["/", "/webhooks", "/webhooks/ZEGO", "/webhooks/zego/x"] {
        let answer = service.send(request(Method::POST, path, full("{}"))).await;
        answer.assert_refused(404, Reason::NotFound, "here");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = service.send(request(method, PATH, full(""))).await;
        answer.assert_refused(405, Reason::MethodNotAllowed, "POST");
        assert_eq!(answer.header(header::ALLOW), Some("POST"));
    }
}

#[tokio::test]
async fn a_journal_without_room_is_503_and_says_which_limit_there_is() {
    let service = Service::start_on(settings(), Store::Full).await;
    let answer = service.post(signed("1", LOGIN)).await;
    answer.assert_refused(503, Reason::Unavailable, "journal.bytes_max");
}

#[tokio::test]
async fn a_journal_that_fails_is_503_so_that_the_vendor_sends_again() {
    let service = Service::start_on(settings(), Store::Fails).await;
    for event in [LOGIN, UNDECODABLE] {
        let answer = service.post(signed("1", event)).await;
        answer.assert_refused(503, Reason::Unavailable, "durable");
        assert!(!answer.body.contains("disk"), "{answer:?}");
    }
    service
        .post(signed("3", IGNORED))
        .await
        .assert_outcome("ignored");
    assert_eq!(service.taken(Outcome::Accepted), 0);
}

#[tokio::test]
async fn before_it_is_ready_everything_is_503() {
    let service = Service::start().await;
    service.ready.set(false);
    service
        .post(signed("1", LOGIN))
        .await
        .assert_refused(503, Reason::NotReady, "starting");
    let answer = service.send(request(Method::GET, "/", full(""))).await;
    answer.assert_refused(503, Reason::NotReady, "starting");
    service.ready.set(true);
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    assert_eq!(service.journalled(), 1);
}

#[tokio::test]
async fn a_callback_for_which_there_is_no_room_is_503_before_it_is_journalled() {
    let service = Service::start().await;
    service.room.is_full.store(true, SeqCst);
    let answer = service.post(signed("1", LOGIN)).await;
    answer.assert_refused(503, Reason::RosterFull, "roster.users_max");
    assert_eq!(answer.headers[header::RETRY_AFTER], "1");
    assert!(answer.body.contains("arena"), "{}", answer.body);
    assert_eq!(
        (service.refused(Reason::RosterFull), service.journalled()),
        (1, 0)
    );
    service
        .post(signed("2", IGNORED))
        .await
        .assert_outcome("ignored");
    service.room.is_full.store(false, SeqCst);
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
}

#[tokio::test]
async fn room_is_held_until_the_callback_is_applied_or_refused() {
    let service = Service::start().await;
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    let held = |service: &Service| {
        let Room { held, all_held, .. } = &*service.room;
        (held.load(SeqCst), all_held.load(SeqCst))
    };
    assert_eq!(held(&service), (0, 7));
    let service = Service::start_on(settings(), Store::Fails).await;
    let answer = service.post(signed("1", LOGIN)).await;
    answer.assert_refused(503, Reason::Unavailable, "durable");
    assert_eq!(held(&service), (0, 7));
    let (entered, mut entries) = tokio::sync::mpsc::unbounded_channel();
    let go = tokio::sync::Notify::new();
    let service = Service::start_on(settings(), Store::Holds { held: entered, go }).await;
    let mut client = service.connect().await;
    let sent = tokio::spawn(async move { client.send(post(signed("1", LOGIN))).await });
    soon(entries.recv()).await.unwrap();
    assert_eq!(held(&service), (7, 7));
    let Store::Holds { go, .. } = &service.journal.store else {
        unreachable!()
    };
    go.notify_one();
    sent.await.unwrap().assert_outcome("accepted");
    assert_eq!(held(&service), (0, 7));
}

#[tokio::test]
async fn a_sender_who_gives_up_gives_back_no_room_while_the_callback_waits() {
    let settings = WebhookSettings {
        requests_max: 1,
        ..settings()
    };
    let (service, mut entries) = Service::start_holding(settings).await;
    let caller = Caller::unknown();
    {
        let answer = service
            .front
            .answer(post(signed("1", LOGIN)), &caller, false);
        tokio::select! {
            answer = answer => panic!("{answer:?}"),
            _ = soon(entries.recv()) => {}
        }
    }
    assert_eq!(service.room.held.load(SeqCst), 7);
    let refused = service.post(signed("2", LOGIN)).await;
    refused.assert_refused(503, Reason::Overloaded, "too many requests");
    service.let_go();
    while service.room.held.load(SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    service.let_go();
    service
        .post(signed("3", LOGIN))
        .await
        .assert_outcome("accepted");
}
