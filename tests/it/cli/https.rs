//! `headcount send` to a proxy that speaks TLS, with a certificate that it signed itself.

use std::{fs, sync::Arc};

use rcgen::{CertificateParams, CertifiedKey, DnType, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::send::World;

const EVENT: &str = "--app arena login lobby ann";

/// The authority of the proxy, which is itself.
const NAME: &str = "the proxy";

/// A server behind a proxy that speaks TLS.
struct SecureWorld {
    world: World,
    /// Where the proxy is, without a host.
    port: u16,
    ca: String,
}

impl SecureWorld {
    async fn serve() -> Self {
        let world = World::serve().await;
        let signed = signed_by_itself(NAME);
        let ca = world.folder.path().join("ca.pem");
        fs::write(&ca, signed.cert.pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(proxy(listener, acceptor(signed), world.webhook.clone()));
        Self {
            world,
            port,
            ca: ca.to_str().unwrap().to_owned(),
        }
    }

    /// The flag that trusts another certificate than the proxy's.
    fn other_ca(&self, file: &str, name: &str) -> String {
        let file = self.world.folder.path().join(file);
        fs::write(&file, signed_by_itself(name).cert.pem()).unwrap();
        format!("--ca {}", file.display())
    }

    /// Why a callback gets no answer there.
    async fn refused(&self, flags: &str, url: &str) -> String {
        self.world.refused(&format!("{flags} {EVENT}"), url).await
    }
}

/// A certificate for localhost, with a key of its own.
fn signed_by_itself(name: &str) -> CertifiedKey<KeyPair> {
    let signing_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let cert = params.self_signed(&signing_key).unwrap();
    CertifiedKey { cert, signing_key }
}

fn acceptor(signed: CertifiedKey<KeyPair>) -> TlsAcceptor {
    let chain: Vec<CertificateDer<'static>> = vec![signed.cert.into()];
    let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let settings = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let settings = settings.with_safe_default_protocol_versions().unwrap();
    let settings = settings.with_no_client_auth();
    let settings = settings.with_single_cert(chain, PrivateKeyDer::Pkcs8(key));
    TlsAcceptor::from(Arc::new(settings.unwrap()))
}

async fn proxy(listener: TcpListener, acceptor: TlsAcceptor, to: String) {
    while let Ok((client, _)) = listener.accept().await {
        let (acceptor, to) = (acceptor.clone(), to.clone());
        tokio::spawn(async move {
            // A client that does not trust it ends the handshake.
            let mut client = acceptor.accept(client).await?;
            let mut server = TcpStream::connect(to).await?;
            copy_bidirectional(&mut client, &mut server).await
        });
    }
}

#[tokio::test]
async fn a_callback_is_sent_where_the_authority_is_trusted() {
    let secure = SecureWorld::serve().await;
    let SecureWorld { world, port, ca } = &secure;
    let url = format!("https://localhost:{port}");
    let (shown, is_accepted) = world.send_to(&url, &format!("--ca {ca} {EVENT}")).await;
    assert!(is_accepted, "{shown}");
    assert!(
        shown.contains(&format!("POST {url}/webhooks/zego")),
        "{shown}"
    );
    assert_eq!(world.users("arena").await, ["ann"]);
}

#[tokio::test]
async fn it_is_told_why_a_server_is_not_trusted() {
    let secure = SecureWorld::serve().await;
    let (port, ca) = (secure.port, format!("--ca {}", secure.ca));
    let stranger = secure.other_ca("stranger.pem", "a stranger");
    // With a new key, the authority has the name that it had.
    let renewed = secure.other_ca("renewed.pem", NAME);
    let tls = format!("https://localhost:{port}");
    let plain = &secure.world.webhook;
    for (flags, url, expected) in [
        (&stranger, &tls, "name that one's certificate with --ca)"),
        (&renewed, &tls, "name that one's certificate with --ca)"),
        (
            &ca,
            &format!("https://127.0.0.1:{port}"),
            "(name the server as its certificate does)",
        ),
        (
            &ca,
            &format!("https://{plain}"),
            "(the server does not speak TLS there: is it http://?)",
        ),
        (
            &ca,
            plain,
            "--ca is for a server that speaks TLS: name it as https://",
        ),
        (
            &ca,
            &"https://127.0.0.1:9".to_owned(),
            "(is `headcount serve` running?)",
        ),
    ] {
        let refused = secure.refused(flags, url).await;
        assert!(refused.ends_with(expected), "{refused}");
    }
    assert!(secure.world.users("arena").await.is_empty());
}

#[tokio::test]
async fn http_at_a_port_of_tls_is_told() {
    let secure = SecureWorld::serve().await;
    let url = format!("http://localhost:{}", secure.port);
    let refused = secure.world.refused(EVENT, &url).await;
    assert!(
        refused.ends_with("; one that speaks TLS needs https://)"),
        "{refused}"
    );
}
