//! A vendor is added with one module, `toy`, and a registry that has it. The rest of the
//! service is the same as for the real vendors.

mod toy;

use std::{fs, path::Path};

use bytes::Bytes;
use headcount::{config::Config, providers::Registry, reconcile::Rules, server::Server};
use headcount_client::{connect, pb::GetRoomUsersRequest};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

static VENDORS: [&headcount::providers::Vendor; 1] = [&toy::VENDOR];

const SECRET: &str = "hunter2";

/// A server that takes the toy vendor's callbacks, on a folder of its own.
struct Running {
    webhook: String,
    grpc: String,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl Running {
    async fn start(folder: &Path) -> Self {
        let registry = Registry::new(&VENDORS);
        let file = folder.join("headcount.toml");
        fs::write(
            &file,
            format!("[[apps]]\nname = \"arcade\"\ntoy = {{ box = 7, secret = \"{SECRET}\" }}\n"),
        )
        .unwrap();
        let mut config = Config::read(Some(&file), registry).unwrap();
        config.validate().unwrap();
        config.webhook.listen = "127.0.0.1:0".parse().unwrap();
        config.grpc.listen = "127.0.0.1:0".parse().unwrap();
        let server = Server::bind(&config, registry, Rules::default())
            .await
            .unwrap();
        let stop = CancellationToken::new();
        Self {
            webhook: format!("http://{}", server.webhook_address().unwrap()),
            grpc: format!("http://{}", server.grpc_address().unwrap()),
            ended: {
                let stop = stop.clone();
                tokio::spawn(async move { server.run(stop.cancelled_owned()).await.unwrap() })
            },
            stop,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.ended.await.unwrap();
    }

    /// Posts a callback until the server is ready to answer it.
    async fn post(&self, box_id: &str, body: &str, signature: &str) -> (StatusCode, String) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        loop {
            let request = Request::post(format!("{}{}", self.webhook, toy::PATH))
                .header(toy::BOX, box_id)
                .header(toy::SEAL, signature)
                .body(Full::from(body.to_owned()))
                .unwrap();
            let response = client.request(request).await.unwrap();
            let status = response.status();
            if status != StatusCode::SERVICE_UNAVAILABLE {
                let body = response.into_body().collect().await.unwrap().to_bytes();
                return (status, String::from_utf8(body.to_vec()).unwrap());
            }
        }
    }

    async fn users(&self) -> Vec<String> {
        let mut client = connect(&self.grpc).unwrap();
        let request = GetRoomUsersRequest {
            app: "arcade".into(),
            room_id: "lobby".into(),
            ..GetRoomUsersRequest::default()
        };
        let users = client.get_room_users(request).await.unwrap().into_inner();
        users.users.into_iter().map(|user| user.user_id).collect()
    }
}

#[tokio::test]
async fn a_vendor_is_one_module_and_a_line_in_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path()).await;
    let ann = toy::callback("lobby", "ann");
    let seal = toy::seal(SECRET, &ann);

    let (status, answer) = running.post("7", &ann, &toy::seal("other", &ann)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
    assert!(answer.contains("signature_wrong"), "{answer}");
    let (status, answer) = running.post("8", &ann, &seal).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
    assert!(answer.contains("unknown_app"), "{answer}");
    // The seal is of the bytes, not of what they say.
    let (status, answer) = running.post("7", &format!(" {ann}"), &seal).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");

    let (status, answer) = running.post("7", &ann, &seal).await;
    assert_eq!((status, &*answer), (StatusCode::OK, r#"{"box":"closed"}"#));
    assert_eq!(running.users().await, ["ann"]);
    running.stop().await;

    // The journal decodes the callback with the same vendor.
    let running = Running::start(folder.path()).await;
    let bob = toy::callback("lobby", "bob");
    running.post("7", &bob, &toy::seal(SECRET, &bob)).await;
    assert_eq!(running.users().await, ["ann", "bob"]);
    running.stop().await;
}
