//! What a run is to do, and why it may not be able to.

use std::time::Duration;

use http::Uri;

use crate::remote::Proof;

/// A run in which everything is sent at once has events from this long ago, so
/// that the disorder has room.
pub(super) const PAST: Duration = Duration::from_secs(150);

/// The reorder horizon of a server whose configuration does not set one.
pub(super) const HORIZON: Duration = Duration::from_secs(10 * 60);

/// Beyond this, what was sent at once would be stale when it arrives.
const DURATION_MAX: Duration = Duration::from_secs(5 * 60);

/// Less than this is not enough for the delays of callbacks that are sent as they happen.
const TIMED_DURATION_MIN: Duration = Duration::from_secs(12);

/// A vendor, or one of its products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum VendorName {
    /// The rooms of ZEGOCLOUD.
    Zego,
    /// The users of ZIM, ZEGOCLOUD's chat.
    Zim,
    /// The rooms of Tencent.
    Tencent,
}

impl VendorName {
    /// Those that send callbacks about rooms.
    pub(super) const OF_ROOMS: [VendorName; 2] = [VendorName::Zego, VendorName::Tencent];
}

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the world is made from.
    pub seed: u64,
    /// A part of the ids of rooms and users, which makes them unique to this run. If the server
    /// knows some of them already, the run adds a number to it.
    pub tag: String,
    /// How many callbacks are lost, from 0 to 1.
    pub loss: f64,
    /// The vendor whose callbacks are sent; a mix of all if not set.
    pub vendor: Option<VendorName>,
    /// How many rooms there are, and how many users the chat has.
    pub rooms: usize,
    /// How many regulars each room has.
    pub users: usize,
    /// How many callbacks there are, about; repetitions come on top.
    pub callbacks: usize,
    /// Callbacks a second, as they happen; all at once if not set.
    pub rate: Option<f64>,
    /// How long sending may take.
    pub duration: Duration,
    /// How many callbacks are under way at once.
    pub concurrency: usize,
    /// The URL of the server's HTTP front. Its path, if there is one, may be a secret.
    pub webhook: String,
    /// What is shown to the gRPC service, and whom both URLs are trusted by.
    pub proof: Proof,
    /// The URL of the server's gRPC service.
    pub server: String,
    /// ZEGO's app, as the server's configuration calls it.
    pub app: String,
    /// ZEGO's id of that app.
    pub app_id: u64,
    /// The secret that ZEGO signs the app's callbacks with.
    pub secret: String,
    /// Tencent's app, as the server's configuration calls it. It has no token.
    pub tencent_app: String,
    /// Tencent's id of that app.
    pub sdk_app_id: u64,
    /// Sends callbacks as time passes to a server that forgets after seconds, to check that it
    /// forgets. For tests, with a [`Service`](super::Service) in paused time: in real time, a
    /// busy machine sends callbacks late, and the server does not apply what is too late.
    pub forgetting: Option<Forgetting>,
    /// Shows on stderr how far the run is.
    pub progress: bool,
}

/// How fast a server forgets.
#[derive(Clone, Copy, Debug)]
pub struct Forgetting {
    /// Its reorder horizon: 3 s at least, as its stories need that long.
    pub horizon: Duration,
    /// How much longer it keeps evidence.
    pub grace: Duration,
}

/// A URL to show: without its path, which may be a secret.
pub fn shown_url(url: &str) -> String {
    let uri: Uri = url.parse().unwrap_or_default();
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(host)) if uri.path() != "/" => format!("{scheme}://{host}/…"),
        _ => url.to_owned(),
    }
}

/// Why a run has no verdict.
#[derive(Debug, thiserror::Error)]
pub enum CannotRun {
    /// An option makes no sense.
    #[error("{0}")]
    Option(String),
    /// The gRPC service cannot be asked.
    #[error("cannot ask {server}: {reason}")]
    Server {
        /// Its URL.
        server: String,
        /// Why.
        reason: String,
        /// Where the fault may be.
        trouble: Trouble,
    },
    /// The HTTP front does not take callbacks in.
    #[error("cannot send to {webhook}: {reason}")]
    Webhook {
        /// Its URL, as [`shown_url`] shows it.
        webhook: String,
        /// Why.
        reason: String,
        /// Where the fault may be.
        trouble: Trouble,
    },
    /// What the server was told is gone.
    #[error(
        "{server} was started with another journal during the run, and does not know what was sent before"
    )]
    OtherJournal {
        /// Its URL.
        server: String,
    },
    /// The time was up.
    #[error("only {sent} of {planned} callbacks were taken in within {}", humantime::format_duration(*.duration))]
    TooSlow {
        /// How many were taken in.
        sent: u64,
        /// How many there were, repetitions included.
        planned: usize,
        /// The time there was.
        duration: Duration,
    },
}

