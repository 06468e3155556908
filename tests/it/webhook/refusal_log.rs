//! Refused requests leave a line in the log that says what to mend.

use crate::common::child::{Post, Sender, Site, TENCENT_APP, now, tencent, zego};

async fn refused(site: &Site, post: &Post) {
    let (status, body) = Sender::new(site.webhook()).post(post).await.unwrap();
    assert!(!status.is_success(), "{status} {body}");
}

#[tokio::test]
async fn each_refusal_is_logged_once_a_second_for_each_reason_and_product() {
    let site = Site::new("");
    let mut process = site.start().await;
    let login = zego(("lobby", 1), ("ann", "7"), now(), None);
    let with = |from: &str, to: &str| Post {
        body: login.body.replace(from, to),
        ..login.clone()
    };
    let rows = [
        (
            with(r#""signature":""#, r#""signature":"0"#),
            "signature_wrong",
            "check the secret",
        ),
        (
            with(r#""appid":"1""#, r#""appid":"31337""#),
            "unknown_app",
            "31337",
        ),
        (with("{", "["), "malformed_body", "the body is"),
        (
            Post {
                target: "/webhooks/zebra",
                ..login.clone()
            },
            "not_found",
            "/webhooks/zebra",
        ),
        (
            Post {
                target: "/webhooks/tencent?SdkAppid=99",
                ..tencent("lobby", "ann", now(), true)
            },
            "unknown_app",
            "tencent_room",
        ),
    ];
    for (post, reason, word) in rows {
        refused(&site, &post).await;
        let line = process.says("refused a request").await;
        assert!(line.contains(" WARN "), "{line}");
        assert!(line.contains(reason) && line.contains(word), "{line}");
    }
    assert_eq!(TENCENT_APP, "demo-tencent");
}

#[tokio::test]
async fn an_app_whose_callbacks_are_not_signed_is_warned_about_at_the_start() {
    // Its configuration has a Tencent app without a token.
    let site = Site::new("");
    let mut process = site.spawn();
    let line = process.says("callbacks are not signed").await;
    assert!(line.contains(&format!("apps.{TENCENT_APP}.")), "{line}");
}
