//! The certificates of the fronts: read at the start, and again when their files change.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::gauge::ConstGauge,
    registry::{Registry, Unit},
};
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    error::ServerError,
    parts::{self, Parts},
};
use crate::{
    config::TlsConfig,
    net::Security,
    tls::{CertificateFiles, ClientCertificates, ServerTls, TlsError},
};

/// How often the files are looked at. Who renews certificates does so days before they expire.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// A certificate that expires sooner than this is warned about at the start.
const EXPIRES_SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const EXPIRY_WARNING: &str = "the certificate expires soon, or has expired";

/// What a front is told to speak on top of TLS, the first rather than the last.
pub(super) const HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];
pub(super) const HTTP2: &[&[u8]] = &[b"h2"];

/// The certificates of all fronts that speak TLS. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificates(Arc<Mutex<Vec<Certificate>>>);

/// The certificate of one front.
#[derive(Debug)]
struct Certificate {
    front: &'static str,
    files: CertificateFiles,
    alpn: &'static [&'static [u8]],
    clients: ClientCertificates,
    settings: watch::Sender<Arc<ServerConfig>>,
    digest: [u8; 32],
    expires: Expiry,
    /// What was wrong at the last look, so that it is told once.
    trouble: Option<String>,
}

/// When a front's certificate expires.
type Expiry = Arc<Mutex<SystemTime>>;

impl Certificates {
    /// How the connections of a front begin. Reads its certificate, if it has one.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub(super) fn security(
        &self,
        front: &'static str,
        tls: Option<&TlsConfig>,
        alpn: &'static [&'static [u8]],
        clients: ClientCertificates,
    ) -> Result<Security, ServerError> {
        let Some(tls) = tls else {
            return Ok(Security::PlainText);
        };
        let certificate = Certificate::read(front, files(tls), alpn, clients)
            .map_err(|reason| ServerError::Certificate { front, reason })?;
        let security = Security::Tls(certificate.settings.subscribe());
        self.0.lock().push(certificate);
        Ok(security)
    }

    /// What is likely not meant, of the certificates that can be used.
    pub(super) fn warnings(&self) -> Vec<String> {
        let certificates = self.0.lock();
        let soon = certificates.iter().filter_map(|certificate| {
            let (front, days) = (certificate.front, certificate.last_days()?);
            Some(format!(
                "{front}.tls: {EXPIRY_WARNING}: {days} days are left"
            ))
        });
        soon.collect()
    }

    /// Adds to a registry when the certificates expire, and warns of those that do soon.
    pub(super) fn register(&self, registry: &mut Registry) {
        let certificates = self.0.lock();
        certificates.iter().for_each(Certificate::warn_of_expiry);
        let expiries = certificates.iter();
        let expiries =
            expiries.map(|certificate| (certificate.front, Arc::clone(&certificate.expires)));
        registry.register_collector(Box::new(Expiries(expiries.collect())));
    }

    /// Reads files again when they have changed, until `drain` is cancelled.
    pub(super) fn spawn(self, parts: &mut Parts, drain: &CancellationToken) {
        if self.0.lock().is_empty() {
            return;
        }
        parts::spawn_looks(parts, drain, "certificates", LOOK_INTERVAL, move || {
            self.look();
        });
    }

    /// Reads the files again, which are few and small. Says whether all can be used.
    pub(super) fn look(&self) -> bool {
        let mut certificates = self.0.lock();
        let looks = certificates.iter_mut().map(Certificate::look);
        looks.fold(true, |all, usable| all & usable)
    }
}

impl Certificate {
    fn read(
        front: &'static str,
        files: CertificateFiles,
        alpn: &'static [&'static [u8]],
        clients: ClientCertificates,
    ) -> Result<Self, TlsError> {
        let ServerTls {
            settings,
            expires,
            digest,
        } = files.read(alpn, clients)?;
        let certificate = Self {
            front,
            files,
            alpn,
            clients,
            settings: watch::Sender::new(settings),
            digest,
            expires: Arc::new(Mutex::new(expires)),
            trouble: None,
        };
        Ok(certificate)
    }

    /// Takes what the files have now. What cannot be used leaves the old in use.
    fn look(&mut self) -> bool {
        let front = self.front;
        match self.files.read(self.alpn, self.clients) {
            Ok(read) if read.digest == self.digest => self.trouble = None,
            Ok(read) => {
                self.trouble = None;
                self.digest = read.digest;
                *self.expires.lock() = read.expires;
                self.settings.send_replace(read.settings);
                info!(front, "new connections get the new certificate");
                self.warn_of_expiry();
            }
            Err(error) => {
                let error = error.to_string();
                if self.trouble.as_ref() != Some(&error) {
                    warn!(front, %error, "a certificate that changed cannot be used: the old one stays");
                }
                self.trouble = Some(error);
            }
        }
        self.trouble.is_none()
    }

    fn warn_of_expiry(&self) {
        if let Some(days) = self.last_days() {
            let front = self.front;
            warn!(front, days, "{EXPIRY_WARNING}");
        }
    }

    /// In how many days it expires, if that is soon; below zero if it has expired.
    fn last_days(&self) -> Option<f64> {
        let left = seconds_left(*self.expires.lock());
        let is_soon = left < EXPIRES_SOON.as_secs_f64();
        is_soon.then(|| (left / (24.0 * 60.0 * 60.0)).floor())
    }
}

fn files(tls: &TlsConfig) -> CertificateFiles {
    let TlsConfig {
        certificate,
        key,
        client_ca,
    } = tls.clone();
    CertificateFiles {
        certificate,
        key,
        client_ca,
    }
}

/// How long it is until a time; below zero if it has passed.
fn seconds_left(until: SystemTime) -> f64 {
    match until.duration_since(SystemTime::now()) {
        Ok(left) => left.as_secs_f64(),
        Err(passed) => -passed.duration().as_secs_f64(),
    }
}

/// How long each certificate is good for, at the moment of asking.
struct Expiries(Vec<(&'static str, Expiry)>);

impl Collector for Expiries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let help = "How long until the certificate of a front expires";
        let gauge = ConstGauge::new(0.0);
        let mut family = encoder.encode_descriptor(
            "certificate_expiry",
            help,
            Some(&Unit::Seconds),
            gauge.metric_type(),
        )?;
        for (front, expires) in &self.0 {
            let labels = [("front", *front)];
            let left = ConstGauge::new(seconds_left(*expires.lock()));
            left.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Expiries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
