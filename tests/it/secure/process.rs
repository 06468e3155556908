//! The service as a process, by TLS.

use http::StatusCode;

use crate::common::child::{Authority, Sender, Site, now, zego};

#[tokio::test]
async fn a_process_takes_a_new_certificate_on_a_signal() {
    let site = Site::with_tls("");
    let mut process = site.start().await;
    let open = Sender::trusting(site.webhook(), site.authority());
    let login = |number| zego(("room", number), ("user", "1"), now(), None);
    let (status, answer) = open.post(&login(1)).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(site.users("room").await.unwrap().users.len(), 1);

    let renewed = Authority::new("new servers");
    let folder = site.data();
    renewed
        .sign("localhost")
        .write(folder.parent().unwrap(), "server");
    process.signal("HUP");
    process.says("reloaded the configuration").await;
    let old = Sender::trusting(site.webhook(), site.authority());
    old.post(&login(2)).await.unwrap_err();
    let new = Sender::trusting(site.webhook(), Some(&renewed.pem()));
    for (number, sender) in [(2, &new), (3, &open)] {
        let (status, answer) = sender.post(&login(number)).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}
