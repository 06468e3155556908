//! Compares what the server says of a room, or a user, with what is true.

mod user;

use std::collections::BTreeSet;

use crate::pb;

use crate::simulate::truth::{RoomTruth, TrueLife, TrueProfile, TrueRole, TrueUser, digest};

pub(in crate::simulate) use self::user::{in_rooms, online, same};

/// Whether a server may have forgotten closed rooms and users who are offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum Memory {
    Keeps,
    Forgets,
}

/// How the users of a room differ from those who are truly in it.
pub(in crate::simulate) fn users<'u>(
    truth: &RoomTruth,
    users: impl Iterator<Item = &'u pb::RoomUser> + Clone,
) -> Vec<String> {
    let mut differences = Vec::new();
    let mut seen = BTreeSet::new();
    for user in users.clone() {
        seen.insert(user.user_id.as_str());
        match truth.users.get(&user.user_id) {
            None => differences.push(format!("{:?} is not in it", user.user_id)),
            Some(true_user) => differences.extend(user_fields(true_user, user)),
        }
    }
    let unseen = truth.users.keys().filter(|id| !seen.contains(id.as_str()));
    differences.extend(unseen.map(|id| format!("{id:?} is in it, but is not listed")));
    if differences.is_empty() {
        let told = digest(users.map(|user| (user.user_id.as_str(), user.session_id.as_str())));
        if told != truth.digest() {
            differences.push("a user is listed twice".to_owned());
        }
    }
    differences
}

/// How a user who is present differs from the truth.
fn user_fields(true_user: &TrueUser, user: &pb::RoomUser) -> Vec<String> {
    let id = &user.user_id;
    let Some(told) = told_user(user) else {
        return vec![format!("{id:?} is listed without a login time")];
    };
    let words = |user: &TrueUser| {
        let role = match user.profile.role {
            TrueRole::Host => "host",
            TrueRole::Audience => "audience",
            TrueRole::Recorder => "recorder",
            TrueRole::Untold => "untold",
        };
        let profile = &user.profile;
        [
            ("session_id", user.session_id.clone()),
            ("login_time", user.login_time.to_string()),
            ("role", role.to_owned()),
            ("nickname", profile.nickname.clone()),
            ("platform", profile.platform.clone()),
            ("custom_data", profile.custom_data.clone()),
        ]
    };
    let pairs = words(&told).into_iter().zip(words(true_user));
    let differing = pairs.filter(|(told, truth)| told != truth);
    differing
        .map(|((field, told), (_, truth))| {
            format!("{id:?} is listed with the {field} {told:?} instead of {truth:?}")
        })
        .collect()
}

/// A user whom the server lists, as a value of the truth; `None` without a login time.
fn told_user(user: &pb::RoomUser) -> Option<TrueUser> {
    let role = match user.role() {
        pb::UserRole::Host => TrueRole::Host,
        pb::UserRole::Audience => TrueRole::Audience,
        pb::UserRole::Admin => TrueRole::Recorder,
        pb::UserRole::Unspecified => TrueRole::Untold,
    };
    Some(TrueUser {
        session_id: user.session_id.clone(),
        login_time: millis(user.login_time.as_ref())?,
        profile: TrueProfile {
            nickname: user.nickname.clone(),
            role,
            platform: user.platform.clone(),
            custom_data: user.custom_data.clone(),
        },
    })
}

/// How a room, but for its users and counts, differs from what is true of it.
pub(in crate::simulate) fn room(truth: &RoomTruth, room: &pb::Room, memory: Memory) -> Vec<String> {
    let is_unknown = room.state() == pb::RoomState::Unknown;
    let Some(life) = &truth.life else {
        let (state, session) = (word(room.state()), &room.session_id);
        let told =
            || format!("it should be unknown, but is reported as {state}, session {session:?}");
        return (!is_unknown).then(told).into_iter().collect();
    };
    if is_unknown && life.close_time.is_some() && memory == Memory::Forgets {
        return Vec::new();
    }
    let mut differences = Vec::new();
    let state = match life.close_time {
        Some(_) => pb::RoomState::Closed,
        None => pb::RoomState::Open,
    };
    if room.state() != state {
        let (told, truth) = (word(room.state()), word(state));
        differences.push(format!("it is reported as {told} instead of {truth}"));
    }
    differences.extend(fields(life, room));
    differences
}

fn word(state: pb::RoomState) -> &'static str {
    match state {
        pb::RoomState::Unspecified => "of no state",
        pb::RoomState::Unknown => "unknown",
        pb::RoomState::Open => "open",
        pb::RoomState::Closed => "closed",
    }
}

fn fields(life: &TrueLife, room: &pb::Room) -> Vec<String> {
    let time = |at: Option<u64>| at.map_or("unset".to_owned(), |at| at.to_string());
    let told = |at: &Option<prost_types::Timestamp>| time(millis(at.as_ref()));
    let pairs = [
        (
            "session_id",
            room.session_id.clone(),
            life.session_id.clone(),
        ),
        ("name", room.name.clone(), life.name.clone()),
        (
            "creator_id",
            room.creator_id.clone(),
            life.creator_id.clone(),
        ),
        ("open_time", told(&room.open_time), time(life.open_time)),
        ("close_time", told(&room.close_time), time(life.close_time)),
    ];
    let differing = pairs.into_iter().filter(|(_, told, truth)| told != truth);
    differing
        .map(|(field, told, truth)| {
            format!("its {field} is reported as {told:?} instead of {truth:?}")
        })
        .collect()
}

/// Milliseconds since the Unix epoch.
fn millis(at: Option<&prost_types::Timestamp>) -> Option<u64> {
    let at = at?;
    let seconds = u64::try_from(at.seconds).ok()?;
    let millis = u64::try_from(at.nanos / 1_000_000).ok()?;
    Some(seconds * 1_000 + millis)
}
