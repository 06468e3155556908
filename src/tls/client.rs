//! Whom a client trusts.

use std::path::Path;

use rustls::{ClientConfig, RootCertStore};

use super::{TlsError, pem, provider};

/// The authorities that a client trusts: those of the system, and those of the file, if there
/// is one.
///
/// # Errors
/// When the file cannot be used, or there is no authority at all.
pub fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // A system may have certificates that cannot be read beside those that can.
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(file) = ca {
        pem::add(&mut roots, file, &pem::read(file)?)?;
    }
    match roots.is_empty() {
        true => Err(TlsError::NoRoots),
        false => Ok(roots),
    }
}

/// The settings of a client that trusts these authorities. The certificate and the key of
/// `identity` are shown to servers that ask for one.
///
/// # Errors
/// When a file cannot be used, or the library refuses them.
pub fn client(
    roots: RootCertStore,
    identity: Option<(&Path, &Path)>,
) -> Result<ClientConfig, TlsError> {
    let settings = ClientConfig::builder_with_provider(provider());
    let settings = settings.with_safe_default_protocol_versions()?;
    let settings = settings.with_root_certificates(roots);
    let Some((certificate, key)) = identity else {
        return Ok(settings.with_no_client_auth());
    };
    let chain = pem::certificates(certificate, &pem::read(certificate)?)?;
    let private = pem::key(key, &pem::read(key)?)?;
    let settings = settings.with_client_auth_cert(chain, private);
    settings.map_err(|error| pem::wrong(key, error))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn refusal(name: &str, content: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        roots(Some(&file)).unwrap_err().to_string()
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_by_name() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for content in ["", "not PEM", &*key] {
            let error = refusal("ca.pem", content);
            assert!(error.contains("ca.pem: it has no certificate"), "{error}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = refusal("ca.pem", broken);
        assert!(error.contains("ca.pem: "), "{error}");
        let error = roots(Some(Path::new("/none/ca.pem"))).unwrap_err();
        assert!(error.to_string().contains("No such file"), "{error}");
    }

    #[test]
    fn the_authority_of_a_file_is_trusted_beside_those_of_the_system() {
        let system = rustls_native_certs::load_native_certs().certs;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&file, signed.cert.pem()).unwrap();
        let roots = roots(Some(&file)).unwrap();
        let mut expected = RootCertStore::empty();
        expected.add_parsable_certificates(system);
        assert_eq!(roots.len(), expected.len() + 1);
    }
}
