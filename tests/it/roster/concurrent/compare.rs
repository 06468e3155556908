//! Compares what watchers held with what it should have been.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use headcount::journal::Revision;

use super::harness::{Looks, Subject};

/// What each subject was, from each revision on.
pub(crate) struct References<L>(HashMap<Subject, BTreeMap<Revision, L>>);

impl<L: fmt::Debug + PartialEq> References<L> {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Notes what a subject is at a revision, which is above all before it.
    pub(crate) fn note(&mut self, subject: Subject, revision: Revision, look: L) {
        let looks = self.0.entry(subject).or_default();
        let last = looks.last_key_value();
        if last.is_none_or(|(_, last)| *last != look) {
            looks.insert(revision, look);
        }
    }

    /// What a subject is in the end.
    pub(crate) fn last(&self, subject: Subject) -> &L {
        self.0[&subject].last_key_value().unwrap().1
    }

    /// Asserts that each watcher always held what was there, and in the end all.
    /// `assert_same` compares a copy, first, with what it should be.
    pub(crate) fn assert_all(
        &self,
        watchers: &[Looks<L>],
        assert_same: impl Fn(&str, &L, &L),
        empty: &L,
    ) {
        let mut compared = 0;
        for (subject, looks) in watchers {
            for (revision, copy) in looks {
                let answer = self.0[subject].range(..=revision).next_back();
                let answer = answer.map_or(empty, |(_, answer)| answer);
                assert_same(&format!("{subject:?} at {revision}"), copy, answer);
                compared += 1;
            }
            let (revision, copy) = looks.last().unwrap();
            let place = format!("{subject:?} in the end, at {revision}");
            assert_same(&place, copy, self.last(*subject));
        }
        println!("compared {compared} copies");
    }
}
