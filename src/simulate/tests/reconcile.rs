//! Applies deliveries as the service does, without a network.

use crate::{
    domain::{Decoded, Time, UserEvent},
    providers::Registry,
    reconcile::{Rules, room::Room},
};

use super::{GRACE, HORIZON, NOW, plan};
use crate::simulate::{
    callbacks::{PlannedCallback, Signing, SubjectIndex, VendorAccount},
    disorder::{Delivery, Schedule},
    world::{Shape, World, settled_after},
};

/// What callbacks are applied to: a room, or a user.
pub(super) trait Reconciled: Clone + Default {
    /// The index of the subject of a callback, if the subject is of this kind.
    fn place(about: SubjectIndex) -> Option<usize>;
    /// How many of these a world has.
    fn count(world: &World) -> usize;
    fn apply(&mut self, decoded: &Decoded, received_at: Time, rules: &Rules);
    fn tick(&mut self, now: Time, rules: &Rules);
}

impl Reconciled for Room {
    fn place(about: SubjectIndex) -> Option<usize> {
        match about {
            SubjectIndex::Room(place) => Some(place),
            SubjectIndex::User(_) => None,
        }
    }

    fn count(world: &World) -> usize {
        world.rooms.len()
    }

    fn apply(&mut self, decoded: &Decoded, received_at: Time, rules: &Rules) {
        let Decoded::Room(events) = decoded else {
            panic!("{decoded:?}");
        };
        for event in events {
            Room::apply(self, event, received_at, rules);
        }
    }

    fn tick(&mut self, now: Time, rules: &Rules) {
        Room::tick(self, now, rules);
    }
}

/// A world, its deliveries, and the decoded callbacks. It is made once for all the rules that
/// are left out.
pub(super) struct History {
    pub(super) shape: Shape,
    pub(super) world: World,
    pub(super) schedule: Schedule,
    /// The callbacks of the world, each with the index of its subject. `None` if the subject is
    /// of the other kind.
    decoded: Vec<Option<(usize, Decoded)>>,
}

impl History {
    /// A history of the rooms of a world, or of its users.
    pub(super) fn of<K: Reconciled>(shape: &Shape) -> Self {
        let world = World::make(shape);
        let decoded = world.callbacks.iter().map(|callback| {
            let place = K::place(callback.about)?;
            Some((place, decode(&world, callback)))
        });
        Self {
            decoded: decoded.collect(),
            schedule: plan(shape, &world, 0.0),
            shape: shape.clone(),
            world,
        }
    }

    /// Applies all deliveries, with ticks in between where time passes, and returns the state
    /// of each subject.
    pub(super) fn reconcile<K: Reconciled>(&self, rules: &Rules) -> Vec<K> {
        let forgets = self.shape.forgets.is_some();
        let mut all = vec![K::default(); K::count(&self.world)];
        let mut ticked_at = NOW;
        for (place, delivery) in (0..).zip(&self.schedule.deliveries) {
            let received_at = received_at(&self.shape, place, delivery);
            while forgets && ticked_at + 1_000 <= received_at {
                ticked_at += 1_000;
                tick(&mut all, ticked_at, rules);
            }
            if let Some((place, decoded)) = &self.decoded[delivery.callback] {
                let received_at = Time::from_millis(received_at).unwrap();
                all[*place].apply(decoded, received_at, rules);
            }
        }
        if forgets {
            for second in 1..=4 {
                let settled = NOW + settled_after(HORIZON, GRACE);
                tick(&mut all, settled.max(ticked_at + second * 1_000), rules);
            }
        }
        all
    }
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
        sdk_token: None,
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
