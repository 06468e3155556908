//! TLS of a front, and what may be said without it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    Config,
    error::{ConfigError, wrong},
};

/// The certificate of a front. The files are in the PEM format, and are read again when they
/// change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The file of the certificate, with those between it and an authority that clients trust.
    pub certificate: PathBuf,
    /// The file of its private key.
    pub key: PathBuf,
    /// The file of the authorities whose certificates clients have to show.
    pub client_ca: Option<PathBuf>,
}

/// A front, as far as its connections go.
struct Front<'a> {
    section: &'static str,
    listen: SocketAddr,
    tls: Option<&'a TlsConfig>,
    insecure: bool,
}

impl TlsConfig {
    /// Makes relative paths relative to a folder.
    fn resolve(&mut self, folder: &Path) {
        let files = [&mut self.certificate, &mut self.key];
        for file in files.into_iter().chain(&mut self.client_ca) {
            // No name stays none.
            if !file.as_os_str().is_empty() {
                *file = folder.join(&*file);
            }
        }
    }
}

impl Config {
    /// Makes the relative paths of certificates relative to a folder.
    pub(super) fn resolve_certificates(&mut self, folder: &Path) {
        let certificates = [
            &mut self.webhook.tls,
            &mut self.grpc.tls,
            &mut self.admin.tls,
        ];
        for tls in certificates.into_iter().flatten() {
            tls.resolve(folder);
        }
    }

    /// Checks that no front speaks plain text to others unless it says so, and that both files
    /// of a certificate are named.
    pub(super) fn check_security(&self) -> Result<(), ConfigError> {
        let Self {
            webhook,
            grpc,
            admin,
            ..
        } = self;
        let front = |section, listen, tls, insecure| Front {
            section,
            listen,
            tls,
            insecure,
        };
        let fronts = [
            Some(front(
                "webhook",
                webhook.listen,
                webhook.tls.as_ref(),
                webhook.insecure,
            )),
            Some(front("grpc", grpc.listen, grpc.tls.as_ref(), grpc.insecure)),
            admin
                .listen
                .map(|listen| front("admin", listen, admin.tls.as_ref(), admin.insecure)),
        ];
        fronts
            .into_iter()
            .flatten()
            .try_for_each(|front| front.check())
    }
}

impl Front<'_> {
    fn check(&self) -> Result<(), ConfigError> {
        let Self {
            section, listen, ..
        } = self;
        if let Some(tls) = self.tls {
            let files = [("certificate", &tls.certificate), ("key", &tls.key)];
            for (key, file) in files {
                if file.as_os_str().is_empty() {
                    return wrong(format!("{section}.tls.{key}"), "names no file");
                }
            }
            if self.insecure {
                return wrong(
                    format!("{section}.insecure"),
                    "there is a certificate: leave out one of the two",
                );
            }
        } else if !listen.ip().is_loopback() && !self.insecure {
            return wrong(
                format!("{section}.listen"),
                format!(
                    "{listen} is open to others, and in plain text: name a certificate, `tls = {{ certificate = \"FILE\", key = \"FILE\" }}`, or say `insecure = true` where a proxy with TLS is in front"
                ),
            );
        }
        Ok(())
    }
}
