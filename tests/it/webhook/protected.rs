//! Who may send at all: by address, by what proxies say, by rate, and by the secret in the path.

use std::num::NonZeroU32;

use headcount::{
    domain::Outcome,
    webhook::{Protection, Reason, WebhookSettings},
};
use http::{HeaderValue, Method, Request, header};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{events::LOGIN, service::*};

const VENDOR: &str = "203.0.113.7";
const OTHER: &str = "198.51.100.9";
const PATH_SECRET: &str = "Zm9vYmFyLWJhei1x";

/// Only the vendor may send, by a proxy on this machine.
fn proxied() -> Protection {
    Protection {
        allow: "203.0.113.0/24".parse().unwrap(),
        proxies: "127.0.0.0/8".parse().unwrap(),
        ..Protection::default()
    }
}

fn secret_path() -> Protection {
    Protection {
        path_secrets: Some(
            [PATH_SECRET, "the-old-secret-of-before"]
                .map(Into::into)
                .into_iter()
                .collect(),
        ),
        ..Protection::default()
    }
}

fn login_from(client: &str) -> Request<AnyBody> {
    let mut request = post(signed("1", LOGIN));
    let client = HeaderValue::from_str(client).unwrap();
    request.headers_mut().insert("x-forwarded-for", client);
    request
}

