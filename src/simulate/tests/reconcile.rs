//! Applies deliveries as the service does, without a network.

use crate::{
    domain::{Decoded, Time, UserEvent},
    providers::Registry,
    reconcile::{Rules, room::Room},
};

use super::{GRACE, HORIZON, NOW};
use crate::simulate::{
    callbacks::{PlannedCallback, Signing, SubjectIndex, VendorAccount},
    disorder::{Delivery, Schedule},
    world::{Shape, World, settled_after},
};

/// What callbacks are applied to: a room, or a user.
pub(super) trait Reconciled: Clone + Default {
    /// The index of the subject of a callback, if the subject is of this kind.
    fn place(about: SubjectIndex) -> Option<usize>;
    fn apply(&mut self, decoded: Decoded, received_at: Time, rules: &Rules);
    fn tick(&mut self, now: Time, rules: &Rules);
}

impl Reconciled for Room {
    fn place(about: SubjectIndex) -> Option<usize> {
        match about {
            SubjectIndex::Room(place) => Some(place),
            SubjectIndex::User(_) => None,
        }
    }

    fn apply(&mut self, decoded: Decoded, received_at: Time, rules: &Rules) {
        let Decoded::Room(events) = decoded else {
            panic!("{decoded:?}");
        };
        for event in events {
            Room::apply(self, &event, received_at, rules);
        }
    }

    fn tick(&mut self, now: Time, rules: &Rules) {
        Room::tick(self, now, rules);
    }
}

/// Applies all deliveries, with ticks in between where time passes, and returns the state of
/// each subject.
pub(super) fn reconcile<K: Reconciled>(
    shape: &Shape,
    world: &World,
    schedule: &Schedule,
    rules: &Rules,
    count: usize,
) -> Vec<K> {
    let mut all = vec![K::default(); count];
    let mut ticked_at = NOW;
    for (place, delivery) in (0..).zip(&schedule.deliveries) {
        let received_at = received_at(shape, place, delivery);
        while shape.forgets.is_some() && ticked_at + 1_000 <= received_at {
            ticked_at += 1_000;
            tick(&mut all, ticked_at, rules);
        }
        let callback = &world.callbacks[delivery.callback];
        if let Some(place) = K::place(callback.about) {
            let decoded = decode(world, callback);
            let received_at = Time::from_millis(received_at).unwrap();
            all[place].apply(decoded, received_at, rules);
        }
    }
    if shape.forgets.is_some() {
        for second in 1..=4 {
            let settled = NOW + settled_after(HORIZON, GRACE);
            tick(&mut all, settled.max(ticked_at + second * 1_000), rules);
        }
    }
    all
}

fn received_at(shape: &Shape, place: u64, delivery: &Delivery) -> u64 {
    match shape.forgets {
        Some(_) => delivery.at,
        None => NOW + place / 10,
    }
}

fn tick<K: Reconciled>(all: &mut [K], at: u64, rules: &Rules) {
    for known in all {
        known.tick(Time::from_millis(at).unwrap(), rules);
    }
}

/// A callback, as the service takes it.
fn decode(world: &World, callback: &PlannedCallback) -> Decoded {
    let vendor = VendorAccount {
        app_id: 1,
        secret: "secret".to_owned(),
        sdk_app_id: 1_400_000_000,
    };
    let signing = Signing {
        timestamp: NOW / 1000,
        nonce: 1,
    };
    let id = world.id(callback.about);
    let post = callback.post(&vendor, id, signing);
    let product = match post.path {
        "/webhooks/zego" => "zego_room",
        "/webhooks/zim" => "zim_presence",
        _ => "tencent_room",
    };
    let decoded = Registry::standard().decode(product, &post.query, post.body.as_bytes());
    let (_, decoded) = decoded.unwrap();
    let is_about_it = match &decoded {
        Decoded::Room(events) => events.iter().all(|event| event.room.as_str() == id),
        Decoded::User(events) => events.iter().all(|event| user_of(event) == id),
        _ => false,
    };
    assert!(is_about_it, "{decoded:?} of {id}: {}", post.body);
    decoded
}

fn user_of(event: &UserEvent) -> &str {
    match event {
        UserEvent::Login(login) => login.user.as_str(),
        UserEvent::Logout(logout) => logout.user.as_str(),
    }
}
