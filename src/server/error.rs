//! Why the service cannot run.

use std::{error::Error, io, net::SocketAddr};

use crate::journal::{FollowError, StoreError};

/// Why the service could not start, or ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {purpose}: {source}")]
    Listen {
        /// What the address is for.
        purpose: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why it cannot be listened on.
        source: io::Error,
    },
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(Box<dyn Error + Send + Sync>),
    /// The journal cannot be followed.
    #[error("the journal cannot be replayed: {0}")]
    Follow(#[from] FollowError),
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
