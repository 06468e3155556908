//! What the streams of rooms and of users do not have in common.

use std::{fmt, pin::Pin};

use tonic::{Status, Streaming};

use crate::{
    connect::Client,
    pb::{self, SnapshotReason},
    violation::Violation,
};

/// What can be watched: a room or a user. It says how the messages of its stream are read,
/// and what they do to a copy of it. [`CopyOf`](crate::CopyOf) does what all streams have in
/// common.
pub trait Subject: Clone + fmt::Debug + Default + Send + Sync + 'static {
    /// A message of its stream.
    type Message: fmt::Debug + Send + Sync + 'static;
    /// A snapshot, or a part of one.
    type Part: fmt::Debug;
    /// One change.
    type Change: fmt::Debug + PartialEq;

    /// Asks for a stream of `id` in an app. An empty token asks for a snapshot.
    fn watch(client: Client, app: String, id: String, resume_token: String) -> Opening<Self>;

    /// Reads a message.
    ///
    /// # Errors
    /// When the message has no update, or a snapshot does not say what it is of.
    fn parse(message: &Self::Message) -> Result<Parsed<'_, Self>, Violation>;

    /// Whether a part belongs to the snapshot whose other parts are here.
    fn is_continued_by(&self, part: &Self::Part) -> bool;

    /// Adds a part of a snapshot.
    ///
    /// # Errors
    /// When the part has something twice.
    fn add(&mut self, part: &Self::Part) -> Result<(), Violation>;

    /// Folds one change in.
    ///
    /// # Errors
    /// When the change is empty, or does not fit what is here.
    fn change(&mut self, change: &Self::Change) -> Result<(), Violation>;

    /// The count and the digest that [`Progress`](pb::Progress) should have.
    fn tally(&self) -> (u32, u64);

    /// Whether both hold the same. What no change tells of is not compared.
    fn is_same(&self, other: &Self) -> bool;
}

/// A stream that was asked for and has not begun yet.
pub type Opening<S> =
    Pin<Box<dyn Future<Output = Result<Streaming<<S as Subject>::Message>, Status>> + Send>>;

/// What a message says.
#[derive(Debug)]
pub struct Parsed<'m, S: Subject> {
    /// The revision that the copy is at after the message.
    pub revision: u64,
    /// Resumes the stream after the message.
    pub resume_token: &'m str,
    /// What happened.
    pub update: ParsedUpdate<'m, S>,
}

/// What happened, as a message says.
#[derive(Debug)]
pub enum ParsedUpdate<'m, S: Subject> {
    /// A snapshot, or a part of one.
    Part {
        /// The part.
        part: &'m S::Part,
        /// Why it was sent.
        reason: SnapshotReason,
        /// Whether it is the last part.
        complete: bool,
    },
    /// Changes, oldest first.
    Changes(&'m [S::Change]),
    /// Nothing changed. These are the count and the digest that the copy should have.
    Progress(pb::Progress),
}
