//! Files in the PEM format.

use std::{fs, path::Path};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::TlsError;

/// How much of a file is read: some ten times what systems trust, which is 200 KiB.
const FILE_BYTES_MAX: u64 = 2 << 20;

/// What a file has.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        let length = fs::metadata(file).map_err(|error| error.to_string())?.len();
        if length > FILE_BYTES_MAX {
            return Err(format!("longer than {FILE_BYTES_MAX} bytes"));
        }
        fs::read(file).map_err(|error| error.to_string())
    };
    read().map_err(|reason| wrong(file, reason))
}

/// The certificates of a file, one at least.
pub(super) fn certificates(
    file: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| wrong(file, error))?;
    match certificates.is_empty() {
        true => Err(wrong(file, "it has no certificate in the PEM format")),
        false => Ok(certificates),
    }
}

/// The key of a file.
pub(super) fn key(file: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let none = "it has no private key in the PEM format that is not encrypted";
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| wrong(file, none))
}

/// Adds the certificates of a file to `roots`.
pub(super) fn add(roots: &mut RootCertStore, file: &Path, pem: &[u8]) -> Result<(), TlsError> {
    for certificate in certificates(file, pem)? {
        roots.add(certificate).map_err(|error| wrong(file, error))?;
    }
    Ok(())
}

pub(super) fn wrong(file: &Path, reason: impl ToString) -> TlsError {
    TlsError::File {
        file: file.to_owned(),
        reason: reason.to_string(),
    }
}
