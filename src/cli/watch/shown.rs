//! How what is watched is shown: what differs between a room and a user.

use std::pin::Pin;

use headcount_client::{Client, CopyOf, Subject};
use prost::Message;

use crate::{
    cli::{age::Moment, paint::Colour, text::Medium},
    pb::{Room, SnapshotReason},
};

/// Asks for the counts of a room.
pub(super) type Refresh = Pin<Box<dyn Future<Output = Option<Room>> + Send>>;

/// What can be watched, and how it is shown.
pub(super) trait Shown: Subject<Message: Message> {
    /// The name of the stream's messages.
    const MESSAGE: &'static str;

    /// The revision of a message.
    fn revision(message: &Self::Message) -> u64;

    /// A message as lines, each after its revision: one for every change, or for the subject
    /// and everything in a snapshot that is complete with this message.
    fn lines(message: &Self::Message, copy: &CopyOf<Self>) -> Vec<String>;

    /// What a message says for the list of changes.
    fn notes(message: &Self::Message, now: Moment) -> Vec<Note>;

    /// The first line: what is lost first, then the counts. `counts` is the room with newer
    /// counts than the copy's.
    fn summary(copy: &CopyOf<Self>, counts: Option<&Room>, now: Moment) -> Vec<Fact>;

    /// What it is called besides its id.
    fn names(copy: &CopyOf<Self>) -> Vec<Fact>;

    /// How many rows its table has.
    fn count(copy: &CopyOf<Self>) -> usize;

    /// The first rows of its table.
    fn rows(copy: &CopyOf<Self>, max: usize, medium: Medium) -> Rows;

    /// Asks for the counts, of which no change tells.
    fn refresh(client: Client, app: String, id: String) -> Refresh;
}

/// A part of a line in the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) text: String,
    pub(super) colour: Option<Colour>,
    /// Whether it may be cut where it does not fit. Otherwise it is left out.
    pub(super) may_be_cut: bool,
}

/// A line in the list of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// When it happened.
    pub(super) at: Moment,
    pub(super) verb: &'static str,
    pub(super) colour: Option<Colour>,
    /// The id that it is about; it is not cut.
    pub(super) about: String,
    pub(super) detail: String,
}

/// Rows of a table.
#[derive(Debug)]
pub(super) struct Rows {
    /// The header, and the rows.
    pub(super) lines: Vec<String>,
    /// When what each row is of began, as far as it is known.
    pub(super) began: Vec<Option<Moment>>,
}

// === impl Fact ===

impl Fact {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            colour: None,
            may_be_cut: false,
        }
    }

    pub(super) fn coloured(colour: Colour, text: impl Into<String>) -> Self {
        Self {
            colour: Some(colour),
            ..Self::plain(text)
        }
    }

    pub(super) fn cut(text: impl Into<String>) -> Self {
        Self {
            may_be_cut: true,
            ..Self::plain(text)
        }
    }
}

// === impl Note ===

impl Note {
    /// What a snapshot says that is not the first: nothing but why it was sent.
    pub(super) fn of_snapshot(reason: SnapshotReason, now: Moment) -> Option<Self> {
        let (colour, detail) = match reason {
            SnapshotReason::Initial | SnapshotReason::Unspecified => return None,
            SnapshotReason::ResumeExpired => {
                (Colour::Yellow, "what happened meanwhile is not remembered")
            }
            SnapshotReason::Lagged => (Colour::Yellow, "this watch was too slow"),
            SnapshotReason::EpochChanged => (Colour::Red, "the server has another journal"),
            SnapshotReason::Replaced => (Colour::Yellow, "much changed at once"),
        };
        Some(Self {
            at: now,
            verb: "anew",
            colour: Some(colour),
            about: String::new(),
            detail: detail.to_owned(),
        })
    }
}
