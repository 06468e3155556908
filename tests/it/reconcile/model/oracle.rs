//! The visible state of a room after all events in their true order. It is computed with sets
//! and assignments, without code of the reconciler.

use std::collections::{BTreeMap, BTreeSet};

use headcount::{
    domain::{Role, RoomEventKind, UserId},
    reconcile::{
        Member,
        room::{RoomState, RoomSummary},
    },
};

use super::{history::Step, replica::Visible};

/// One life of the room; the next begins when the first thing happens in it.
#[derive(Default)]
struct Life {
    summary: RoomSummary,
    users: BTreeMap<UserId, Member>,
    numbers: BTreeSet<u64>,
}

/// What is to be seen after these steps.
pub(crate) fn expected(steps: &[Step]) -> Visible {
    let mut life = Life::default();
    for step in steps {
        let incarnation = Some(step.event.incarnation.clone());
        if life.summary.incarnation != incarnation {
            life = Life::default();
            life.summary.incarnation = incarnation;
            life.summary.state = RoomState::Open;
        }
        life.happen(&step.event.kind);
        if !step.is_lost {
            life.hear(&step.event.kind);
        }
    }
    life.visible()
}

impl Life {
    /// Who is present depends on what happened, told or not.
    fn happen(&mut self, kind: &RoomEventKind) {
        match kind {
            RoomEventKind::Created { .. } | RoomEventKind::Counted { .. } => {}
            RoomEventKind::Closed { .. } => {
                self.summary.state = RoomState::Closed;
                self.users.clear();
            }
            RoomEventKind::Login(login) => {
                let member = Member::from(login);
                self.users.insert(login.user.clone(), member);
            }
            RoomEventKind::Logout(logout) => {
                let is_of_the_login = self.users.get(&logout.user).is_some_and(|member| {
                    member.session() == logout.session.borrowed()
                        && (logout.login_at.is_none() || logout.login_at == member.login_at())
                });
                if is_of_the_login {
                    self.users.remove(&logout.user);
                }
            }
        }
    }

    /// What callbacks say of the room depends on which of them were sent.
    fn hear(&mut self, kind: &RoomEventKind) {
        let summary = &mut self.summary;
        summary.last_event_at = summary.last_event_at.max(kind.at());
        match kind {
            RoomEventKind::Created { at, creator, .. } => {
                summary.opened_at = *at;
                summary.creator.clone_from(creator);
            }
            RoomEventKind::Closed { at, .. } => summary.closed_at = *at,
            RoomEventKind::Login(login) => {
                self.numbers.extend(login.seq);
                if login.room_name.is_some() {
                    summary.name.clone_from(&login.room_name);
                }
            }
            RoomEventKind::Logout(logout) => self.numbers.extend(logout.seq),
            RoomEventKind::Counted { .. } => {}
        }
    }

    fn visible(self) -> Visible {
        let Self {
            mut summary,
            users,
            numbers,
        } = self;
        let people = users.values().filter(|m| m.profile().role != Role::Admin);
        summary.user_count = people.count();
        let greatest = numbers.last().copied().unwrap_or(0);
        summary.missing_callbacks = greatest - numbers.len() as u64;
        let digest = users.values().map(hash_by_hand);
        let digest = digest.fold(0, u64::wrapping_add);
        let mut members: Vec<_> = users.into_values().collect();
        members.sort_by_key(|member| member.login_at());
        Visible {
            summary,
            members,
            digest,
        }
    }
}

/// FNV-1a, from its published constants.
fn hash_by_hand(member: &Member) -> u64 {
    let bytes = [member.user().as_str(), "\0", member.session().as_str()].concat();
    bytes.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
