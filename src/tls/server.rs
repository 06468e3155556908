//! Who a server is: its certificate and key, and whose certificates it asks for.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::CertificateDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;

use super::{TlsError, pem, provider};

/// The files that say who a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and those between it and an authority that clients trust.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose certificates clients have to show.
    pub client_ca: Option<PathBuf>,
}

/// Whether clients may come without a certificate where they are asked for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Clients have to show one.
    Required,
    /// They may prove in another way who they are.
    Optional,
}

/// What the files of a server had when they were read.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// The settings of its connections.
    pub settings: Arc<ServerConfig>,
    /// When the first certificate of the chain expires.
    pub expires: SystemTime,
    /// A hash of the files, to notice that they changed.
    pub digest: [u8; 32],
}

impl CertificateFiles {
    /// Reads the files, for a server that speaks the protocols of `alpn`, the first rather than
    /// the last.
    ///
    /// # Errors
    /// Names the file that cannot be used, and why. A key that is of another certificate is one.
    pub fn read(&self, alpn: &[&[u8]], clients: ClientCertificates) -> Result<ServerTls, TlsError> {
        let (certificate, key) = (pem::read(&self.certificate)?, pem::read(&self.key)?);
        let client_ca = match &self.client_ca {
            Some(file) => Some((file, pem::read(file)?)),
            None => None,
        };
        let mut digest = Sha256::new();
        let authorities = client_ca.as_ref().map_or(&[][..], |(_, pem)| pem);
        for part in [&certificate, &key, authorities] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }

        let chain = pem::certificates(&self.certificate, &certificate)?;
        let expires = self.expiry(&chain)?;
        let key = pem::key(&self.key, &key)?;
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions()?;
        let builder = match client_ca {
            Some((file, pem)) => {
                let mut roots = RootCertStore::empty();
                pem::add(&mut roots, file, &pem)?;
                let verifier = verifier(roots, clients);
                builder.with_client_cert_verifier(verifier.map_err(|why| pem::wrong(file, why))?)
            }
            None => builder.with_no_client_auth(),
        };
        let mut settings = builder
            .with_single_cert(chain, key)
            .map_err(|error| pem::wrong(&self.key, error))?;
        settings.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(ServerTls {
            settings: Arc::new(settings),
            expires,
            digest: digest.finalize().into(),
        })
    }

    /// When the first of the certificates expires.
    fn expiry(&self, chain: &[CertificateDer<'_>]) -> Result<SystemTime, TlsError> {
        let mut first = None;
        for certificate in chain {
            let (_, parsed): (_, X509Certificate<'_>) =
                x509_parser::parse_x509_certificate(certificate)
                    .map_err(|error| pem::wrong(&self.certificate, error))?;
            let expires = parsed.validity().not_after.timestamp();
            first = Some(first.map_or(expires, |first: i64| first.min(expires)));
        }
        // One that expired before 1970 is expired all the same.
        let seconds = u64::try_from(first.unwrap_or_default()).unwrap_or_default();
        Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }
}

fn verifier(
    roots: RootCertStore,
    clients: ClientCertificates,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = match clients {
        ClientCertificates::Required => builder,
        ClientCertificates::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    struct Site {
        folder: tempfile::TempDir,
        files: CertificateFiles,
    }

    impl Site {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = CertificateFiles {
                certificate: folder.path().join("server.pem"),
                key: folder.path().join("server.key"),
                client_ca: None,
            };
            let site = Self { folder, files };
            site.write(2040);
            site
        }

        /// Writes a certificate that expires with this year, and its key.
        fn write(&self, year: i32) {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, 12, 31);
            let certificate = params.self_signed(&key).unwrap();
            fs::write(&self.files.certificate, certificate.pem()).unwrap();
            fs::write(&self.files.key, key.serialize_pem()).unwrap();
        }

        fn read(&self) -> Result<ServerTls, String> {
            self.files
                .read(&[b"h2"], ClientCertificates::Required)
                .map_err(|error| error.to_string())
        }
    }

    #[test]
    fn the_files_of_a_server_are_read_and_known_again() {
        let site = Site::new();
        let first = site.read().unwrap();
        assert_eq!(first.settings.alpn_protocols, [b"h2".to_vec()]);
        let year = (first
            .expires
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap())
        .as_secs()
            / (365 * 24 * 60 * 60);
        assert_eq!(1970 + year, 2041, "the last day of 2040, with leap days");
        assert_eq!(site.read().unwrap().digest, first.digest);
        site.write(2041);
        assert_ne!(site.read().unwrap().digest, first.digest);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_the_reason() {
        let site = Site::new();
        let (certificate, key) = (site.files.certificate.clone(), site.files.key.clone());
        let kept = fs::read(&certificate).unwrap();
        for content in ["", "not PEM"] {
            fs::write(&certificate, content).unwrap();
            let error = site.read().unwrap_err();
            assert!(
                error.contains("server.pem: it has no certificate"),
                "{error}"
            );
        }
        fs::write(&certificate, &kept).unwrap();

        let other = KeyPair::generate().unwrap().serialize_pem();
        fs::write(&key, other).unwrap();
        let error = site.read().unwrap_err();
        assert!(error.contains("server.key: "), "{error}");
        fs::write(&key, &kept).unwrap();
        let error = site.read().unwrap_err();
        assert!(
            error.contains("server.key: it has no private key"),
            "{error}"
        );
        fs::remove_file(&key).unwrap();
        let error = site.read().unwrap_err();
        assert!(error.contains("server.key: No such file"), "{error}");
    }

    #[test]
    fn an_authority_of_clients_is_named_if_it_cannot_be_used() {
        let mut site = Site::new();
        site.files.client_ca = Some(site.files.certificate.clone());
        site.read().unwrap();
        site.files.client_ca = Some(site.folder.path().join("none.pem"));
        let error = site.read().unwrap_err();
        assert!(error.contains("none.pem: "), "{error}");
    }
}
