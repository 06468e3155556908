//! Commands that are pointed at the wrong port, and apps that are not there.

use std::{convert::Infallible, io};

use headcount::{
    cli::{ClientArgs, RoomsArgs, WatchArgs, WatchFormat, rooms, watch},
    config::{Config, JournalKind},
    providers::Registry,
    reconcile::Rules,
    remote::Proof,
    server::Server,
};
use http::{Request, Response, header::CONTENT_TYPE};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::{net::TcpListener, sync::mpsc};

struct Ports {
    webhook: String,
    grpc: String,
}

/// The service of `serve --dev`, which has two apps.
async fn serve() -> Ports {
    let mut config = Config::dev(Registry::standard()).unwrap();
    config.journal.kind = JournalKind::Memory;
    config.webhook.listen = "127.0.0.1:0".parse().unwrap();
    config.grpc.listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::bind(&config, Registry::standard(), Rules::default());
    let server = server.await.unwrap();
    let ports = Ports {
        webhook: format!("http://{}", server.webhook_address().unwrap()),
        grpc: format!("http://{}", server.grpc_address().unwrap()),
    };
    tokio::spawn(server.run(std::future::pending()));
    ports
}

fn ask(server: &str, app: &str) -> ClientArgs {
    ClientArgs {
        app: app.into(),
        server: server.into(),
        proof: Proof::default(),
        json: false,
    }
}

async fn refused(client: ClientArgs) -> String {
    let args = RoomsArgs {
        prefix: String::new(),
        client: client.clone(),
    };
    let asked = rooms(client.connect().unwrap(), args, io::sink()).await;
    asked.unwrap_err().to_string()
}

#[tokio::test]
async fn the_port_of_callbacks_is_told_apart() {
    let ports = serve().await;
    let expected = format!(
        "{} is no gRPC service: is it where callbacks are sent to? gRPC has a port of its own, by default 50051",
        ports.webhook
    );
    let client = ask(&ports.webhook, "demo");
    assert_eq!(refused(client.clone()).await, expected);
    let args = WatchArgs {
        room_id: "r".into(),
        progress_interval: headcount_client::PROGRESS_INTERVAL,
        client: client.clone(),
    };
    // It ends, and does not try again for ever.
    let watched = watch(
        client.connect().unwrap(),
        args,
        WatchFormat::Lines,
        io::sink(),
    )
    .await;
    assert_eq!(watched.unwrap_err().to_string(), expected);
}

#[tokio::test]
async fn the_apps_that_there_are_are_listed() {
    let ports = serve().await;
    assert_eq!(
        refused(ask(&ports.grpc, "dmeo")).await,
        "no app is called \"dmeo\": there is demo, demo-tencent"
    );
    assert_eq!(
        refused(ask(&ports.grpc, "")).await,
        "app must be given where more than one app is configured: demo, demo-tencent (--app NAME, or HEADCOUNT_APP)"
    );
}

/// A proxy that answers as nginx does while the server behind it is away. Returns its URL, and
/// receives something for each request.
async fn serve_proxy(code: u16) -> (String, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asks, asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let asks = asks.clone();
            let answer = service_fn(move |_: Request<Incoming>| {
                let _ = asks.send(());
                let page = "<html><body>away</body></html>".to_owned();
                let answer = Response::builder().status(code);
                let answer = answer.header(CONTENT_TYPE, "text/html").body(page);
                async move { Ok::<_, Infallible>(answer.unwrap()) }
            });
            tokio::spawn(async move {
                let http = Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(io), answer).await;
            });
        }
    });
    (url, asked)
}

#[tokio::test]
async fn a_watch_waits_for_a_server_that_is_away_behind_a_proxy() {
    for code in [502, 503, 504] {
        let (url, mut asked) = serve_proxy(code).await;
        let client = ask(&url, "demo");
        let told = refused(client.clone()).await;
        let expected = format!("a proxy answers {code}: the server behind it is not there");
        assert!(told.contains(&expected), "{told}");

        let args = WatchArgs {
            room_id: "r".into(),
            progress_interval: headcount_client::PROGRESS_INTERVAL,
            client: client.clone(),
        };
        let (client, lines) = (client.connect().unwrap(), WatchFormat::Lines);
        let mut watching = tokio::spawn(watch(client, args, lines, io::sink()));
        // The first was of the command above.
        for _ in 0..4 {
            tokio::select! {
                _ = asked.recv() => {}
                ended = &mut watching => panic!("it gave up: {ended:?}"),
            }
        }
        watching.abort();
    }
}
