//! No line of any level has a secret, a token or a part of a body in it.

use serde_json::Value;
use tonic::Code;

use super::{client, post, send, users_of};
use crate::common::child::{Site, TENCENT_APP, now, tencent, zego};

/// What is in everything that no line may have.
const PLANTED: &str = "PLANTED";

const PATH_SECRET: &str = "path-secret.PLANTED_1";
const TOKEN: &str = "token-of-game-servers-PLANTED";
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJQTEFOVEVEIjoxfQ.PLANTED-jwt";

/// A server that logs all that there is, with secrets of every kind.
fn site() -> Site {
    let site = Site::new("");
    site.write("path.secret", &format!("{PATH_SECRET}\n"));
    site.write("game.token", TOKEN);
    site.configure(
        "webhook = {",
        "webhook = { path_secret_file = \"path.secret\",",
    );
    site.configure(
        "grpc = {",
        "grpc = { tokens = [{ name = \"game\", token_file = \"game.token\", apps = [\"demo\"] }],",
    );
    site.configure(
        "[journal]",
        "[log]\nfilter = \"trace,h2=trace,hyper=trace\"\n[journal]",
    );
    site.configure(
        "tencent = { sdk_app_id = 1400000000 }",
        "tencent = { sdk_app_id = 1400000000, callback_token = \"tencent-PLANTED\" }",
    );
    site
}

#[tokio::test]
async fn nothing_secret_is_in_any_line() {
    let site = site();
    let mut process = site.start().await;
    let login = zego(("lobby", 1), ("ann", "7"), now(), None);
    let body = login
        .body
        .replace("\"user_nickname\":\"ann\"", "\"user_nickname\":\"PLANTED\"");
    let ignored = login.body.replace("room_login", "stream_create");
    let unsigned = tencent("lobby", "PLANTED-user", now(), true);
    let signature = serde_json::from_str::<Value>(&login.body).unwrap()["signature"].clone();
    let signature = signature.as_str().unwrap();

    let zego = format!("/{PATH_SECRET}/webhooks/zego");
    let requests = [
        (zego.clone(), body.clone(), 200),
        (zego.clone(), ignored, 200),
        (
            zego.clone(),
            body.replace(signature, "PLANTED-signature"),
            401,
        ),
        (zego.clone(), "{PLANTED".to_owned(), 400),
        (format!("{zego}?token=PLANTED"), "PLANTED".to_owned(), 400),
        (
            format!("/{PATH_SECRET}/webhooks/tencent?SdkAppid=1400000000&Sign=PLANTED"),
            unsigned.body,
            401,
        ),
        (format!("/{PATH_SECRET}"), body.clone(), 404),
        (format!("/{PATH_SECRET}/{PATH_SECRET}"), body.clone(), 404),
        (format!("/x/{PATH_SECRET}/webhooks/zego"), body.clone(), 404),
        (
            format!("/{PATH_SECRET}-almost/webhooks/zego"),
            body.clone(),
            404,
        ),
        ("/webhooks/zego".to_owned(), body.clone(), 404),
    ];
    for by_http2 in [false, true] {
        for (n, (target, body, status)) in requests.iter().enumerate() {
            let mut request = post(&site, target, body);
            let headers = request.headers_mut();
            headers.insert("authorization", "Bearer PLANTED".parse().unwrap());
            headers.insert("cookie", "PLANTED".parse().unwrap());
            headers.insert(
                "x-request-id",
                format!("id-{n}-{by_http2}").parse().unwrap(),
            );
            let answer = send(&site, request, by_http2).await;
            assert_eq!(answer.status(), *status, "{target} {body}");
        }
    }
    client(&site, TOKEN)
        .get_room_users(users_of("PLANTED"))
        .await
        .unwrap();
    for (token, app, code) in [
        (TOKEN, TENCENT_APP, Code::PermissionDenied),
        ("another-token-PLANTED", "demo", Code::Unauthenticated),
        (JWT, "demo", Code::Unauthenticated),
    ] {
        let mut request = users_of("PLANTED");
        request.app = app.to_owned();
        let refused = client(&site, token)
            .get_room_users(request)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(
            refused.metadata().contains_key("x-request-id"),
            "{refused:?}"
        );
    }

    process
        .says("refused a request without valid credentials")
        .await;
    process.signal("TERM");
    let (code, lines) = process.ends().await;
    assert_eq!(code, Some(0));
    for line in &lines {
        assert!(
            !line.contains(PLANTED) && !line.contains(signature),
            "{line}"
        );
    }
    // It logged what it should, down to the lowest level.
    let has = |words: &[&str]| {
        let mut lines = lines.iter();
        assert!(
            lines.any(|line| words.iter().all(|word| line.contains(word))),
            "{words:?}"
        );
    };
    has(&["DEBUG", "callback ignored", "id-1-"]);
    has(&["WARN", "signature_wrong", "id-2-", "address=127.0.0.1"]);
    has(&["WARN", "not_found", "(not shown)", "id-6-"]);
    has(&["WARN", "log.filter", "only lines from `info` up"]);
}
