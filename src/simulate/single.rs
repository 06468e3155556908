//! One callback, as its vendor sends it, to try a configuration and a path through proxies.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use tokio::time::{Instant, timeout};

use super::{
    callbacks::{
        PlannedCallback, Post, Sending, Signing, Spelling, SubjectIndex, VendorAccount,
        VendorReport, tencent, zego, zim,
    },
    options::{CannotRun, Options, Trouble, shown_url},
    service::{Network, Service},
    truth::TrueProfile,
};
use crate::remote::Proof;

/// How long the server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// One callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleCallback {
    /// The vendor's account that it is for.
    pub account: SingleAccount,
    /// What it reports.
    pub event: SingleEvent,
    /// Which of the room's lives it is about. Vendors that do not number lives ignore it.
    pub life: u64,
    /// The login session of the user. Vendors that have none ignore it.
    pub session_id: String,
}

/// A vendor's account, and how its callbacks are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SingleAccount {
    /// A project of ZEGOCLOUD.
    Zego {
        /// Its AppID.
        app_id: u64,
        /// Its CallbackSecret.
        secret: String,
    },
    /// An application of Tencent.
    Tencent {
        /// Its SDKAppID.
        sdk_app_id: u64,
        /// The token that its callbacks are signed with, if they are.
        token: Option<String>,
    },
}

/// What one callback reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SingleEvent {
    /// The room opened.
    Open {
        /// The room's id.
        room_id: String,
    },
    /// The room closed.
    Close {
        /// The room's id.
        room_id: String,
    },
    /// The user logged in to the room.
    Login {
        /// The room's id.
        room_id: String,
        /// The user's id.
        user_id: String,
    },
    /// The user logged out of the room.
    Logout {
        /// The room's id.
        room_id: String,
        /// The user's id.
        user_id: String,
    },
    /// The user came online in the chat, which is ZIM.
    Online {
        /// The user's id.
        user_id: String,
    },
    /// The user went offline in the chat.
    Offline {
        /// The user's id.
        user_id: String,
    },
}

/// The answer to a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleAnswer {
    /// The path that it was sent to.
    pub path: &'static str,
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
    /// How long it took.
    pub took: Duration,
}

/// Sends a callback once, of now, to the HTTP front of this URL. Of an `https://` one, authorities
/// of the file `ca` are trusted, beside those of the system.
///
/// # Errors
/// When there is no such callback of the vendor, the URL or the file cannot be used, or no answer comes.
pub async fn send_single(
    webhook: &str,
    ca: Option<&Path>,
    callback: &SingleCallback,
) -> Result<SingleAnswer, CannotRun> {
    let options = Options {
        webhook: webhook.to_owned(),
        proof: Proof {
            ca: ca.map(Path::to_owned),
            ..Proof::default()
        },
        ..Options::default()
    };
    let unanswered = |reason: String, trouble| CannotRun::Webhook {
        webhook: shown_url(webhook),
        reason,
        trouble,
    };
    let network: Arc<dyn Service> = Arc::new(Network::new(&options)?);
    let post = callback.post(network.now(), rand::random())?;
    let (path, request) = (post.path, request(post));
    let request = request.map_err(|error| unanswered(error.to_string(), Trouble::Other))?;
    let began = Instant::now();
    let answer = match timeout(ANSWER_TIMEOUT, network.send(request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(reason)) => {
            let trouble = Trouble::without_answer(&reason);
            return Err(unanswered(reason, trouble));
        }
        Err(_) => {
            let reason = format!("no answer within {ANSWER_TIMEOUT:?}");
            return Err(unanswered(reason, Trouble::Other));
        }
    };
    Ok(SingleAnswer {
        path,
        status: answer.status().as_u16(),
        body: String::from_utf8_lossy(answer.body()).trim().to_owned(),
        took: began.elapsed(),
    })
}

/// A callback as a request to the front's path.
pub(super) fn request(post: Post) -> Result<Request<Full<Bytes>>, http::Error> {
    let url = format!("{}?{}", post.path, post.query);
    Request::post(url.trim_end_matches('?'))
        .header(header::CONTENT_TYPE, post.content_type)
        .body(Full::new(Bytes::from(post.body)))
}

