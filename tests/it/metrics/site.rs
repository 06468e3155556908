//! A server as a process, whose front for operators has TLS, as Prometheus is told to use.

use std::{fs, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::page::Page;
use crate::common::child::{Process, Site};

/// Checkpoints as soon as there is news, and few users.
const SETTINGS: &str =
    "checkpoint_interval = \"1s\"\ncheckpoint_entries = 1\n[roster]\nusers_max = 12";

pub(super) struct Watched {
    pub(super) site: Site,
    certificate: CertificateDer<'static>,
}

impl Watched {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("server.pem", own.cert.pem());
        write("server.key", own.signing_key.serialize_pem());
        let watched = Self {
            site: Site::in_folder(folder, SETTINGS),
            certificate: own.cert.der().clone(),
        };
        let config = fs::read_to_string(watched.config()).unwrap();
        let admin = format!("listen = \"{}\"", watched.site.admin());
        let tls = "tls = { certificate = \"server.pem\", key = \"server.key\" }";
        let config = config
            .replace(&admin, &format!("{admin}, {tls}"))
            .replace("progress_interval", "watches_max = 3, progress_interval");
        fs::write(watched.config(), config).unwrap();
        watched
    }

    pub(super) fn config(&self) -> PathBuf {
        self.site.data().with_file_name("headcount.toml")
    }

    pub(super) async fn start(&self) -> Process {
        self.site.start_limitable().await
    }

    /// What the metrics are now.
    pub(super) async fn page(&self) -> Page {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let settings = settings.with_safe_default_protocol_versions().unwrap();
        let settings = settings.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let io = TcpStream::connect(self.site.admin()).await.unwrap();
        let connector = TlsConnector::from(Arc::new(settings));
        let mut io = connector.connect(name, io).await.unwrap();
        io.write_all(b"GET /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        io.read_to_string(&mut answer).await.unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 OK"), "{head}");
        Page::read(page)
    }
}
