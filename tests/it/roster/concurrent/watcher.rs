//! One watcher, which is slow or not, leaves and comes back.

use std::{fmt, pin::Pin, thread};

use futures_util::{FutureExt as _, Stream, StreamExt as _};
use headcount::{
    grpc::{Outgoing, Presence},
    journal::Revision,
    pb::SnapshotReason,
};
use rand::{Rng, RngExt as _};
use tonic::{Response, Status};

use super::harness::{Looks, RunContext, Seen, Subject, decoded};

/// The messages of a watch.
pub(crate) type Messages<M> = Pin<Box<dyn Stream<Item = Result<Outgoing<M>, Status>> + Send>>;

/// A watcher's copy, made of messages.
pub(crate) trait Replica: Clone + Send {
    /// A message.
    type Message: prost::Message + Default;
    /// As much of the copy as is compared.
    type Look: Send + fmt::Debug;

    /// A copy of nothing.
    fn new(subject: Subject) -> Self;

    /// A copy made without a watch, if there is such a thing.
    fn get(presence: &Presence, subject: Subject) -> Option<Self>;

    /// Begins a watch.
    fn watch(
        presence: &Presence,
        subject: Subject,
        token: String,
    ) -> impl Future<Output = Result<Response<Messages<Self::Message>>, Status>>;

    /// The token to begin the next stream with; of a copy that is not complete,
    /// none.
    fn open(&mut self) -> String;

    /// Folds in a message, which must keep the contract of watches.
    fn fold(&mut self, message: &Self::Message, seen: &Seen) -> Folded;

    /// The copy with its revision, once it is complete.
    fn look(&self) -> Option<(Revision, Self::Look)>;
}

/// What a message was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Folded {
    Part,
    Snapshot(SnapshotReason),
    Changes,
    Confirmed,
}

/// One watcher: what it holds, and all that it ever held.
pub(crate) struct Watcher<'w, R: Replica> {
    context: &'w RunContext<'w>,
    subject: Subject,
    copy: R,
    messages: Option<Messages<R::Message>>,
    /// Whether the next message is the first of a resumed stream.
    resumed: bool,
    parts: usize,
    looks: Vec<(Revision, R::Look)>,
}

impl<'w, R: Replica> Watcher<'w, R> {
    pub(crate) fn new(context: &'w RunContext<'w>, subject: Subject) -> Self {
        Self {
            context,
            subject,
            copy: R::new(subject),
            messages: None,
            resumed: false,
            parts: 0,
            looks: Vec::new(),
        }
    }

    /// Watches until all is done, and then until there is nothing to tell.
    pub(crate) fn run(&mut self, rng: &mut impl Rng) {
        let mut bookmarks = Vec::new();
        let slow = rng.random_range(0..2) == 0;
        while !self.context.is_done() {
            if self.messages.is_none() || rng.random_range(0..15) == 0 {
                self.messages = None;
                self.stay_away(rng);
                self.reconnect(rng, &mut bookmarks);
            }
            for _ in 0..rng.random_range(1..4) {
                self.step();
            }
            for _ in 0..if slow { rng.random_range(0..60) } else { 1 } {
                thread::yield_now();
            }
        }
        // On a stream that then is silent.
        self.parts = 0;
        let token = self.copy.open();
        self.messages = Some(self.watch(1, token));
        while self.step() {}
    }

    /// Receives what happened after all was silent. Returns all that it ever held.
    pub(crate) fn wake(mut self) -> Looks<R::Look> {
        assert!(self.step(), "{:?} was not woken", self.subject);
        while self.step() {}
        (self.subject, self.looks)
    }

    /// Takes the next message, if there is one.
    fn step(&mut self) -> bool {
        let next = (self.messages.as_mut()).and_then(|it| it.next().now_or_never());
        let Some(message) = next else {
            return false;
        };
        let message = decoded(message.expect("a watch has no end").unwrap());
        let resumed = std::mem::take(&mut self.resumed);
        match self.copy.fold(&message, self.context.seen) {
            Folded::Part => self.parts += 1,
            Folded::Snapshot(reason) => {
                self.context.seen.count(reason.as_str_name());
                if std::mem::take(&mut self.parts) > 0 {
                    self.context.seen.count("a snapshot in parts");
                }
            }
            Folded::Changes if resumed => self.context.seen.count("changes on resume"),
            Folded::Changes => self.context.seen.count("changes"),
            Folded::Confirmed if resumed => self.context.seen.count("progress on resume"),
            Folded::Confirmed => self.context.seen.count("progress"),
        }
        self.looks.extend(self.copy.look());
        true
    }

    /// Waits without a stream, while entries are written.
    fn stay_away(&self, rng: &mut impl Rng) {
        let entries = match rng.random_range(0..4) {
            0 => rng.random_range(0..200),
            _ => 0,
        };
        let until = self.context.world.roster.applied() + entries;
        while self.context.world.roster.applied() < until && !self.context.is_done() {
            thread::yield_now();
        }
    }

    /// Comes back in one way or another.
    fn reconnect(&mut self, rng: &mut impl Rng, bookmarks: &mut Vec<R>) {
        self.parts = 0;
        if self.copy.look().is_some() && bookmarks.len() < 8 {
            bookmarks.push(self.copy.clone());
        }
        match rng.random_range(0..10) {
            0 => self.copy = R::new(self.subject),
            1 if !bookmarks.is_empty() => {
                self.copy = bookmarks.swap_remove(rng.random_range(0..bookmarks.len()));
            }
            2 => {
                if let Some(copy) = R::get(&self.context.presences[1], self.subject) {
                    self.context.seen.count("a copy without a watch");
                    self.copy = copy;
                    self.looks.extend(self.copy.look());
                }
            }
            _ => {}
        }
        let foreign = rng.random_range(0..10) == 0;
        let token = self.copy.open();
        self.resumed = !foreign && !token.is_empty();
        let token = if foreign {
            self.context.foreign.to_owned()
        } else {
            token
        };
        self.messages = Some(self.watch(rng.random_range(0..2), token));
    }

    fn watch(&self, presence: usize, token: String) -> Messages<R::Message> {
        let begin = R::watch(&self.context.presences[presence], self.subject, token);
        let mut begin = std::pin::pin!(begin);
        loop {
            // What a watcher was just told may not count as applied yet: for as
            // long as that takes, its token is ahead.
            match begin.as_mut().now_or_never() {
                Some(stream) => return stream.unwrap().into_inner(),
                None => thread::yield_now(),
            }
        }
    }
}
