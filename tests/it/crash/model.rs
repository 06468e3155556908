//! What the vendor knows: what was acknowledged, and what may be.

use std::collections::BTreeMap;

/// Where somebody is: in a room of an app, or online.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Room { app: &'static str, room: String },
    Online,
}

/// The session that somebody is there with, if there.
pub(crate) type Presence = Option<String>;

#[derive(Debug, Default)]
struct Known {
    acknowledged: Presence,
    /// What is so once the callback under way is taken in, which it may be already.
    in_flight: Option<Presence>,
}

/// What the service may say.
#[derive(Debug, Default)]
pub(crate) struct Model {
    known: BTreeMap<(Place, String), Known>,
}

impl Model {
    pub(crate) fn send(&mut self, place: &Place, user: &str, presence: Presence) {
        let known = self.known.entry((place.clone(), user.to_owned()));
        known.or_default().in_flight = Some(presence);
    }

    pub(crate) fn acknowledge(&mut self, place: &Place, user: &str) {
        let known = self.known.get_mut(&(place.clone(), user.to_owned()));
        let known = known.unwrap();
        known.acknowledged = known.in_flight.take().unwrap();
    }

    /// How many callbacks are under way.
    pub(crate) fn in_flight(&self) -> usize {
        let known = self.known.values();
        known.filter(|known| known.in_flight.is_some()).count()
    }

    /// Holds what the service says of a place, users and their sessions, to what
    /// is known.
    #[track_caller]
    pub(crate) fn assert_right(&self, place: &Place, mut told: BTreeMap<String, String>) {
        for ((_, user), known) in self.known.iter().filter(|((at, _), _)| at == place) {
            assert_may_be(known, told.remove(user), place, user);
        }
        assert!(told.is_empty(), "nobody sent them to {place:?}: {told:?}");
    }

    /// The same of one user.
    #[track_caller]
    pub(crate) fn assert_right_of(&self, place: &Place, user: &str, told: Presence) {
        match self.known.get(&(place.clone(), user.to_owned())) {
            Some(known) => assert_may_be(known, told, place, user),
            None => assert_eq!(told, None, "nobody sent {user} to {place:?}"),
        }
    }
}

#[track_caller]
fn assert_may_be(known: &Known, told: Presence, place: &Place, user: &str) {
    let is_right = told == known.acknowledged || known.in_flight.as_ref() == Some(&told);
    assert!(
        is_right,
        "{user} at {place:?} is said to be {told:?}: {known:?}"
    );
}
