//! What SIGHUP changes at once of who may send and what is logged.

use super::{post, send};
use crate::common::child::{Site, now, zego};

const SECRET: &str = "secret-of-the-path";

#[tokio::test]
async fn who_may_send_and_what_is_logged_changes_at_once() {
    let site = Site::new("");
    site.configure("[journal]", "[log]\nfilter = \"info\"\n[journal]");
    let mut process = site.start().await;
    let login = zego(("lobby", 1), ("ann", "7"), now(), None);
    let ignored = login.body.replace("room_login", "stream_create");
    let status = async |target: &str, client: &str, body: &str| {
        let mut request = post(&site, target, body);
        let client = client.parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", client);
        send(&site, request, false).await.status().as_u16()
    };
    assert_eq!(status(login.target, "10.0.0.1", &login.body).await, 200);

    site.configure("webhook = {", "webhook = { allow = [\"203.0.113.0/24\"],");
    process.signal("HUP");
    process.says("reloaded the configuration").await;
    assert_eq!(status(login.target, "203.0.113.7", &login.body).await, 403);

    site.configure(
        "webhook = {",
        "webhook = { proxies = \"127.0.0.1\", requests_per_second_max = 1,",
    );
    site.configure("filter = \"info\"", "filter = \"debug\"");
    process.signal("HUP");
    process.says("reloaded the configuration").await;
    assert_eq!(status(login.target, "203.0.113.7", &ignored).await, 200);
    process.says("callback ignored").await;
    assert_eq!(status(login.target, "203.0.113.7", &login.body).await, 429);
    assert_eq!(status(login.target, "198.51.100.1", &login.body).await, 403);

    site.write("path.secret", SECRET);
    site.configure(
        "requests_per_second_max = 1",
        "path_secret_file = [\"path.secret\"]",
    );
    process.signal("HUP");
    process.says("reloaded the configuration").await;
    assert_eq!(status(login.target, "203.0.113.7", &login.body).await, 404);
    let target = format!("/{SECRET}{}", login.target);
    assert_eq!(status(&target, "203.0.113.7", &login.body).await, 200);

    // One that cannot be used changes nothing.
    site.write("path.secret", "too-short");
    process.signal("HUP");
    let line = process.says("cannot reload").await;
    assert!(
        line.contains("a secret in a path is at least 16") && !line.contains("too-short"),
        "{line}"
    );
    assert_eq!(status(&target, "203.0.113.7", &login.body).await, 200);
}
