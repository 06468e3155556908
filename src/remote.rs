//! How commands reach the gRPC service of a server, and what they show to be let in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use headcount_client::{Certificate, Client, ClientTlsConfig, Credentials, Identity};

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
        if server.starts_with("https://") {
            return Ok(headcount_client::connect_tls(
                server,
                self.tls()?,
                credentials,
            )?);
        }
        let flags = [("--ca", &self.ca), ("--cert", &self.cert)];
        match flags.into_iter().find(|(_, file)| file.is_some()) {
            Some((flag, _)) => Err(RemoteError::PlainText { flag }),
            None => Ok(headcount_client::connect_with(server, credentials)?),
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
