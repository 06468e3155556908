//! Tokens, with which clients continue a watch or a list. They are opaque to clients.
//!
//! A token is a checksum and a small message, encoded as base64url without padding. The
//! checksum detects text that is not a token. It is not a signature, because with a forged
//! token a client gets nothing that it could not request anyway.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prost::Message;

use crate::{
    domain::{IncarnationId, Time, UserId},
    journal::{ChainHash, Epoch, Revision},
    reconcile::room::MemberKey,
    roster::{ChainLink, Roster},
};

/// The `resume_token` of the API: the revision up to which a client has all changes, and of which
/// journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grpc) struct ResumeToken {
    pub(in crate::grpc) epoch: Epoch,
    pub(in crate::grpc) revision: Revision,
    /// The hash of everything that the journal held up to the revision.
    pub(in crate::grpc) chain: ChainHash,
}

/// The `page_token` of `GetRoomUsers`: the last user of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::grpc) struct UsersToken {
    pub(in crate::grpc) incarnation: IncarnationId,
    pub(in crate::grpc) after: MemberKey,
}

/// The text is not a token of this service, or the token is of another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grpc) struct BadToken;

impl ResumeToken {
    /// The token of a client that has everything of a roster up to a revision.
    pub(in crate::grpc) fn at(roster: &Roster, revision: Revision) -> Self {
        let chain = match roster.chain(revision) {
            ChainLink::Known(chain) => chain,
            ChainLink::Forgotten | ChainLink::Ahead | ChainLink::Unchained => ChainHash::NONE,
        };
        Self {
            epoch: roster.epoch(),
            revision,
            chain,
        }
    }

    pub(in crate::grpc) fn encode(self) -> String {
        encode_token(&ResumeWire {
            epoch: self.epoch.0,
            revision: self.revision,
            chain: self.chain.number(),
        })
    }

    pub(in crate::grpc) fn decode(token: &str) -> Result<Self, BadToken> {
        let ResumeWire {
            epoch,
            revision,
            chain,
        } = decode_token(token)?;
        Ok(Self {
            epoch: Epoch(epoch),
            revision,
            chain: ChainHash::from_number(chain),
        })
    }
}

impl UsersToken {
    pub(in crate::grpc) fn encode(&self, app: &str, room: &str) -> String {
        encode_token(&UsersWire {
            scope: scope(&["users", app, room]),
            incarnation: self.incarnation.as_str().to_owned(),
            login_at: self.after.login_at.map_or(0, Time::as_millis),
            user: self.after.user.as_str().to_owned(),
        })
    }

    pub(in crate::grpc) fn decode(token: &str, app: &str, room: &str) -> Result<Self, BadToken> {
        let wire: UsersWire = decode_token(token)?;
        if wire.scope != scope(&["users", app, room]) {
            return Err(BadToken);
        }
        Ok(Self {
            incarnation: IncarnationId::from(&*wire.incarnation),
            after: MemberKey {
                login_at: Time::from_millis(wire.login_at),
                user: UserId::from(&*wire.user),
            },
        })
    }
}

/// The `page_token` of `ListRooms`: the last room of the page before.
pub(in crate::grpc) fn encode_rooms_token(app: &str, prefix: &str, last: &str) -> String {
    encode_token(&RoomsWire {
        scope: scope(&["rooms", app, prefix]),
        last: last.to_owned(),
    })
}

pub(in crate::grpc) fn decode_rooms_token(
    token: &str,
    app: &str,
    prefix: &str,
) -> Result<String, BadToken> {
    let wire: RoomsWire = decode_token(token)?;
    (wire.scope == scope(&["rooms", app, prefix]))
        .then_some(wire.last)
        .ok_or(BadToken)
}

/// The `page_token` of `GetUser`: the last room of the page before.
pub(in crate::grpc) fn encode_user_rooms_token(app: &str, user: &str, last: &str) -> String {
    encode_token(&RoomsWire {
        scope: scope(&["user", app, user]),
        last: last.to_owned(),
    })
}

pub(in crate::grpc) fn decode_user_rooms_token(
    token: &str,
    app: &str,
    user: &str,
) -> Result<String, BadToken> {
    let wire: RoomsWire = decode_token(token)?;
    (wire.scope == scope(&["user", app, user]))
        .then_some(wire.last)
        .ok_or(BadToken)
}

