//! How commands reach a server, and what they show to be let in.

mod http;

use std::{
    fs,
    path::{Path, PathBuf},
};

use ::http::HeaderValue;
use headcount_client::{Certificate, Client, ClientTlsConfig, Credentials, Identity};
use rustls::RootCertStore;

pub use self::http::HttpClient;

use crate::tls::{self, TlsError};

/// How much of a file is read. The certificates that a system trusts are 200 KiB.
const FILE_BYTES_MAX: u64 = 2 << 20;

/// What a command shows a server, and by what it knows the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Proof {
    /// A file with the bearer token or JWT to show. It is read again for each call, so it
    /// may be renewed.
    #[arg(long, value_name = "FILE", env = "HEADCOUNT_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// A PEM file of authorities to trust, beside those of the system. For https.
    #[arg(long, value_name = "FILE", env = "HEADCOUNT_CA")]
    pub ca: Option<PathBuf>,
    /// A PEM file with the certificate to show, and those between it and an authority. For
    /// https.
    #[arg(long, value_name = "FILE", env = "HEADCOUNT_CERT", requires = "key")]
    pub cert: Option<PathBuf>,
    /// A PEM file with the private key of that certificate.
    #[arg(long, value_name = "FILE", env = "HEADCOUNT_KEY", requires = "cert")]
    pub key: Option<PathBuf>,
}

/// Why a server cannot be reached as is asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// A file cannot be used.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is nobody to prove anything to.
    #[error("{flag} is for a server that speaks TLS: name it as https://")]
    PlainText {
        /// The flag.
        flag: &'static str,
    },
    /// A certificate or a key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The URL of the server or a certificate is not valid.
    #[error(transparent)]
    Connect(#[from] headcount_client::ConnectError),
}

impl Proof {
    /// A client of the server at a URL. It connects with the first call.
    ///
    /// # Errors
    /// When a file or the URL cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect(&self, server: &str) -> Result<Client, RemoteError> {
        let credentials = self.credentials()?;
        match self.is_by_tls(server)? {
            true => Ok(headcount_client::connect_tls(
                server,
                self.tls()?,
                credentials,
            )?),
            false => Ok(headcount_client::connect_with(server, credentials)?),
        }
    }

    /// A client of an HTTP front of the server at a URL, which reads so many bytes of an answer.
    /// It shows the certificate, if there is one; what [`authorization`](Self::authorization)
    /// says has to be added to each request.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn http(&self, server: &str, answer_bytes_max: usize) -> Result<HttpClient, RemoteError> {
        let (roots, identity) = match self.is_by_tls(server)? {
            true => (
                tls::roots(self.ca.as_deref())?,
                self.cert.as_deref().zip(self.key.as_deref()),
            ),
            false => (RootCertStore::empty(), None),
        };
        let settings = tls::client(roots, identity)?;
        Ok(HttpClient::new(settings, answer_bytes_max))
    }

    /// The header that shows the token, if there is one.
    ///
    /// # Errors
    /// When its file cannot be used.
    pub fn authorization(&self) -> Result<Option<HeaderValue>, RemoteError> {
        let Some(file) = &self.token_file else {
            return Ok(None);
        };
        let value = format!("Bearer {}", read(file)?.trim());
        let mut value = HeaderValue::try_from(value).map_err(|_| RemoteError::File {
            file: file.clone(),
            reason: "a token has no spaces and no other signs than those of ASCII".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Whether a server is reached by TLS.
    ///
    /// # Errors
    /// When it is not, and something is to be proved that can only be by TLS.
    fn is_by_tls(&self, server: &str) -> Result<bool, RemoteError> {
        if server.starts_with("https://") {
            return Ok(true);
        }
        let flags = [("--ca", &self.ca), ("--cert", &self.cert)];
        match flags.into_iter().find(|(_, file)| file.is_some()) {
            Some((flag, _)) => Err(RemoteError::PlainText { flag }),
            None => Ok(false),
        }
    }

    fn tls(&self) -> Result<ClientTlsConfig, RemoteError> {
        let mut tls = ClientTlsConfig::new().with_native_roots();
        if let Some(ca) = &self.ca {
            tls = tls.ca_certificate(Certificate::from_pem(read(ca)?));
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        Ok(tls)
    }

    fn credentials(&self) -> Result<Credentials, RemoteError> {
        let Some(file) = self.token_file.clone() else {
            return Ok(Credentials::none());
        };
        // A file that is missing from the start is told at once.
        read(&file)?;
        Ok(Credentials::renewed(move || {
            read(&file).map_err(|error| error.to_string())
        }))
    }
}

fn read(file: &Path) -> Result<String, RemoteError> {
    let read = || {
        let length = fs::metadata(file).map_err(|error| error.to_string())?.len();
        if length > FILE_BYTES_MAX {
            return Err(format!("longer than {FILE_BYTES_MAX} bytes"));
        }
        fs::read_to_string(file).map_err(|error| error.to_string())
    };
    read().map_err(|reason| RemoteError::File {
        file: file.to_owned(),
        reason,
    })
}
