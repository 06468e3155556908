//! Watches that resume from revisions that do not exist yet, each from another.

use std::hash::Hasher as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt as _;
use headcount::pb::{GetRoomUsersRequest, GetRoomUsersResponse, WatchRoomRequest};
use prost::Message;

use crate::{
    attack::{Attack, many},
    child::ZEGO_APP,
    grpc::{Grpc, WINDOW_BYTES, read},
    target::Addresses,
};

/// With as many watches as each may have, more than twice as many calls as may wait.
const CONNECTIONS: usize = 10;
const WATCHES: usize = 1_000;

/// How far ahead the first is: further than the prober comes while the attack lasts.
const AHEAD: u64 = 10_000;

pub(crate) const OF_MANY_WATCHES: Attack = Attack {
    name: "tokens that are ahead",
    memory_max: 256,
    // A journal on disk knows that it never had such a revision, and does not wait.
    journal: "kind = \"memory\"",
    run: |to| many(CONNECTIONS, move |number| resume(number, to)).boxed(),
    shows: Some("headcount_catch_ups_refused_total"),
    ..Attack::ON_EMPTY
};

/// What a token holds, after a checksum.
#[derive(Clone, PartialEq, Message)]
struct Token {
    #[prost(fixed64, tag = "1")]
    epoch: u64,
    #[prost(uint64, tag = "2")]
    revision: u64,
}

/// Begins as many watches as a connection may have, and waits for what becomes of them.
async fn resume(connection: usize, to: Addresses) {
    let Some(grpc) = Grpc::connect(connection, to.grpc, WINDOW_BYTES).await else {
        return;
    };
    let Some(token) = current(&grpc).await else {
        return;
    };
    let mut waiting = Vec::new();
    for watch in 0..WATCHES {
        let ahead = AHEAD + (connection * WATCHES + watch) as u64;
        let request = WatchRoomRequest {
            app: ZEGO_APP.to_owned(),
            room_id: "lobby".to_owned(),
            resume_token: token.ahead(ahead).encode_text(),
        };
        waiting.extend(grpc.call("WatchRoom", &request).await);
    }
    for answer in waiting {
        let _ = answer.await;
    }
}

/// The token of the latest revision.
async fn current(grpc: &Grpc) -> Option<Token> {
    let request = GetRoomUsersRequest {
        app: ZEGO_APP.to_owned(),
        room_id: "lobby".to_owned(),
        ..GetRoomUsersRequest::default()
    };
    let answer = grpc.call("GetRoomUsers", &request).await?;
    let mut token = None;
    read(answer, |message| {
        let answer = GetRoomUsersResponse::decode(message).unwrap();
        token = Some(Token::decode_text(&answer.resume_token));
        true
    })
    .await;
    token
}

impl Token {
    fn decode_text(text: &str) -> Self {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
        Self::decode(&bytes[size_of::<u32>()..]).unwrap()
    }

    fn ahead(&self, by: u64) -> Self {
        Self {
            revision: self.revision + by,
            ..self.clone()
        }
    }

    fn encode_text(&self) -> String {
        let body = self.encode_to_vec();
        let mut hasher = fnv::FnvHasher::default();
        hasher.write(&body);
        hasher.write(&[0xff]);
        let hash = hasher.finish();
        let checksum = (hash ^ (hash >> 32)) as u32;
        URL_SAFE_NO_PAD.encode([&checksum.to_le_bytes(), &*body].concat())
    }
}
