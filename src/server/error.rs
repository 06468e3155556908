//! Why the service cannot run.

use std::{error::Error, io, net::SocketAddr};

use crate::{
    config::ConfigError,
    journal::{Cause, FollowError, StoreError, Unappliable},
    tls::TlsError,
};

/// What an operator can do about a loss.
const LOSS_HINT: &str = "restore the whole folder from a backup, or go on without what is lost: `serve --accept-loss` names it and begins a new epoch";

/// Why the service could not start, or ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {purpose}: {source}{}", listen_hint(.source))]
    Listen {
        /// What the address is for.
        purpose: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why it cannot be listened on.
        source: io::Error,
    },
    /// The certificate of a front cannot be used.
    #[error("the certificate of [{front}] cannot be used: {reason}")]
    Certificate {
        /// The front, as its section is called.
        front: &'static str,
        /// Why.
        reason: TlsError,
    },
    /// A secret that the configuration names cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(Box<dyn Error + Send + Sync>),
    /// The journal cannot be followed.
    #[error("the journal cannot be replayed: {0}")]
    Follow(FollowError),
    /// An entry cannot be applied.
    #[error(
        "{entry}: this is a defect of Headcount, please report it; {}",
        quarantine_hint(entry)
    )]
    Unappliable {
        /// The entry.
        entry: Unappliable,
    },
    /// The journal lacks entries.
    #[error("the journal cannot be replayed: {damage}; {LOSS_HINT}")]
    Loss {
        /// What is damaged or missing.
        damage: FollowError,
    },
    /// The checkpoints cannot be listed, or a damaged one cannot be set aside.
    #[error("{location}: {source}")]
    Checkpoints {
        /// Where the checkpoints are.
        location: String,
        /// Why.
        source: StoreError,
    },
    /// A part of the service ended by itself.
    #[error("{part} ended: {reason}")]
    Ended {
        /// Which part.
        part: &'static str,
        /// Why.
        reason: Box<dyn Error + Send + Sync>,
    },
}

impl From<FollowError> for ServerError {
    fn from(error: FollowError) -> Self {
        match &error {
            FollowError::Unappliable(entry) => entry.clone().into(),
            FollowError::Store(cause) if is_loss(cause) => Self::Loss { damage: error },
            _ => Self::Follow(error),
        }
    }
}

fn is_loss(cause: &Cause) -> bool {
    let source = cause.source();
    let store = source.and_then(|source| source.downcast_ref::<StoreError>());
    store.is_some_and(StoreError::is_loss)
}

impl From<Unappliable> for ServerError {
    fn from(entry: Unappliable) -> Self {
        Self::Unappliable { entry }
    }
}

/// What is in the way, most often.
fn listen_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => " (is another `headcount serve` running?)",
        _ => "",
    }
}

/// What an operator can do about an entry that cannot be applied.
fn quarantine_hint(entry: &Unappliable) -> String {
    let revision = entry.revision;
    format!("with a journal on disk, `serve --quarantine {revision}` goes on without it")
}
