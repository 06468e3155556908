//! The report of a data folder.

use serde::Serialize;

use crate::journal::{FolderFile, Revision};

/// A data folder.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) folder: String,
    pub(super) format: u32,
    pub(super) epoch: String,
    /// The revision of the first entry kept; `None` if there are no entries.
    pub(super) first_revision: Option<Revision>,
    pub(super) last_revision: Option<Revision>,
    pub(super) first_received_at: Option<String>,
    pub(super) last_received_at: Option<String>,
    pub(super) entries: u64,
    pub(super) ticks: u64,
    /// The size of all files.
    pub(super) bytes: u64,
    pub(super) segments: Vec<Segment>,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) callbacks: Vec<Callbacks>,
    pub(super) gaps: Vec<Gap>,
    /// Why the gaps are not known, if they are not.
    pub(super) gaps_unknown: Option<String>,
    /// Callbacks of apps that are not configured. The gaps in their rooms are not known.
    pub(super) left_out: u64,
    pub(super) damage: Vec<String>,
}

/// A file of entries.
#[derive(Debug, Serialize)]
pub(super) struct Segment {
    pub(super) file: String,
    pub(super) first_revision: Revision,
    pub(super) bytes: u64,
}

/// A checkpoint.
#[derive(Debug, Serialize)]
pub(super) struct Checkpoint {
    pub(super) file: String,
    pub(super) revision: Revision,
    pub(super) bytes: u64,
    pub(super) loads: bool,
    /// Why it does not load.
    pub(super) problem: Option<String>,
}

/// The callbacks of one app and product.
#[derive(Debug, Serialize)]
pub(super) struct Callbacks {
    pub(super) app: String,
    pub(super) product: &'static str,
    pub(super) accepted: u64,
    pub(super) ignored: u64,
    pub(super) undecodable: u64,
}

/// Callbacks of one app and product that are missing.
#[derive(Debug, Serialize)]
pub(super) struct Gap {
    pub(super) app: String,
    pub(super) product: &'static str,
    /// Whether the vendor numbers its callbacks. If not, the missing ones are not known.
    pub(super) numbered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rooms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing_callbacks: Option<u64>,
}

impl From<FolderFile> for Segment {
    fn from(file: FolderFile) -> Self {
        Self {
            file: file.name,
            first_revision: file.revision,
            bytes: file.bytes,
        }
    }
}

impl Checkpoint {
    /// One that loads, or has a problem.
    pub(super) fn new(file: FolderFile, problem: Option<String>) -> Self {
        Self {
            file: file.name,
            revision: file.revision,
            bytes: file.bytes,
            loads: problem.is_none(),
            problem,
        }
    }
}
