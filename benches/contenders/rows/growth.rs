//! What a callback costs as rooms grow, and as there are more of them; and what the
//! end of a large room does to the others.

use std::{ops::Range, time::Duration};

use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use super::{curves, curves::Curve, fill};
use crate::{
    Outcome,
    args::Args,
    contender::{Contender, Running},
    load::{
        callback::{Kind, Template, What},
        http::Connection,
    },
    report::Report,
};

/// Members in all, however large the rooms are: only how they are spread differs.
const MEMBERS: usize = 1_000_000;
const SIZES: [usize; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];

const ROOMS: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];
const MEMBERS_PER_ROOM: usize = 10;

/// So many log in, and out again, before the next do.
const CHUNK: usize = 10_000;
const CHUNKS: usize = 5;

const UNIT: &str = "µs user CPU/callback";
const BY_SIZE: &str = "growth with the size of a room";
const BY_ROOMS: &str = "growth with the number of rooms";
const CLOSE: &str = "close of a room of 1,000,000";

/// How long another room is watched before and after a close.
const AROUND: Duration = Duration::from_secs(2);

/// Users of another room are told from all others.
const ELSEWHERE: usize = 900_000_000;

pub(crate) async fn run(args: &Args, report: &mut Report) -> Outcome<()> {
    let members = args.shrunk(MEMBERS);
    let mut by_size = Curve::new(BY_SIZE, "members in a room");
    let mut by_rooms = Curve::new(BY_ROOMS, "rooms");
    for round in 0..args.repeat {
        eprintln!("growth, round {}", round + 1);
        let mut sizes = SIZES.map(|size| size.min(members)).to_vec();
        sizes.dedup();
        for size in sizes {
            let world = World {
                rooms: members / size,
                members,
            };
            let running = world.start(args).await?;
            let cost = world.cost(&running).await?;
            by_size.add(size, cost);
            let name = match world.rooms {
                1 => "1 room of all members".to_owned(),
                _ => format!("rooms of {size}"),
            };
            report.add((BY_SIZE, &name), UNIT, cost, None);
            if world.rooms == 1 {
                let [before, after] = close(&running, &world).await?;
                report.add((CLOSE, "headcount, before it"), "ms at most", before, None);
                report.add(
                    (CLOSE, "headcount, during and after it"),
                    "ms at most",
                    after,
                    None,
                );
            }
        }
        for rooms in ROOMS
            .into_iter()
            .filter(|rooms| rooms * MEMBERS_PER_ROOM <= members)
        {
            let world = World {
                rooms,
                members: rooms * MEMBERS_PER_ROOM,
            };
            let cost = world.cost(&world.start(args).await?).await?;
            by_rooms.add(rooms, cost);
            report.add(
                (BY_ROOMS, &format!("{rooms} rooms of 10")),
                UNIT,
                cost,
                None,
            );
        }
    }
    curves::write(&args.svg, &[by_size, by_rooms])
}

/// Rooms and their members.
#[derive(Clone, Copy, Debug)]
struct World {
    rooms: usize,
    members: usize,
}

impl World {
    /// Headcount with all of them present.
    async fn start(self, args: &Args) -> Outcome<Running> {
        let running = Contender::Memory.start(args, None).await?;
        let plan = move |user| self.what(user, 0, user);
        fill::post(&running, Kind::Login, 0..self.members, plan).await?;
        Ok(running)
    }

    /// The callback of a user who is the `place`th of a phase: phases before it have
    /// numbered `before` callbacks of each room.
    fn what(self, user: usize, before: usize, place: usize) -> What {
        What {
            room: place % self.rooms,
            user,
            number: before + place / self.rooms + 1,
            serial: (before * self.rooms + place) as u64,
        }
    }

    /// Microseconds of `user` CPU for each of many logins and logouts, evenly over
    /// the rooms.
    async fn cost(self, running: &Running) -> Outcome<f64> {
        let first = running.usage().user;
        let of_members = self.members.div_ceil(self.rooms);
        let of_phase = CHUNK.div_ceil(self.rooms);
        for chunk in 0..CHUNKS {
            let users = self.members + chunk * CHUNK;
            for (phase, kind) in [Kind::Login, Kind::Logout].into_iter().enumerate() {
                let before = of_members + (2 * chunk + phase) * of_phase;
                let plan = move |place| self.what(users + place, before, place);
                fill::post(running, kind, 0..CHUNK, plan).await?;
            }
        }
        let callbacks = (2 * CHUNK * CHUNKS) as f64;
        Ok((running.usage().user - first) / callbacks * 1e6)
    }
}

/// How long a login of another room takes at most, in milliseconds: before a room
/// of all members closes, and while and after it does.
async fn close(running: &Running, world: &World) -> Outcome<[f64; 2]> {
    let half = ELSEWHERE + ELSEWHERE / 20;
    let before = slowest(running, world.rooms, ELSEWHERE..half, AROUND).await?;
    let mut closing = JoinSet::new();
    let mut connection = Connection::open(running.http).await?;
    closing.spawn(async move {
        time::sleep(AROUND / 10).await;
        let what = What {
            room: 0,
            user: 0,
            number: 0,
            serial: ELSEWHERE as u64 - 1,
        };
        connection
            .post(Template::new(Kind::Close).request(what))
            .await
    });
    let after = slowest(running, world.rooms, half..usize::MAX, AROUND).await?;
    while let Some(closed) = closing.join_next().await {
        closed??;
    }
    Ok([before, after])
}

/// The longest time that a login of a room takes, one after the other.
async fn slowest(
    running: &Running,
    room: usize,
    users: Range<usize>,
    during: Duration,
) -> Outcome<f64> {
    let mut connection = Connection::open(running.http).await?;
    let mut login = Template::new(Kind::Login);
    let begin = Instant::now();
    let mut slowest = Duration::ZERO;
    for user in users {
        let what = What {
            room,
            user,
            number: user - ELSEWHERE + 1,
            serial: user as u64,
        };
        let sent_at = Instant::now();
        connection.post(login.request(what)).await?;
        slowest = slowest.max(sent_at.elapsed());
        if begin.elapsed() > during {
            break;
        }
    }
    Ok(slowest.as_secs_f64() * 1000.0)
}