#[derive(Clone, PartialEq, Message)]
struct ResumeWire {
    #[prost(fixed64, tag = "1")]
    epoch: u64,
    #[prost(uint64, tag = "2")]
    revision: u64,
    #[prost(fixed64, tag = "9")]
    chain: u64,
}

#[derive(Clone, PartialEq, Message)]
struct UsersWire {
    #[prost(fixed64, tag = "3")]
    scope: u64,
    #[prost(string, tag = "4")]
    incarnation: String,
    #[prost(uint64, tag = "5")]
    login_at: u64,
    #[prost(string, tag = "6")]
    user: String,
}

#[derive(Clone, PartialEq, Message)]
struct RoomsWire {
    #[prost(fixed64, tag = "7")]
    scope: u64,
    #[prost(string, tag = "8")]
    last: String,
}

fn encode_token(message: &impl Message) -> String {
    let body = message.encode_to_vec();
    let mut bytes = checksum(&body).to_le_bytes().to_vec();
    bytes.extend(body);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode_token<M: Message + Default>(token: &str) -> Result<M, BadToken> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| BadToken)?;
    let (sum, body) = bytes.split_first_chunk().ok_or(BadToken)?;
    if u32::from_le_bytes(*sum) != checksum(body) {
        return Err(BadToken);
    }
    let message = M::decode(body).map_err(|_| BadToken)?;
    // A token of another kind has other fields, which `decode` skips.
    (message.encoded_len() == body.len())
        .then_some(message)
        .ok_or(BadToken)
}

fn checksum(bytes: &[u8]) -> u32 {
    let hash = scope(&[bytes]);
    (hash ^ (hash >> 32)) as u32
}

/// A hash of the request that a token belongs to, so that a token of another request is
/// refused.
fn scope<T: AsRef<[u8]>>(parts: &[T]) -> u64 {
    use std::hash::Hasher as _;
    let mut hasher = fnv::FnvHasher::default();
    for part in parts {
        hasher.write(part.as_ref());
        hasher.write(&[0xff]);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn users_token() -> UsersToken {
        UsersToken {
            incarnation: "7".into(),
            after: MemberKey {
                login_at: Time::from_millis(9),
                user: "u1".into(),
            },
        }
    }

    #[test]
    fn a_token_that_was_encoded_is_decoded() {
        let resume = ResumeToken {
            epoch: Epoch(u64::MAX),
            revision: 7,
            chain: ChainHash::from_number(9),
        };
        assert_eq!(ResumeToken::decode(&resume.encode()), Ok(resume));
        let users = users_token();
        assert_eq!(
            UsersToken::decode(&users.encode("a", "r"), "a", "r"),
            Ok(users)
        );
        let rooms = encode_rooms_token("a", "p", "last");
        assert_eq!(decode_rooms_token(&rooms, "a", "p").as_deref(), Ok("last"));
        let rooms = encode_user_rooms_token("a", "u", "last");
        let last = decode_user_rooms_token(&rooms, "a", "u");
        assert_eq!(last.as_deref(), Ok("last"));
    }

    #[test]
    fn a_token_of_another_request_is_refused() {
        let users = users_token().encode("a", "r");
        for (app, room) in [("a", "s"), ("b", "r"), ("ar", "")] {
            assert_eq!(UsersToken::decode(&users, app, room), Err(BadToken));
        }
        assert_eq!(ResumeToken::decode(&users), Err(BadToken));
        assert_eq!(decode_rooms_token(&users, "a", "r"), Err(BadToken));
        let rooms = encode_rooms_token("a", "u", "last");
        assert_eq!(decode_user_rooms_token(&rooms, "a", "u"), Err(BadToken));
        assert_eq!(
            ResumeToken::decode(&encode_token(&ResumeWire::default())[..5]),
            Err(BadToken)
        );
    }

    proptest! {
        #[test]
        fn garbage_is_refused(token in "[A-Za-z0-9_-]{0,60}") {
            prop_assert_eq!(ResumeToken::decode(&token), Err(BadToken));
            prop_assert_eq!(UsersToken::decode(&token, "a", "r"), Err(BadToken));
        }
    }
}