/// The part of an answer up to its body, which does not come before the request's, if any is read.
async fn answered_without_body(service: &Service, head: &str) -> String {
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn who_is_not_allowed_is_refused_before_the_body_is_read() {
    let service = Service::start_protected(Protection {
        allow: "203.0.113.0/24".parse().unwrap(),
        ..Protection::default()
    })
    .await;
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n");
    // The connection closes, and no byte of the body was sent.
    let answer = answered_without_body(&service, &head).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    let answer = service.post(signed("1", LOGIN)).await;
    answer.assert_refused(403, Reason::NotAllowed, "may not send");
    // Nobody but a proxy is believed.
    let answer = service.send(login_from(VENDOR)).await;
    answer.assert_refused(403, Reason::NotAllowed, "may not send");
    assert_eq!(service.refused(Reason::NotAllowed), 3);
    assert_eq!(service.journalled(), 0);
    let healthy = request(Method::GET, "/healthz", full(""));
    assert_eq!(
        service.send(healthy).await.status,
        200,
        "load balancers ask"
    );
}

#[tokio::test]
async fn a_proxy_speaks_for_its_clients() {
    let service = Service::start_protected(proxied()).await;
    service
        .send(login_from(VENDOR))
        .await
        .assert_outcome("accepted");
    let forged = format!("{VENDOR}, {OTHER}");
    for client in [OTHER, &forged, "unknown", ""] {
        let answer = service.send(login_from(client)).await;
        answer.assert_refused(403, Reason::NotAllowed, "may not send");
    }
    let mut disputed = login_from(VENDOR);
    let other = HeaderValue::from_static("for=198.51.100.9");
    disputed.headers_mut().insert(header::FORWARDED, other);
    let answer = service.send(disputed).await;
    answer.assert_refused(403, Reason::NotAllowed, "disagree");
    let address = service.refusals.recent()[0].address;
    assert_eq!(
        address,
        Some([127, 0, 0, 1].into()),
        "the proxy hides its client"
    );
}

#[tokio::test]
async fn a_sender_who_seems_to_be_the_proxy_by_a_dispute_is_not_allowed() {
    let mut protection = proxied();
    protection.allow = "203.0.113.0/24,127.0.0.1".parse().unwrap();
    let service = Service::start_protected(protection).await;
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    let mut disputed = login_from(OTHER);
    let unread = HeaderValue::from_static("for=unknown");
    disputed.headers_mut().insert(header::FORWARDED, unread);
    let answer = service.send(disputed).await;
    answer.assert_refused(403, Reason::NotAllowed, "disagree");
}

#[tokio::test]
async fn each_address_has_a_rate_of_its_own_also_behind_a_proxy() {
    let service = Service::start_protected(Protection {
        proxies: "127.0.0.1".parse().unwrap(),
        requests_per_second_max: NonZeroU32::new(1),
        ..Protection::default()
    })
    .await;
    let mut client = service.connect().await;
    for address in [VENDOR, OTHER, "2001:db8::1"] {
        client
            .send(login_from(address))
            .await
            .assert_outcome("accepted");
    }
    for address in [VENDOR, "203.0.113.7:99", "2001:db8::2"] {
        // Its `Retry-After` is checked too.
        let answer = client.send(login_from(address)).await;
        answer.assert_refused(429, Reason::RateLimited, "more than 1 requests a second");
    }
    assert_eq!(service.refused(Reason::RateLimited), 3);
    service.front.replace_protection(Protection::default());
    client
        .send(login_from(VENDOR))
        .await
        .assert_outcome("accepted");
}

#[tokio::test]
async fn callbacks_are_taken_below_the_secret_alone() {
    let service = Service::start_protected(secret_path()).await;
    let at = |path: String| request(Method::POST, &path, full(signed("1", LOGIN)));
    for path in [
        format!("/{PATH_SECRET}{PATH}"),
        format!("/{PATH_SECRET}{PATH}/"),
        format!("//{PATH_SECRET}/{PATH}"),
        format!("/the-old-secret-of-before{PATH}"),
    ] {
        service.send(at(path)).await.assert_outcome("accepted");
    }
    let lower = PATH_SECRET.to_lowercase();
    for path in [
        PATH.to_owned(),
        format!("/{PATH_SECRET}"),
        format!("/{PATH_SECRET}/"),
        format!("/{PATH_SECRET}/nowhere"),
        format!("/{PATH_SECRET}/healthz"),
        format!("/{PATH_SECRET}/{PATH_SECRET}{PATH}"),
        format!("/{PATH_SECRET}x{PATH}"),
        format!("/{}{PATH}", &PATH_SECRET[1..]),
        format!("/{lower}{PATH}"),
        format!("/x/{PATH_SECRET}{PATH}"),
        format!("{PATH}/{PATH_SECRET}"),
        format!("{PATH}?{PATH_SECRET}"),
        format!("/{PATH_SECRET}/..{PATH}"),
    ] {
        let answer = service.send(at(path.clone())).await;
        answer.assert_refused(404, Reason::NotFound, "no callbacks are taken here");
        assert!(!format!("{answer:?}").contains(PATH_SECRET), "{answer:?}");
    }
    let noted = serde_json::to_string(&service.refusals.recent()).unwrap();
    assert!(
        !noted.contains(PATH_SECRET) && noted.contains("(not shown)"),
        "{noted}"
    );
    assert_eq!(service.taken(Outcome::Accepted), 4);
}

#[tokio::test]
async fn what_holds_of_a_callback_holds_below_the_secret() {
    let service = Service::start_protected(secret_path()).await;
    let path = format!("/{PATH_SECRET}{PATH}");
    let mut compressed = request(Method::POST, &path, full("x"));
    let gzip = HeaderValue::from_static("gzip");
    compressed
        .headers_mut()
        .insert(header::CONTENT_ENCODING, gzip);
    let answer = service.send(compressed).await;
    answer.assert_refused(415, Reason::UnsupportedMediaType, "gzip");
    let answer = service.send(request(Method::GET, &path, full(""))).await;
    answer.assert_refused(405, Reason::MethodNotAllowed, "POST");
    let tencent = format!("/{PATH_SECRET}/webhooks/tencent?SdkAppid=1");
    let answer = service
        .send(request(Method::POST, &tencent, full("{}")))
        .await;
    assert!(answer.body.contains("ErrorInfo"), "{answer:?}");
    assert_eq!(service.refusals.recent()[0].path, "/webhooks/tencent");
    let healthy = request(Method::GET, "/healthz", full(""));
    assert_eq!(service.send(healthy).await.status, 200);
}

#[tokio::test]
async fn a_refusal_is_noted_with_all_that_an_operator_needs() {
    let service = Service::start_protected(proxied()).await;
    let mut wrong = login_from(VENDOR);
    *wrong.body_mut() = full(signed("1", LOGIN).replace("\"appid\":1", "\"appid\":31337"));
    let id = HeaderValue::from_static("id-of-the-sender");
    wrong.headers_mut().insert("x-request-id", id);
    let answer = service.send(wrong).await;
    answer.assert_refused(401, Reason::UnknownApp, "");
    assert_eq!(answer.headers["x-request-id"], "id-of-the-sender");
    let recent = service.refusals.recent();
    let [refusal] = &recent[..] else {
        panic!("{recent:?}");
    };
    assert_eq!((refusal.front, refusal.reason), ("webhook", "unknown_app"));
    assert_eq!(refusal.product, Some("zego_room"));
    assert_eq!(refusal.app_id.as_deref(), Some("31337"));
    assert_eq!(refusal.address, Some(VENDOR.parse().unwrap()));
    assert_eq!(refusal.path, PATH);
    assert_eq!(refusal.request_id, "id-of-the-sender");
    assert_eq!((refusal.time.as_millis(), refusal.count), (NOW * 1000, 1));
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let service = Service::start().await;
    let mut client = service.connect().await;
    let mut ids = std::collections::HashSet::new();
    for request in [
        post(signed("1", LOGIN)),
        post("{}"),
        request(Method::POST, "/nowhere", full("")),
        request(Method::GET, "/healthz", full("")),
    ] {
        let answer = client.send(request).await;
        let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 16, "{id}");
        assert!(ids.insert(id), "each is another");
    }
}

#[tokio::test]
async fn the_connections_of_proxies_have_no_share_of_an_address() {
    const OPEN: usize = 8;
    for is_proxy in [true, false] {
        let protection = Protection {
            proxies: if is_proxy { "127.0.0.1" } else { "" }.parse().unwrap(),
            ..Protection::default()
        };
        let service = Service::start_with_protection(
            WebhookSettings {
                connections_per_address_max: 2,
                ..settings()
            },
            protection,
        )
        .await;
        let mut clients = Vec::new();
        for _ in 0..OPEN {
            let mut client = service.connect().await;
            let healthy = request(Method::GET, "/healthz", full(""));
            assert_eq!(client.send(healthy).await.status, 200);
            clients.push(client);
        }
        let displaced = service.metrics.connections.displaced.get();
        assert_eq!(displaced as usize, if is_proxy { 0 } else { OPEN - 2 });
    }
}
