//! A world: rooms and users, what truly happens to them, and the callbacks that
//! report it.
//! All of it follows from its [`Shape`]; nothing here waits or sends.

mod late_stories;
mod names;
mod room_history;
mod shape;
mod stories;
mod story_frame;
mod tencent_room;
mod user_acts;
mod zim_user;

use std::fmt;

use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::{
    callbacks::{PlannedCallback, SubjectIndex},
    options::VendorName,
    truth::{RoomTruth, UserTruth},
};

use self::{room_history::RoomHistory, zim_user::ZimUser};

pub(crate) use self::{
    late_stories::{LateStory, settled_after},
    shape::Shape,
    stories::Story,
};

/// Rooms and users, what is true of them, and the callbacks that say so.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) rooms: Vec<WorldRoom>,
    pub(crate) users: Vec<WorldUser>,
    pub(crate) callbacks: Vec<PlannedCallback>,
}

/// One room of a world.
#[derive(Clone, Debug)]
pub(crate) struct WorldRoom {
    pub(crate) id: String,
    pub(crate) vendor: VendorName,
    pub(crate) story: RoomStory,
    pub(crate) truth: RoomTruth,
}

/// One user of a world's chat.
#[derive(Clone, Debug)]
pub(crate) struct WorldUser {
    pub(crate) id: String,
    pub(crate) truth: UserTruth,
}

/// What a room goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomStory {
    Story(Story),
    Late(LateStory),
    /// The story of every room of Tencent.
    Tencent,
}

impl fmt::Display for RoomStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Story(story) => write!(f, "{story:?}"),
            Self::Late(story) => write!(f, "{story:?}"),
            Self::Tencent => f.write_str("Tencent"),
        }
    }
}

impl World {
    /// Makes the world of a shape. The same shape makes the same world.
    pub(crate) fn make(shape: &Shape) -> Self {
        let mut rng = Pcg64::seed_from_u64(shape.seed);
        let mut world = Self::default();
        let (rooms, users, of_rooms) = shape.counts();
        world.make_rooms(shape, &mut rng, rooms, of_rooms);
        world.make_users(shape, &mut rng, users);
        world.find_users_in_rooms();
        world
    }

    /// The id of what a callback is about.
    pub(crate) fn id(&self, about: SubjectIndex) -> &str {
        match about {
            SubjectIndex::Room(place) => &self.rooms[place].id,
            SubjectIndex::User(place) => &self.users[place].id,
        }
    }

    /// Rooms with a short story leave the rest of their callbacks to the rooms after them.
    fn make_rooms(&mut self, shape: &Shape, rng: &mut Pcg64, rooms: usize, callbacks: usize) {
        let mut left = callbacks;
        let mut of_zego = 0..;
        for room in 0..rooms {
            let frame = shape.frame(left / (rooms - room));
            let vendor = vendor_of(room, shape.vendor);
            let story = match vendor {
                VendorName::Tencent => RoomStory::Tencent,
                _ => story_of(of_zego.next().unwrap_or(room), shape.forgets.is_some()),
            };
            let mut history = RoomHistory::new(rng.next_u64(), room, &shape.tag);
            match story {
                RoomStory::Story(story) => story.play(&mut history, &frame),
                RoomStory::Late(story) => story.play(&mut history, &frame),
                RoomStory::Tencent => tencent_room::play(&mut history, &frame),
            }
            left = left.saturating_sub(history.callbacks.len());
            self.callbacks.append(&mut history.callbacks);
            self.rooms.push(WorldRoom {
                id: format!("sim-{}-{room}", shape.tag),
                vendor,
                story,
                truth: history.truth,
            });
        }
    }

    /// Users have the callbacks that rooms left.
    fn make_users(&mut self, shape: &Shape, rng: &mut Pcg64, users: usize) {
        for user in 0..users {
            let left = shape.callbacks.saturating_sub(self.callbacks.len());
            let mut user_story = ZimUser::new(rng.next_u64(), user);
            user_story.play(&shape.frame(left / (users - user)));
            self.callbacks.append(&mut user_story.callbacks);
            self.users.push(WorldUser {
                id: names::regular(&shape.tag, user),
                truth: user_story.truth,
            });
        }
    }

    /// The regulars of ZEGOCLOUD's rooms are users of its chat: it is one app.
    fn find_users_in_rooms(&mut self) {
        for user in &mut self.users {
            let of_zego = |room: &&WorldRoom| room.vendor == VendorName::Zego;
            for room in self.rooms.iter().filter(of_zego) {
                if let Some(present) = room.truth.users.get(&user.id) {
                    let rooms = &mut user.truth.rooms;
                    rooms.insert(room.id.clone(), present.login_time);
                }
            }
        }
    }
}

/// In a mix, every third room is Tencent's.
fn vendor_of(room: usize, only: Option<VendorName>) -> VendorName {
    let mixed = match room % 3 {
        2 => VendorName::Tencent,
        _ => VendorName::Zego,
    };
    only.unwrap_or(mixed)
}

/// Half of ZEGO's rooms live one life after the other; the others take the rest of
/// the stories in turn.
fn story_of(room: usize, forgets: bool) -> RoomStory {
    if room.is_multiple_of(2) {
        return RoomStory::Story(Story::Lives);
    }
    let (turn, stories) = (room / 2, Story::ALL.len());
    if !forgets {
        return RoomStory::Story(Story::ALL[1 + turn % (stories - 1)]);
    }
    let turn = turn % (stories - 1 + LateStory::ALL.len());
    match turn.checked_sub(LateStory::ALL.len()) {
        None => RoomStory::Late(LateStory::ALL[turn]),
        Some(turn) => RoomStory::Story(Story::ALL[1 + turn]),
    }
}
