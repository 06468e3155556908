//! The events of a callback, room by room.

use std::collections::{HashMap, hash_map::Entry};

use crate::domain::{RoomEvent, RoomId};

/// The events of each room. The rooms are in the order of their first events, and the events of
/// a room are in their own order.
pub(crate) fn groups(events: &[RoomEvent]) -> Vec<Vec<&RoomEvent>> {
    // Usually all events are of one room, which needs no index.
    if events.iter().all(|event| event.room == events[0].room) {
        return vec![events.iter().collect()];
    }
    let mut groups: Vec<Vec<&RoomEvent>> = Vec::new();
    let mut by_room: HashMap<&RoomId, usize> = HashMap::new();
    for event in events {
        match by_room.entry(&event.room) {
            Entry::Occupied(group) => groups[*group.get()].push(event),
            Entry::Vacant(place) => {
                place.insert(groups.len());
                groups.push(vec![event]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::RoomEventKind;

    use super::*;

    fn event(room: u8, users: u32) -> RoomEvent {
        RoomEvent {
            room: room.to_string().as_str().into(),
            incarnation: "1".into(),
            kind: RoomEventKind::Counted { at: None, users },
        }
    }

    proptest! {
        #[test]
        fn rooms_and_the_events_of_each_room_stay_in_their_order(
            rooms in prop::collection::vec(0..6_u8, 0..20),
        ) {
            let events: Vec<_> = rooms.iter().zip(0..).map(|(room, at)| event(*room, at)).collect();
            let mut first_of_each = rooms.clone();
            let mut seen = std::collections::HashSet::new();
            first_of_each.retain(|room| seen.insert(*room));
            let expected: Vec<Vec<_>> = first_of_each
                .iter()
                .map(|room| {
                    let id = RoomId::from(&*room.to_string());
                    events.iter().filter(|event| event.room == id).collect()
                })
                .collect();
            let found = groups(&events).into_iter().filter(|group| !group.is_empty());
            prop_assert_eq!(found.collect::<Vec<_>>(), expected);
        }
    }
}
