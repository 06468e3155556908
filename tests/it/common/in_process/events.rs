//! Short functions that make the events of vendors.

use std::sync::Arc;

use bytes::Bytes;
use headcount::{
    domain::{
        CloseReason, Decoded, IncarnationId, LeaveReason, Login, Logout, ProductName, Profile,
        Role, RoomEvent, RoomEventKind, RoomId, SessionId, Time, UserEvent, UserId,
    },
    journal::{Callback, Entry, Payload},
};

/// One life of a room, to make events of.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    room: RoomId,
    id: IncarnationId,
}

/// A room's first life.
pub(crate) fn room(id: &str) -> Life {
    life(id, "1")
}

pub(crate) fn life(room: &str, id: &str) -> Life {
    Life {
        room: room.into(),
        id: id.into(),
    }
}

impl Life {
    fn event(&self, kind: RoomEventKind) -> RoomEvent {
        RoomEvent {
            room: self.room.clone(),
            incarnation: self.id.clone(),
            kind,
        }
    }

    pub(crate) fn created(&self, at: Time) -> RoomEvent {
        let (at, creator) = (Some(at), Some(UserId::from("creator")));
        self.event(RoomEventKind::Created {
            at,
            creator,
            name: None,
        })
    }

    pub(crate) fn closed(&self, at: Time) -> RoomEvent {
        let (at, reason) = (Some(at), CloseReason::Normal);
        self.event(RoomEventKind::Closed { at, reason })
    }

    pub(crate) fn login(&self, user: &str, at: Time) -> RoomEvent {
        self.login_as(user, at, &Profile::default())
    }

    pub(crate) fn login_as(&self, user: &str, at: Time, profile: &Profile) -> RoomEvent {
        self.event(RoomEventKind::Login(Login {
            user: user.into(),
            session: "7".into(),
            at: Some(at),
            profile: profile.clone(),
            room_name: Some(Arc::from("lobby")),
            seq: None,
        }))
    }

    pub(crate) fn logout(&self, user: &str, at: Time) -> RoomEvent {
        self.event(RoomEventKind::Logout(Logout {
            user: user.into(),
            session: "7".into(),
            login_at: None,
            at: Some(at),
            reason: LeaveReason::Timeout,
            seq: None,
        }))
    }
}

/// A user's own connection, by a session of it.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    user: UserId,
    session: SessionId,
}

pub(crate) fn device(user: &str, session: &str) -> Device {
    Device {
        user: user.into(),
        session: session.into(),
    }
}

impl Device {
    pub(crate) fn login_as(&self, name: &str, at: Time) -> UserEvent {
        UserEvent::Login(Login {
            user: self.user.clone(),
            session: self.session.clone(),
            at: Some(at),
            profile: Profile {
                nickname: name.into(),
                platform: "WEB".into(),
                ..Profile::default()
            },
            room_name: None,
            seq: None,
        })
    }

    pub(crate) fn logout(&self, at: Time) -> UserEvent {
        UserEvent::Logout(Logout {
            user: self.user.clone(),
            session: self.session.clone(),
            login_at: None,
            at: Some(at),
            reason: LeaveReason::Logout,
            seq: None,
        })
    }
}

/// A profile that takes `bytes` in its custom data.
pub(crate) fn heavy(bytes: usize) -> Profile {
    Profile {
        nickname: "Ann".into(),
        role: Role::Host,
        platform: "IOS".into(),
        custom_data: "x".repeat(bytes).into(),
    }
}

/// The product that all callbacks are of.
pub(crate) const PRODUCT: ProductName = ProductName::new("zego_room");

/// A callback that says this, as the journal has it.
pub(crate) fn callback(app: &str, received_at: Time, decoded: impl Into<Arc<Decoded>>) -> Entry {
    let payload = Payload::Callback(Callback {
        app: app.into(),
        product: PRODUCT,
        query: "".into(),
        body: Bytes::new(),
        decoded: decoded.into(),
    });
    Entry {
        received_at,
        payload,
    }
}

pub(crate) fn tick(received_at: Time) -> Entry {
    let payload = Payload::Tick;
    Entry {
        received_at,
        payload,
    }
}
