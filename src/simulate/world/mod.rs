//! A world: rooms and users, what truly happens to them, and the callbacks that
//! report it.
//! All of it follows from its [`Shape`]; nothing here waits or sends.

mod acts;
mod history;
mod late;
mod names;
mod stories;
mod tencent;
mod zim;

use std::fmt;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::{
    callbacks::{Callback, Place},
    options::VendorName,
    truth::{Truth, UserTruth},
};

use self::{history::History, late::SLACK, zim::Chatter};

pub(crate) use self::{
    late::{LateStory, settled_after},
    names::term_type,
    stories::Story,
};

/// What a world is made from. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    /// What makes ids unique to this run.
    pub(crate) tag: String,
    /// Whose callbacks; all vendors' if none is named.
    pub(crate) vendor: Option<VendorName>,
    /// How many rooms there are, and users of the chat, if of each.
    pub(crate) rooms: usize,
    /// Regulars of each room; guests come on top.
    pub(crate) users: usize,
    /// How many callbacks there are to be, about.
    pub(crate) callbacks: usize,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// The server's reorder horizon, in milliseconds.
    pub(crate) horizon: u64,
    /// How much longer the server keeps evidence, in milliseconds, if the world
    /// is to show how it forgets.
    pub(crate) forgets: Option<u64>,
}

/// Rooms and users, what is true of them, and the callbacks that say so.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) rooms: Vec<WorldRoom>,
    pub(crate) users: Vec<WorldUser>,
    pub(crate) callbacks: Vec<Callback>,
}

/// One room of a world.
#[derive(Clone, Debug)]
pub(crate) struct WorldRoom {
    pub(crate) id: String,
    pub(crate) vendor: VendorName,
    pub(crate) plot: PlotKind,
    pub(crate) truth: Truth,
}

/// One user of a world's chat.
#[derive(Clone, Debug)]
pub(crate) struct WorldUser {
    pub(crate) id: String,
    pub(crate) truth: UserTruth,
}

/// What a room goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlotKind {
    Story(Story),
    Late(LateStory),
    /// What any room of Tencent's goes through.
    Tencent,
}

impl fmt::Display for PlotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Story(story) => write!(f, "{story:?}"),
            Self::Late(story) => write!(f, "{story:?}"),
            Self::Tencent => f.write_str("Tencent"),
        }
    }
}

/// The frame of the story of one room, or one user.
#[derive(Clone, Debug)]
struct Plot {
    users: usize,
    callbacks: usize,
    from: u64,
    until: u64,
    horizon: u64,
    grace: u64,
}

impl Plot {
    fn span(&self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    /// A time that is stale whenever in the run it is received.
    fn ancient(&self) -> u64 {
        self.from.saturating_sub(self.horizon / 5 * 6 + 2_000)
    }

    fn some_time(&self, rng: &mut Pcg64) -> u64 {
        rng.random_range(self.from..=self.until)
    }
}

impl Shape {
    /// How many rooms there are, how many users of the chat, and how many of the
    /// callbacks are about rooms: in a mix most, as rooms have more of a life.
    fn counts(&self) -> (usize, usize, usize) {
        match self.vendor {
            None => (self.rooms, self.rooms, self.callbacks / 4 * 3),
            Some(VendorName::Zim) => (0, self.rooms, 0),
            Some(_) => (self.rooms, 0, self.callbacks),
        }
    }

    fn plot(&self, callbacks: usize) -> Plot {
        Plot {
            users: self.users,
            callbacks: callbacks.max(1),
            from: self.from,
            until: self.until,
            horizon: self.horizon,
            grace: self.forgets.unwrap_or_default(),
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
    pub(crate) fn id(&self, about: Place) -> &str {
        match about {
            Place::Room(place) => &self.rooms[place].id,
            Place::User(place) => &self.users[place].id,
        }
    }

    /// Rooms whose story is short leave their share to those after them.
    fn make_rooms(&mut self, shape: &Shape, rng: &mut Pcg64, rooms: usize, callbacks: usize) {
        let mut left = callbacks;
        let mut of_zego = 0..;
        for room in 0..rooms {
            let plot = shape.plot(left / (rooms - room));
            let vendor = vendor_of(room, shape.vendor);
            let kind = match vendor {
                VendorName::Tencent => PlotKind::Tencent,
                _ => plot_kind(of_zego.next().unwrap_or(room), shape.forgets.is_some()),
            };
            let mut history = History::new(rng.next_u64(), room, &shape.tag);
            match kind {
                PlotKind::Story(story) => story.tell(&mut history, &plot),
                PlotKind::Late(story) => story.tell(&mut history, &plot),
                PlotKind::Tencent => tencent::tell(&mut history, &plot),
            }
            left = left.saturating_sub(history.callbacks.len());
            self.callbacks.append(&mut history.callbacks);
            self.rooms.push(WorldRoom {
                id: format!("sim-{}-{room}", shape.tag),
                vendor,
                plot: kind,
                truth: history.truth,
            });
        }
    }

    /// Users have the callbacks that rooms left.
    fn make_users(&mut self, shape: &Shape, rng: &mut Pcg64, users: usize) {
        for user in 0..users {
            let left = shape.callbacks.saturating_sub(self.callbacks.len());
            let mut chatter = Chatter::new(rng.next_u64(), user);
            chatter.tell(&shape.plot(left / (users - user)));
            self.callbacks.append(&mut chatter.callbacks);
            self.users.push(WorldUser {
                id: names::regular(&shape.tag, user),
                truth: chatter.truth,
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
fn plot_kind(room: usize, forgets: bool) -> PlotKind {
    if room.is_multiple_of(2) {
        return PlotKind::Story(Story::Lives);
    }
    let (turn, stories) = (room / 2, Story::ALL.len());
    if !forgets {
        return PlotKind::Story(Story::ALL[1 + turn % (stories - 1)]);
    }
    let turn = turn % (stories - 1 + LateStory::ALL.len());
    match turn.checked_sub(LateStory::ALL.len()) {
        None => PlotKind::Late(LateStory::ALL[turn]),
        Some(turn) => PlotKind::Story(Story::ALL[1 + turn]),
    }
}
