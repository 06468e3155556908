//! Makes changes of a room, in the way of each contender.

use bytes::Bytes;
use tonic::transport::Channel;

use super::{
    callback::{Kind, Template, What, room_id, user_id},
    etcd, grpc,
    http::Connection,
    resp::{Redis, command},
};
use crate::{
    Outcome,
    contender::{Contender, Running},
};

/// The room that is watched.
pub(crate) const ROOM: usize = 0;

/// One connection on which changes are made, one after the other.
#[derive(Debug)]
pub(crate) enum Sender {
    Http(Connection, Box<Template>),
    Redis(Redis),
    Etcd(Channel),
}

impl Sender {
    pub(crate) async fn open(contender: Contender, running: &Running) -> Outcome<Self> {
        Ok(match contender {
            Contender::Redis => Self::Redis(Redis::open(running.http).await?),
            Contender::Etcd => Self::Etcd(grpc::connect(running.http).await?),
            Contender::Memory | Contender::Disk | Contender::Bare | Contender::Fastify => {
                let template = Box::new(Template::new(Kind::Login));
                Self::Http(Connection::open(running.http).await?, template)
            }
        })
    }

    /// Lets a user join, and waits until that is acknowledged.
    pub(crate) async fn send(&mut self, user: usize) -> Outcome<()> {
        match self {
            Self::Http(connection, template) => {
                let what = What {
                    room: ROOM,
                    user,
                    number: user,
                    serial: user as u64,
                };
                connection.post(template.request(what)).await
            }
            Self::Redis(redis) => {
                let (room, user, value) = (room_id(ROOM), user_id(user), value(user));
                let mut commands = Vec::with_capacity(1024);
                let fields: [&[u8]; 4] =
                    [b"HSET", room.as_bytes(), user.as_bytes(), value.as_bytes()];
                command(&mut commands, &fields);
                let message = format!("{user}{value}");
                command(
                    &mut commands,
                    &[b"PUBLISH", room.as_bytes(), message.as_bytes()],
                );
                redis.send(&commands, 2).await.map(drop)
            }
            Self::Etcd(channel) => {
                let request =
                    etcd::put(format!("{}/{}", room_id(ROOM), user_id(user)), value(user));
                let answer: Outcome<Bytes> = grpc::call(channel.clone(), etcd::PUT, request).await;
                answer.map(drop)
            }
        }
    }
}

/// The value that a key-value store keeps for a user: the fields that Headcount
/// keeps, with as much of a client's own data as in a callback.
pub(crate) fn value(user: usize) -> String {
    let data = "x".repeat(super::callback::custom_data_bytes());
    format!(
        r#"{{"nickname":"Player One","role":2,"session":"1{user:018}","at":1790000000000,"platform":"IOS","data":"{data}"}}"#
    )
}
