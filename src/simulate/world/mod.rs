//! A world: rooms, what truly happens in them, and the callbacks that report it.
//! All of it follows from its [`Shape`]; nothing here waits or sends.

mod acts;
mod history;
mod late;
mod names;
mod stories;
mod tencent;

use std::fmt;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::{callbacks::Callback, options::VendorName, truth::Truth};

use self::history::History;

pub(crate) use self::{
    late::{LateStory, settled_after},
    names::term_type,
    stories::Story,
};

/// What a world is made from. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    /// What makes room ids unique to this run.
    pub(crate) tag: String,
    /// Whose rooms; all vendors' if none is named.
    pub(crate) vendor: Option<VendorName>,
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

/// Rooms, what is true of them, and the callbacks that say so.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) rooms: Vec<WorldRoom>,
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

/// The frame of one room's story.
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

impl World {
    /// Makes the world of a shape. The same shape makes the same world.
    pub(crate) fn make(shape: &Shape) -> Self {
        let mut rng = Pcg64::seed_from_u64(shape.seed);
        let mut world = Self {
            rooms: Vec::with_capacity(shape.rooms),
            callbacks: Vec::with_capacity(shape.callbacks),
        };
        // Rooms whose story is short leave their share to those after them.
        let mut left = shape.callbacks;
        let mut of_zego = 0..;
        for room in 0..shape.rooms {
            let plot = Plot {
                users: shape.users,
                callbacks: (left / (shape.rooms - room)).max(1),
                from: shape.from,
                until: shape.until,
                horizon: shape.horizon,
                grace: shape.forgets.unwrap_or_default(),
            };
            let vendor = vendor_of(room, shape.vendor);
            let kind = match vendor {
                VendorName::Zego => {
                    plot_kind(of_zego.next().unwrap_or(room), shape.forgets.is_some())
                }
                VendorName::Tencent => PlotKind::Tencent,
            };
            let mut history = History::new(rng.next_u64(), room);
            match kind {
                PlotKind::Story(story) => story.tell(&mut history, &plot),
                PlotKind::Late(story) => story.tell(&mut history, &plot),
                PlotKind::Tencent => tencent::tell(&mut history, &plot),
            }
            left = left.saturating_sub(history.callbacks.len());
            world.callbacks.append(&mut history.callbacks);
            world.rooms.push(WorldRoom {
                id: format!("sim-{}-{room}", shape.tag),
                vendor,
                plot: kind,
                truth: history.truth,
            });
        }
        world
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
