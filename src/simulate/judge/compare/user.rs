//! Compares what the server says of a user with the truth.

use std::collections::BTreeMap;

use crate::{
    pb,
    simulate::truth::{TrueDevice, UserTruth},
};

use super::{Memory, millis};

/// How a user, apart from the rooms that the user is in, differs from the truth.
pub(in crate::simulate) fn online(
    truth: &UserTruth,
    user: &pb::User,
    memory: Memory,
) -> Vec<String> {
    let mut differences = devices(truth, &user.devices);
    let is_online = !truth.devices.is_empty();
    if user.online != is_online {
        let word = |online| if online { "online" } else { "offline" };
        let (told, truth) = (word(user.online), word(is_online));
        differences.push(format!("is reported as {told} instead of {truth}"));
    }
    let is_forgotten = !is_online && user.name.is_empty() && memory == Memory::Forgets;
    if user.name != truth.name && !is_forgotten {
        let (told, truth) = (&user.name, &truth.name);
        differences.push(format!(
            "the name is reported as {told:?} instead of {truth:?}"
        ));
    }
    differences
}

fn devices(truth: &UserTruth, told: &[pb::Device]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut seen = BTreeMap::new();
    for device in told {
        let id = &device.session_id;
        if seen.insert(id, ()).is_some() {
            differences.push(format!("the device {id:?} is listed twice"));
        }
        match truth.devices.get(id) {
            None => differences.push(format!("the device {id:?} is listed, but is not online")),
            Some(true_device) => differences.extend(fields(true_device, device)),
        }
    }
    let unseen = truth.devices.keys().filter(|id| !seen.contains_key(id));
    differences.extend(unseen.map(|id| format!("the device {id:?} is online, but is not listed")));
    if !told.is_sorted_by_key(|device| millis(device.login_time.as_ref())) {
        differences.push("the devices are not in order".to_owned());
    }
    differences
}

fn fields(true_device: &TrueDevice, device: &pb::Device) -> Vec<String> {
    let login_time = match millis(device.login_time.as_ref()) {
        Some(at) => at.to_string(),
        None => "unset".to_owned(),
    };
    let pairs = [
        ("platform", device.platform.clone(), &true_device.platform),
        (
            "login_time",
            login_time,
            &true_device.login_time.to_string(),
        ),
    ];
    let differing = pairs.into_iter().filter(|(_, told, truth)| told != *truth);
    differing
        .map(|(field, told, truth)| {
            let id = &device.session_id;
            format!("the device {id:?} is listed with the {field} {told:?} instead of {truth:?}")
        })
        .collect()
}

/// How the rooms that a user is reported in differ from those that the user is truly in, by
/// their ids.
pub(in crate::simulate) fn in_rooms(truth: &UserTruth, user: &pb::User) -> Vec<(String, String)> {
    let mut differences = Vec::new();
    let mut seen = BTreeMap::new();
    for room in &user.rooms {
        let (id, at) = (&room.room_id, millis(room.login_time.as_ref()));
        let what = match truth.rooms.get(id) {
            _ if seen.insert(id, ()).is_some() => format!("the room {id:?} is listed twice"),
            None => format!("the room {id:?} is listed, but the user is not in it"),
            Some(true_at) if at == Some(*true_at) => continue,
            Some(true_at) => {
                format!("the room {id:?} is listed with the login time {at:?} instead of {true_at}")
            }
        };
        differences.push((id.clone(), what));
    }
    let unseen = truth.rooms.keys().filter(|id| !seen.contains_key(id));
    let untold = unseen.map(|id| {
        let what = format!("the user is in the room {id:?}, which is not listed");
        (id.clone(), what)
    });
    differences.extend(untold);
    differences
}

/// Whether a copy that was folded from changes is what the server says when it is
/// asked. No change is sent when a name is forgotten.
pub(in crate::simulate) fn same(copy: &pb::User, told: &pb::User, memory: Memory) -> bool {
    let by_id = |user: &pb::User| {
        let mut devices = user.devices.clone();
        devices.sort_by(|a, b| a.session_id.cmp(&b.session_id));
        devices
    };
    let is_forgotten = !told.online && told.name.is_empty() && memory == Memory::Forgets;
    let same_name = copy.name == told.name || is_forgotten;
    same_name && copy.rooms == told.rooms && by_id(copy) == by_id(told)
}
