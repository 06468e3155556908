//! TLS for a whole run, with a certificate that is made for it: `--tls`.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use headcount_client::{Certificate, ClientTlsConfig};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream, server};
use tokio_util::either::Either;
use tonic::transport::{Identity, ServerTlsConfig};

use crate::Outcome;

/// Set at the start of a run with TLS.
static RUN: OnceLock<RunTls> = OnceLock::new();

/// The certificate of all servers of a run, and who trusts it.
struct RunTls {
    connector: TlsConnector,
    files: Files,
    _folder: TempDir,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A connection to a server.
pub(crate) type ClientStream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A connection of a client.
pub(crate) type ServerStream = Either<TcpStream, Box<server::TlsStream<TcpStream>>>;

/// Lets all that is started from now on speak TLS.
pub(crate) fn begin() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let pair = rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])?;
    let files = Files {
        certificate: folder.path().join("server.pem"),
        key: folder.path().join("server.key"),
    };
    fs::write(&files.certificate, pair.cert.pem())?;
    fs::write(&files.key, pair.signing_key.serialize_pem())?;
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone())?;
    let settings = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let run = RunTls {
        connector: TlsConnector::from(Arc::new(settings)),
        files,
        _folder: folder,
    };
    RUN.set(run).map_err(|_| "TLS begins once")?;
    Ok(())
}

/// The certificate of the servers, in a run with TLS.
pub(crate) fn files() -> Option<&'static Files> {
    RUN.get().map(|run| &run.files)
}

/// The URL of a server.
pub(crate) fn url(address: SocketAddr) -> String {
    match RUN.get() {
        Some(_) => format!("https://{address}"),
        None => format!("http://{address}"),
    }
}

/// Whom a client of gRPC trusts, in a run with TLS.
pub(crate) fn trusted() -> Outcome<Option<ClientTlsConfig>> {
    let Some(run) = RUN.get() else {
        return Ok(None);
    };
    let authority = Certificate::from_pem(fs::read(&run.files.certificate)?);
    Ok(Some(ClientTlsConfig::new().ca_certificate(authority)))
}

/// Connects as the run says.
pub(crate) async fn connect(address: SocketAddr) -> Outcome<ClientStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let Some(run) = RUN.get() else {
        return Ok(Either::Left(stream));
    };
    let name = IpAddr::from(Ipv4Addr::LOCALHOST).into();
    let stream = run.connector.connect(name, stream).await?;
    Ok(Either::Right(Box::new(stream)))
}

impl Files {
    /// What hyper speaks with.
    pub(crate) fn acceptor(&self) -> Outcome<TlsAcceptor> {
        let certificates = CertificateDer::pem_file_iter(&self.certificate)?;
        let certificates: Vec<_> = certificates.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(&self.key)?;
        let settings = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        Ok(TlsAcceptor::from(Arc::new(settings)))
    }

    /// What tonic speaks with.
    pub(crate) fn of_tonic(&self) -> Outcome<ServerTlsConfig> {
        let identity = Identity::from_pem(fs::read(&self.certificate)?, fs::read(&self.key)?);
        Ok(ServerTlsConfig::new().identity(identity))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