// === impl SingleCallback ===

impl SingleCallback {
    /// The callback of this time, in milliseconds since the Unix epoch.
    fn post(&self, now: u64, nonce: u64) -> Result<Post, CannotRun> {
        let report = match &self.account {
            SingleAccount::Zego { .. } => self.zego(now),
            SingleAccount::Tencent { .. } => self.tencent(now).ok_or_else(|| {
                let reason = "Tencent's rooms do not tell who is online in a chat";
                CannotRun::Option(reason.to_owned())
            })?,
        };
        let callback = PlannedCallback {
            about: SubjectIndex::Room(0),
            life: self.life,
            what: report,
            happened_at: now,
            sending: Sending::Disordered,
            spelling: Spelling::Json,
        };
        let signing = Signing {
            timestamp: now / 1000,
            nonce,
        };
        Ok(callback.post(&self.account.vendor(), self.event.id(), signing))
    }

    fn zego(&self, at: u64) -> VendorReport {
        let session_id = self.session_id.clone();
        match self.event.clone() {
            SingleEvent::Open { .. } => zego::Report::Create {
                at,
                creator_id: String::new(),
            }
            .into(),
            SingleEvent::Close { .. } => zego::Report::Close { at, reason: 0 }.into(),
            SingleEvent::Login { user_id, .. } => zego::Report::Login {
                session_id,
                at,
                room_name: String::new(),
                profile: TrueProfile {
                    nickname: user_id.clone(),
                    ..TrueProfile::default()
                },
                user_id,
                relogin: false,
                // A number would say that those below it are missing.
                number: None,
            }
            .into(),
            SingleEvent::Logout { user_id, .. } => zego::Report::Logout {
                user_id,
                session_id,
                login_at: None,
                at,
                reason: 0,
                number: None,
            }
            .into(),
            SingleEvent::Online { user_id } => {
                let at = at / 1000;
                self.zim(user_id, Some(at), zim::Action::Online)
            }
            SingleEvent::Offline { user_id } => {
                let at = at / 1000;
                self.zim(user_id, None, zim::Action::Logout { at })
            }
        }
    }

    fn zim(&self, user_name: String, login_at: Option<u64>, action: zim::Action) -> VendorReport {
        VendorReport::Zim(zim::Report {
            session_id: self.session_id.clone(),
            user_name,
            os: "Web".to_owned(),
            relogin_at: None,
            login_at,
            action,
        })
    }

    /// `None` if the vendor has no such callback.
    fn tencent(&self, at: u64) -> Option<VendorReport> {
        let report = match self.event.clone() {
            SingleEvent::Open { room_id } => tencent::Report::Created {
                at,
                creator_id: String::new(),
                name: room_id,
            },
            SingleEvent::Close { .. } => tencent::Report::Destroyed { at },
            SingleEvent::Login { user_id, .. } => tencent::Report::Entered {
                at,
                user_ids: vec![user_id],
                present: 1,
            },
            SingleEvent::Logout { user_id, .. } => tencent::Report::Left {
                at,
                user_ids: vec![user_id],
                present: 0,
                kind: "Leave",
            },
            SingleEvent::Online { .. } | SingleEvent::Offline { .. } => return None,
        };
        Some(report.into())
    }
}

impl SingleAccount {
    fn vendor(&self) -> VendorAccount {
        match self.clone() {
            Self::Zego { app_id, secret } => VendorAccount {
                app_id,
                secret,
                sdk_app_id: 0,
                sdk_token: None,
            },
            Self::Tencent { sdk_app_id, token } => VendorAccount {
                app_id: 0,
                secret: String::new(),
                sdk_app_id,
                sdk_token: token,
            },
        }
    }
}

impl SingleEvent {
    /// The id of the room or the user that it is about.
    fn id(&self) -> &str {
        match self {
            Self::Open { room_id }
            | Self::Close { room_id }
            | Self::Login { room_id, .. }
            | Self::Logout { room_id, .. } => room_id,
            Self::Online { user_id } | Self::Offline { user_id } => user_id,
        }
    }
}
