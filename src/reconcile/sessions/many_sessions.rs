//! The sessions of a user who has many. Each question about them has an index, so that an event
//! costs no more than the logarithm of their number.

use imbl::{HashMap, OrdMap};

use crate::{
    domain::{SessionId, SessionIdRef, Time},
    reconcile::{Member, ordered_index::OrderedIndex},
};

use super::session::{Session, SessionEvidence, Spared};

/// Many sessions. To clone it costs a few reference counts, because a checkpoint clones it while
/// callbacks wait.
#[derive(Clone, Debug, Default)]
pub(super) struct ManySessions {
    by_id: HashMap<SessionId, Placed>,
    /// The sessions in the order in which their first evidence came.
    in_order: OrdMap<Place, SessionId>,
    by_login: OrderedIndex<Option<Time>, SessionId>,
    by_live_login: OrderedIndex<Option<Time>, SessionId>,
    by_reach: OrderedIndex<Option<Time>, SessionId>,
    live_by_evidence: OrderedIndex<Time, SessionId>,
    ended_by_evidence: OrderedIndex<Time, SessionId>,
    /// The bytes of the texts of all sessions.
    text_bytes: usize,
}

/// Where a session is in the order of first evidence.
type Place = u64;

#[derive(Clone, Debug)]
struct Placed {
    place: Place,
    session: SessionEvidence,
}

/// What a session is found by.
#[derive(Clone, Copy)]
struct Keys {
    login_known_at: Option<Time>,
    /// The time of the login, if it is live.
    live_login_at: Option<Option<Time>>,
    reach: Option<Time>,
    evidence_at: Time,
    text_bytes: usize,
}

impl Keys {
    fn of(session: &Session<'_>) -> Self {
        let live = session.login.filter(|_| session.is_live());
        Self {
            login_known_at: session.login_known_at,
            live_login_at: live.map(Member::login_at),
            reach: session.reach(),
            evidence_at: session.evidence_at,
            text_bytes: session.text_bytes(),
        }
    }

    fn is_live(&self) -> bool {
        self.live_login_at.is_some()
    }
}

