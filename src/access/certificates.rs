//! Client certificates that the configuration knows.

use std::sync::Arc;

use super::grant::Apps;

/// The name of a client certificate, and what it grants.
#[derive(Clone, Debug)]
pub struct CertificateGrant {
    /// One of the certificate's alternative names: a DNS name, a URI, an address or an e-mail
    /// address.
    pub san: Arc<str>,
    /// What may be asked about.
    pub apps: Apps,
    /// Whether the calls for operators are allowed.
    pub is_admin: bool,
}

/// The first grant of which a certificate has the name.
pub(super) fn find<'a>(
    grants: &'a [CertificateGrant],
    names: &[String],
) -> Option<&'a CertificateGrant> {
    let has = |grant: &&CertificateGrant| names.iter().any(|name| **name == *grant.san);
    grants.iter().find(has)
}
