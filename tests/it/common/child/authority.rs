//! An authority, the certificates that it signs, and who trusts it.

use std::{fs, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

#[derive(Debug)]
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in the PEM format.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name, of a server or a client.
    pub(crate) fn sign(&self, name: &str) -> Pair {
        self.sign_with(name, |_| {})
    }

    /// One that was valid until the year 2000.
    pub(crate) fn sign_expired(&self, name: &str) -> Pair {
        self.sign_with(name, |params| params.not_after = date_time_ymd(2000, 1, 1))
    }

    fn sign_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Pair {
            certificate,
            key: key.serialize_pem(),
        }
    }
}

impl Pair {
    /// Writes `NAME.pem` and `NAME.key` into a folder.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.pem")), &self.certificate).unwrap();
        fs::write(folder.join(format!("{name}.key")), &self.key).unwrap();
    }
}

/// The settings of a client that trusts this authority, if any, and no other.
pub(crate) fn trusting(authority: Option<&str>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = authority {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        roots.add(certificate).unwrap();
    }
    let settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let settings = settings.with_safe_default_protocol_versions().unwrap();
    settings.with_root_certificates(roots).with_no_client_auth()
}
