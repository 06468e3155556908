//! Callbacks as Tencent sends them of its rooms (trtc.io/document/60720 and 60732
//! to 60735). They are signed only if the app has a token, and have neither numbers, nor ids of
//! sessions and lives.

use serde_json::{Value, json};

use sha2::{Digest as _, Sha256};

use super::{
    account::{Signing, VendorAccount},
    post::{JSON, Post},
};

/// What a callback of a Tencent room reports. Times are milliseconds since the
/// Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    Created {
        at: u64,
        creator_id: String,
        name: String,
    },
    Destroyed {
        at: u64,
    },
    /// Those who came, at once, and how many are there then.
    Entered {
        at: u64,
        user_ids: Vec<String>,
        present: usize,
    },
    /// Those who went, at once, and how many are left.
    Left {
        at: u64,
        user_ids: Vec<String>,
        present: usize,
        /// The vendor's word for why.
        kind: &'static str,
    },
}

impl Report {
    /// It is signed if the app has a token, and has no spellings.
    pub(super) fn post(&self, vendor: &VendorAccount, room_id: &str, signing: Signing) -> Post {
        let (id, command) = (vendor.sdk_app_id, self.command());
        let mut query = format!("SdkAppid={id}&CallbackCommand={command}&contenttype=json");
        if let Some(token) = &vendor.sdk_token {
            query += &signature(token, signing.timestamp);
        }
        Post {
            path: "/webhooks/tencent",
            query,
            content_type: JSON,
            body: self.body(room_id),
        }
    }

    fn command(&self) -> &'static str {
        match self {
            Report::Created { .. } => "Room.CallbackAfterCreateRoom",
            Report::Destroyed { .. } => "Room.CallbackAfterDestroyRoom",
            Report::Entered { .. } => "Room.CallbackAfterMemberEnter",
            Report::Left { .. } => "Room.CallbackAfterMemberLeave",
        }
    }

    fn body(&self, room_id: &str) -> String {
        let mut body = match self {
            Report::Created {
                at,
                creator_id,
                name,
            } => created(room_id, *at, creator_id, name),
            Report::Destroyed { at } => json!({
                "Operator_Account": "admin",
                "RoomId": room_id,
                "EventTime": at,
            }),
            Report::Entered {
                at,
                user_ids,
                present,
            } => json!({
                "Operator_Account": user_ids.first(),
                "RoomId": room_id,
                "MemberCount": present,
                "Type": "Enter",
                "MemberList_Account": user_ids,
                "EventTime": at,
            }),
            Report::Left {
                at,
                user_ids,
                present,
                kind,
            } => json!({
                "Operator_Account": user_ids.first(),
                "RoomId": room_id,
                "MemberCount": present,
                "Type": kind,
                "MemberList_Account": user_ids,
                "Reason": "",
                "EventTime": at,
            }),
        };
        body["CallbackCommand"] = Value::from(self.command());
        body.to_string()
    }
}

/// The signature of a callback, for its query (trtc.io/document/64412).
fn signature(token: &str, timestamp: u64) -> String {
    let hash = Sha256::digest(format!("{token}{timestamp}"));
    format!("&Sign={}&RequestTime={timestamp}", const_hex::encode(hash))
}

/// Only in this callback the room is inside of another object.
fn created(room_id: &str, at: u64, creator_id: &str, name: &str) -> Value {
    json!({
        "Operator_Account": "admin",
        "RoomInfo": {
            "RoomId": room_id,
            "RoomName": name,
            "RoomType": "Meeting",
            "Owner_Account": creator_id,
            "MaxMemberCount": 300,
            "RoomStatus": "Running",
            "CreateTime": at / 1000,
        },
        "EventTime": at,
    })
}
