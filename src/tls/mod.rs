//! How this program speaks TLS: its provider of cryptography, whom it trusts as a client, and
//! who it is as a server.

mod client;
mod error;
mod names;
mod pem;
mod server;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

pub use self::{
    client::{client, roots},
    error::TlsError,
    names::names,
    server::{CertificateFiles, ClientCertificates, ServerTls},
};

/// The one provider. It is named, because the library panics where it has to choose of two.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
