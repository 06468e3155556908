//! What the vendor sent: what was acknowledged, and what may have been received.

use std::collections::BTreeMap;

/// Where a user is: in a room of an app, or online.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Room { app: &'static str, room: String },
    Online,
}

/// The session of a user at a place; `None` if the user is not there.
pub(crate) type Presence = Option<String>;

#[derive(Debug, Default)]
struct Expected {
    acknowledged: Presence,
    /// What the callback that is under way says. The service may have applied it already.
    in_flight: Option<Presence>,
}

/// What the service may say.
#[derive(Debug, Default)]
pub(crate) struct Model {
    expected: BTreeMap<(Place, String), Expected>,
}

impl Model {
    pub(crate) fn send(&mut self, place: &Place, user: &str, presence: Presence) {
        let expected = self.expected.entry((place.clone(), user.to_owned()));
        expected.or_default().in_flight = Some(presence);
    }

    pub(crate) fn acknowledge(&mut self, place: &Place, user: &str) {
        let expected = self.expected.get_mut(&(place.clone(), user.to_owned()));
        let expected = expected.unwrap();
        expected.acknowledged = expected.in_flight.take().unwrap();
    }

    /// How many callbacks are under way.
    pub(crate) fn in_flight(&self) -> usize {
        let expected = self.expected.values();
        expected
            .filter(|expected| expected.in_flight.is_some())
            .count()
    }

    /// Checks the users and sessions that the service reports at a place.
    #[track_caller]
    pub(crate) fn assert_right(&self, place: &Place, mut told: BTreeMap<String, String>) {
        for ((_, user), expected) in self.expected.iter().filter(|((at, _), _)| at == place) {
            assert_may_be(expected, told.remove(user), place, user);
        }
        assert!(
            told.is_empty(),
            "no callback says that they are at {place:?}: {told:?}"
        );
    }

    /// Checks what the service reports of one user at a place.
    #[track_caller]
    pub(crate) fn assert_right_of(&self, place: &Place, user: &str, told: Presence) {
        match self.expected.get(&(place.clone(), user.to_owned())) {
            Some(expected) => assert_may_be(expected, told, place, user),
            None => assert_eq!(told, None, "no callback says that {user} is at {place:?}"),
        }
    }
}

#[track_caller]
fn assert_may_be(expected: &Expected, told: Presence, place: &Place, user: &str) {
    let is_right = told == expected.acknowledged || expected.in_flight.as_ref() == Some(&told);
    assert!(
        is_right,
        "{user} at {place:?} is said to be {told:?}: {expected:?}"
    );
}
