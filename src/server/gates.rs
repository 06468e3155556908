//! Whom the fronts let in, and how connections begin: what a configuration says of both, read
//! from the files that it names.

use super::{
    certificates::{self, Certificates},
    error::ServerError,
};
use crate::{
    access::Access,
    config::{Config, TlsConfig},
    net::Security,
    tls::ClientCertificates,
};

/// What every front needs before it listens.
#[derive(Debug)]
pub(super) struct Gates {
    pub(super) access: Access,
    pub(super) certificates: Certificates,
    pub(super) webhook: Security,
    pub(super) grpc: Security,
    pub(super) admin: Security,
}

impl Gates {
    /// Reads the files.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub(super) fn read(config: &Config) -> Result<Self, ServerError> {
        let certificates = Certificates::default();
        let access = Access::new(config.credentials()?);
        // Where tokens are known, too, a client may come without a certificate.
        let of_clients = match config.grpc.knows_credentials() {
            true => ClientCertificates::Optional,
            false => ClientCertificates::Required,
        };
        let security = |front, tls: &Option<TlsConfig>, alpn, clients| {
            certificates.security(front, tls.as_ref(), alpn, clients)
        };
        let (http, required) = (certificates::HTTP, ClientCertificates::Required);
        Ok(Self {
            webhook: security("webhook", &config.webhook.tls, http, required)?,
            grpc: security("grpc", &config.grpc.tls, certificates::HTTP2, of_clients)?,
            admin: security("admin", &config.admin.tls, http, of_clients)?,
            access,
            certificates,
        })
    }
}

/// Checks what a start with this configuration would read beside it. Opens no port and no folder.
/// Returns what can be used but is likely not meant.
///
/// # Errors
/// When a file cannot be used.
pub fn check(config: &Config) -> Result<Vec<String>, ServerError> {
    let gates = Gates::read(config)?;
    config.protection()?;
    Ok(gates.certificates.warnings())
}
