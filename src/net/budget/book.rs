//! Who holds how much of a budget, and who has to give it back. Pure: no lock, no wake-up.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::Arc,
};

use super::{Limits, recall::Recall, trust::Trust};
use crate::net::Peer;

/// Numbers the holdings in the order in which they were taken.
pub(super) type Number = u64;

/// The holdings of one budget.
#[derive(Debug)]
pub(super) struct Book {
    limits: Limits,
    trust: Trust,
    /// What all holdings are together.
    held: usize,
    holdings: HashMap<Number, Entry>,
    peers: HashMap<Peer, Holder>,
    /// What can be recalled of peers that were strangers when they took it, or when it was last
    /// looked at, and of trusted ones.
    strangers: BTreeSet<Number>,
    trusted: BTreeSet<Number>,
    next: Number,
    /// Holdings that were recalled, and have to be told so.
    recalled: Vec<Arc<Recall>>,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    amount: usize,
    recall: Arc<Recall>,
}

/// What one peer holds.
#[derive(Debug, Default)]
struct Holder {
    held: usize,
    holdings: usize,
    /// What can be recalled.
    recallable: BTreeSet<Number>,
}

impl Book {
    pub(super) fn new(limits: Limits, trust: Trust) -> Self {
        Self {
            limits,
            trust,
            held: 0,
            holdings: HashMap::new(),
            peers: HashMap::new(),
            strangers: BTreeSet::new(),
            trusted: BTreeSet::new(),
            next: 0,
            recalled: Vec::new(),
        }
    }

    /// What all holdings are together.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The holdings that were recalled since the last call.
    pub(super) fn recalled(&mut self) -> Vec<Arc<Recall>> {
        mem::take(&mut self.recalled)
    }

    /// Notes a new holding. If there is no room, it recalls the oldest ones that have to give
    /// way; `None` if that makes not enough.
    pub(super) fn take(
        &mut self,
        peer: Peer,
        amount: usize,
        recall: Arc<Recall>,
    ) -> Option<Number> {
        let is_trusted = self.trust.has(peer);
        if !self.make_room(peer, is_trusted, amount, None) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let entry = Entry {
            peer,
            amount,
            recall,
        };
        self.holdings.insert(number, entry);
        self.held += amount;
        let holder = self.peers.entry(peer).or_default();
        holder.held += amount;
        holder.holdings += 1;
        holder.recallable.insert(number);
        let queue = if is_trusted {
            &mut self.trusted
        } else {
            &mut self.strangers
        };
        queue.insert(number);
        Some(number)
    }

    /// Makes a holding larger, with room that is made as for a new one. Returns whether it is:
    /// not if there is no room, or if the holding was recalled.
    pub(super) fn grow(&mut self, number: Number, amount: usize) -> bool {
        let Some(&Entry { peer, .. }) = self.holdings.get(&number) else {
            return false;
        };
        let is_trusted = self.trust.has(peer);
        if !self.make_room(peer, is_trusted, amount, Some(number)) {
            return false;
        }
        if let Some(entry) = self.holdings.get_mut(&number) {
            entry.amount += amount;
        }
        self.held += amount;
        self.peers.entry(peer).or_default().held += amount;
        true
    }

    /// Makes a holding one that is not recalled.
    pub(super) fn keep(&mut self, number: Number) {
        if let Some(Entry { peer, .. }) = self.holdings.get(&number) {
            if let Some(holder) = self.peers.get_mut(peer) {
                holder.recallable.remove(&number);
            }
            self.strangers.remove(&number);
            self.trusted.remove(&number);
        }
    }

    /// Removes a holding, if it is there. Returns its signal.
    pub(super) fn remove(&mut self, number: Number) -> Option<Arc<Recall>> {
        self.keep(number);
        let Entry {
            peer,
            amount,
            recall,
        } = self.holdings.remove(&number)?;
        self.held -= amount;
        if let Some(holder) = self.peers.get_mut(&peer) {
            holder.held -= amount;
            holder.holdings -= 1;
            if holder.holdings == 0 {
                self.peers.remove(&peer);
            }
        }
        Some(recall)
    }

    /// Recalls what is oldest until there is room for `amount`: of the peer itself if it would
    /// have more than its share, else of strangers, and for a trusted peer at last of trusted
    /// ones. `own` is not recalled. Returns whether there is room.
    fn make_room(
        &mut self,
        peer: Peer,
        is_trusted: bool,
        amount: usize,
        own: Option<Number>,
    ) -> bool {
        let Limits { all_max, peer_max } = self.limits;
        let most = if is_trusted { all_max } else { peer_max };
        if amount > most {
            // Whatever is recalled, it is not enough.
            return false;
        }
        while !is_trusted && self.held_by(peer) + amount > peer_max {
            let Some(oldest) = self.oldest_of(peer, own) else {
                return false;
            };
            self.recall(oldest);
        }
        while self.held + amount > all_max {
            let Some(oldest) = self.oldest(is_trusted, own) else {
                return false;
            };
            self.recall(oldest);
        }
        true
    }

    fn recall(&mut self, number: Number) {
        let recall = self.remove(number);
        self.recalled.extend(recall);
    }

    fn held_by(&self, peer: Peer) -> usize {
        self.peers.get(&peer).map_or(0, |holder| holder.held)
    }

    fn oldest_of(&self, peer: Peer, own: Option<Number>) -> Option<Number> {
        let mut oldest = self.peers.get(&peer)?.recallable.iter();
        oldest.find(|&&number| Some(number) != own).copied()
    }

    /// The oldest holding of a stranger, or of a trusted peer if `of_trusted`.
    fn oldest(&mut self, of_trusted: bool, own: Option<Number>) -> Option<Number> {
        let others = |queue: &BTreeSet<Number>| {
            let mut oldest = queue.iter();
            oldest.find(|&&number| Some(number) != own).copied()
        };
        while let Some(number) = others(&self.strangers) {
            let peer = self.holdings.get(&number).map(|entry| entry.peer);
            if !peer.is_some_and(|peer| self.trust.has(peer)) {
                return Some(number);
            }
            // Its peer has proved itself since.
            self.strangers.remove(&number);
            self.trusted.insert(number);
        }
        if of_trusted {
            others(&self.trusted)
        } else {
            None
        }
    }
}
