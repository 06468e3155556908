//! What is particular to a kind of stream.

use std::fmt;

use futures_util::future::BoxFuture;
use tonic::{Status, Streaming, transport::Channel};

use super::Violation;
use crate::pb::{self, SnapshotReason, presence_service_client::PresenceServiceClient};

/// What can be watched: how its messages are read, and what they do to a copy of
/// it. All that streams have in common is left to
/// [`CopyOf`](super::CopyOf).
pub trait Subject: Clone + fmt::Debug + Default + Send + Sync + 'static {
    /// A message of its stream.
    type Message: fmt::Debug + Send + Sync + 'static;
    /// A snapshot, or a part of one.
    type Part: fmt::Debug;
    /// One change.
    type Change: fmt::Debug + PartialEq;

    /// Asks for a stream of `id` in an app. An empty token asks for a snapshot.
    fn watch(
        client: PresenceServiceClient<Channel>,
        app: String,
        id: String,
        resume_token: String,
    ) -> Opening<Self>;

    /// What a message says.
    ///
    /// # Errors
    /// When it lacks its update, or a snapshot what it is of.
    fn read(message: &Self::Message) -> Result<Read<'_, Self>, Violation>;

    /// Whether a part belongs to the snapshot of which others are here.
    fn is_continued_by(&self, part: &Self::Part) -> bool;

    /// Adds a part of a snapshot.
    ///
    /// # Errors
    /// When it has something twice.
    fn add(&mut self, part: &Self::Part) -> Result<(), Violation>;

    /// Folds one change in.
    ///
    /// # Errors
    /// When it does not fit what is here, or says nothing.
    fn change(&mut self, change: &Self::Change) -> Result<(), Violation>;

    /// The count and the digest that [`Progress`](pb::Progress) should have.
    fn tally(&self) -> (u32, u64);

    /// Whether both hold the same, but for what no change tells of.
    fn is_same(&self, other: &Self) -> bool;
}

/// A stream that was asked for.
pub type Opening<S> = BoxFuture<'static, Result<Streaming<<S as Subject>::Message>, Status>>;

/// What a message says.
#[derive(Debug)]
pub struct Read<'m, S: Subject> {
    /// The revision that the copy is at after it.
    pub revision: u64,
    /// Resumes the stream after it.
    pub resume_token: &'m str,
    /// What happened.
    pub update: Update<'m, S>,
}

/// What happened, as a message says.
#[derive(Debug)]
pub enum Update<'m, S: Subject> {
    /// A snapshot, or a part of it.
    Part {
        /// The part.
        part: &'m S::Part,
        /// Why it was sent.
        reason: SnapshotReason,
        /// Whether it is the last.
        complete: bool,
    },
    /// Changes, oldest first.
    Changes(&'m [S::Change]),
    /// Nothing: this is what a copy comes to.
    Progress(pb::Progress),
}