/// Where the fault may be when a server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer.
    Connection,
    /// What is there does not speak HTTP/1: it may be the port of gRPC.
    NotHttp,
    /// It speaks TLS, and its certificate is from an authority that is not trusted.
    UnknownAuthority,
    /// It speaks TLS, and its certificate is for another host.
    OtherHost,
    /// It does not speak TLS.
    NotTls,
    /// It refuses the signature or the app id.
    Credentials,
    /// Its answer says what is wrong.
    Other,
}

impl Trouble {
    /// Where the fault may be if a callback got no answer for this reason.
    pub(super) fn without_answer(reason: &str) -> Self {
        const SIGNS: [(&str, Trouble); 7] = [
            // So hyper says that what came is not HTTP/1: after the request, or before it.
            ("invalid HTTP version", Trouble::NotHttp),
            ("unexpected message", Trouble::NotHttp),
            // So rustls says what is wrong with a server. A bad signature is that of an authority
            // with the name of a trusted one, and another key. The last is for other certificates,
            // such as one that has expired.
            ("UnknownIssuer", Trouble::UnknownAuthority),
            ("BadSignature", Trouble::UnknownAuthority),
            ("not valid for name", Trouble::OtherHost),
            ("InvalidContentType", Trouble::NotTls),
            ("invalid peer certificate", Trouble::Other),
        ];
        let found = SIGNS.iter().find(|(sign, _)| reason.contains(sign));
        found.map_or(Self::Connection, |(_, trouble)| *trouble)
    }
}

impl Options {
    /// The app that a vendor's rooms or users are in.
    pub(super) fn app_of(&self, vendor: VendorName) -> &str {
        match vendor {
            // A user of the chat may be in rooms: it is one app.
            VendorName::Zego | VendorName::Zim => &self.app,
            VendorName::Tencent => &self.tencent_app,
        }
    }

    /// Whether callbacks are sent when they are due, not all at once.
    pub(super) fn is_timed(&self) -> bool {
        self.rate.is_some() || self.forgetting.is_some()
    }

    /// # Errors
    /// When an option makes no sense, saying which.
    pub(super) fn check(&self) -> Result<(), CannotRun> {
        let too_short = self.rate.is_some() && self.duration < TIMED_DURATION_MIN;
        let too_long = !self.is_timed() && self.duration > DURATION_MAX;
        let wrong = if !(0.0..=1.0).contains(&self.loss) {
            "--loss must be from 0 to 1"
        } else if self.rate.is_some_and(|rate| !(0.1..=1e6).contains(&rate)) {
            "--rate must be from 0.1 to 1000000"
        } else if self.rooms == 0 || self.callbacks == 0 || self.concurrency == 0 {
            "--rooms, --callbacks and --concurrency must be at least 1"
        } else if too_short {
            "--duration must be at least 12s with --rate: callbacks are up to 3 s late, and come up to three times"
        } else if too_long {
            "--duration must be at most 5 min without --rate: what is sent later would be stale"
        } else {
            return Ok(());
        };
        Err(CannotRun::Option(wrong.to_owned()))
    }
}

impl Default for Options {
    /// For a server started with `--dev`. Each run is another.
    fn default() -> Self {
        Self {
            seed: rand::random_range(0..1_000_000),
            tag: format!("{:06x}", rand::random_range(0..1 << 24)),
            loss: 0.0,
            vendor: None,
            rooms: 100,
            users: 40,
            callbacks: 20_000,
            rate: None,
            duration: Duration::from_secs(60),
            concurrency: 64,
            webhook: "http://127.0.0.1:8080".to_owned(),
            proof: Proof::default(),
            server: "http://127.0.0.1:50051".to_owned(),
            app: "demo".to_owned(),
            app_id: 1,
            secret: "secret".to_owned(),
            tencent_app: "demo-tencent".to_owned(),
            sdk_app_id: 1_400_000_000,
            forgetting: None,
            progress: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_url_is_not_shown() {
        for (url, shown) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://calls.example/", "https://calls.example/"),
            (
                "https://calls.example:1/s3cret-path",
                "https://calls.example:1/…",
            ),
            ("http://[::1]:8/a/b?c", "http://[::1]:8/…"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }
}