impl ManySessions {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The bytes of the texts of all sessions.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// The sessions, in the order in which their first evidence came.
    pub(super) fn iter(&self) -> impl Iterator<Item = Session<'_>> {
        self.in_order.values().filter_map(|id| self.find(id))
    }

    /// The same, without a copy of them.
    pub(super) fn into_vec(self) -> Vec<SessionEvidence> {
        let Self {
            mut by_id,
            in_order,
            ..
        } = self;
        let sessions = in_order.values().filter_map(|id| by_id.remove(id));
        sessions.map(|placed| placed.session).collect()
    }

    pub(super) fn get(&self, id: SessionIdRef<'_>) -> Option<Session<'_>> {
        self.find(&id.into())
    }

    fn find(&self, id: &SessionId) -> Option<Session<'_>> {
        self.by_id.get(id).map(|placed| placed.session.view())
    }

    /// The session with the latest known login; of several, that with the greatest id.
    pub(super) fn latest(&self) -> Option<Session<'_>> {
        self.find(&self.by_login.last()?.1)
    }

    /// The same among the sessions that are live, by the login itself.
    pub(super) fn latest_live(&self) -> Option<Session<'_>> {
        self.find(&self.by_live_login.last()?.1)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = Session<'_>> {
        let live = self.by_live_login.iter();
        live.filter_map(|(_, id)| self.find(id))
    }

    /// The least and the greatest [`Session::reach`].
    pub(super) fn reaches(&self) -> Option<(Option<Time>, Option<Time>)> {
        Some((self.by_reach.first()?.0, self.by_reach.last()?.0))
    }

    /// The time of the latest evidence about any session.
    pub(super) fn last_evidence_at(&self) -> Option<Time> {
        let last = [self.live_by_evidence.last(), self.ended_by_evidence.last()];
        last.into_iter().flatten().map(|(at, _)| *at).max()
    }

    /// The session with the oldest evidence that is not spared, and the time of that evidence.
    pub(super) fn first_evidence(&self, spared: Spared<'_>) -> Option<(Time, &SessionId)> {
        // At most one session is passed over.
        let is_one = |id: &SessionId| matches!(spared, Spared::One(one) if one == id.borrowed());
        let ended = self.ended_by_evidence.iter().find(|(_, id)| !is_one(id));
        let live = match spared {
            Spared::Live => None,
            _ => self.live_by_evidence.iter().find(|(_, id)| !is_one(id)),
        };
        let (at, id) = ended.into_iter().chain(live).min()?;
        Some((*at, id))
    }

    /// Changes the evidence about a session, which is added if it is not known.
    pub(super) fn change(
        &mut self,
        id: &SessionId,
        evidence_at: Time,
        change: impl FnOnce(&mut SessionEvidence),
    ) {
        let Some(placed) = self.by_id.get_mut(id) else {
            let mut session = SessionEvidence::new(id.clone(), evidence_at);
            change(&mut session);
            return self.push(session);
        };
        let before = Keys::of(&placed.session.view());
        change(&mut placed.session);
        let after = Keys::of(&placed.session.view());
        // The session's own id, so that all indexes share its allocation.
        let id = placed.session.id.clone();
        self.index(&id, Some(before), Some(after));
    }

    /// Adds a session that is not known.
    pub(super) fn push(&mut self, session: SessionEvidence) {
        let last = self.in_order.get_max();
        let place = last.map_or(0, |(last, _)| last + 1);
        let (id, keys) = (session.id.clone(), Keys::of(&session.view()));
        self.in_order.insert(place, id.clone());
        self.by_id.insert(id.clone(), Placed { place, session });
        self.index(&id, None, Some(keys));
    }

    fn remove(&mut self, id: &SessionId) {
        let Some(Placed { place, session }) = self.by_id.remove(id) else {
            return;
        };
        self.in_order.remove(&place);
        self.index(id, Some(Keys::of(&session.view())), None);
    }

    /// Removes the sessions whose [`Session::reach`] is at most this time.
    pub(super) fn end_through(&mut self, at: Option<Time>) {
        while let Some((reach, id)) = self.by_reach.first()
            && *reach <= at
        {
            let id = id.clone();
            self.remove(&id);
        }
    }

    /// Removes the sessions that are not spared and whose evidence is due.
    pub(super) fn forget(&mut self, spared: Spared<'_>, is_due: impl Fn(Time) -> bool) {
        while let Some((at, id)) = self.first_evidence(spared)
            && is_due(at)
        {
            let id = id.clone();
            self.remove(&id);
        }
    }

    fn index(&mut self, id: &SessionId, before: Option<Keys>, after: Option<Keys>) {
        fn both<K>(
            (before, after): (Option<Keys>, Option<Keys>),
            key: impl Fn(Keys) -> Option<K>,
        ) -> (Option<K>, Option<K>) {
            (before.and_then(&key), after.and_then(&key))
        }
        let keys = (before, after);
        let text_bytes = |keys: Option<Keys>| keys.map_or(0, |keys| keys.text_bytes);
        self.text_bytes += text_bytes(after);
        self.text_bytes -= text_bytes(before);
        let (before, after) = both(keys, |keys| Some(keys.login_known_at));
        self.by_login.put(id, before, after);
        let (before, after) = both(keys, |keys| keys.live_login_at);
        self.by_live_login.put(id, before, after);
        let (before, after) = both(keys, |keys| Some(keys.reach));
        self.by_reach.put(id, before, after);
        let (before, after) = both(keys, |keys| keys.is_live().then_some(keys.evidence_at));
        self.live_by_evidence.put(id, before, after);
        let (before, after) = both(keys, |keys| (!keys.is_live()).then_some(keys.evidence_at));
        self.ended_by_evidence.put(id, before, after);
    }
}

impl FromIterator<SessionEvidence> for ManySessions {
    fn from_iter<T: IntoIterator<Item = SessionEvidence>>(sessions: T) -> Self {
        let mut many = Self::default();
        sessions.into_iter().for_each(|session| many.push(session));
        many
    }
}
