//! What can be wrong with TLS before a connection is made.

use std::path::PathBuf;

/// Why TLS cannot be set up. No message has anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("{file}: {reason}", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system trusts nobody, or does not say whom, and no file was given.
    #[error("this system has no certificates of authorities that it trusts: name a file with --ca")]
    NoRoots,
    /// The library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Settings(#[from] rustls::Error),
}
