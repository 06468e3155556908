//! Very many devices of one user, lives of one room, and sessions of one user in a room, all in
//! authentic callbacks: for the running service, and for the next start.

use futures_util::FutureExt as _;
use serde_json::Value;

use crate::{
    attack::Attack,
    child::{Post, now, zego, zim},
    front::Front,
    load::post_all,
};

const DEVICES: usize = 2_000;
const LIVES: usize = 20_000;
const SESSIONS: usize = 20_000;

/// How many users are in a room of the journal to compare with.
const USUAL_USERS: usize = 10;

/// The limits are raised: what is below them must not be slow either, wherever they are.
const NO_LIMITS: &str =
    "kind = \"disk\"\n[roster]\nsessions_per_user_max = 50000\nlives_per_room_max = 50000";

pub(crate) const OF_ONE_SENDER: Attack = Attack {
    name: "devices, lives and sessions",
    memory_max: 256,
    journal: NO_LIMITS,
    run: |to| grow(to.webhook).boxed(),
    restarts_as: Some(|to| {
        let usual = |number: usize| {
            let room = format!("room-{}", number / USUAL_USERS);
            login(&room, "1", &format!("user-{number}"), number)
        };
        post_all(to.webhook, DEVICES + LIVES + SESSIONS, usual).boxed()
    }),
    ..Attack::ON_EMPTY
};

async fn grow(to: Front) {
    let device = |number: usize| zim(("devices", &number.to_string()), now(), None);
    let life = |number: usize| login("lives", &(number + 1).to_string(), "user", number);
    let session = |number| login("sessions", "1", "user", number);
    tokio::join!(
        post_all(to, DEVICES, device),
        post_all(to, LIVES, life),
        post_all(to, SESSIONS, session),
    );
}

/// A login to a life of a room, with a session of its own.
fn login(room: &str, life: &str, user: &str, number: usize) -> Post {
    let session = (number + 1).to_string();
    let mut post = zego((room, number as u64 + 1), (user, &session), now(), None);
    // The signature is not of the fields.
    let mut body: Value = serde_json::from_str(&post.body).unwrap();
    body["room_seq"] = life.into();
    post.body = body.to_string();
    post
}
