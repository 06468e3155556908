//! What each vendor sends when a user comes or goes.

use headcount::{
    domain::{AppName, Logins},
    providers::{Account, Signing, tencent, zego},
};

const SECRET: &str = "s3cr3t";
const SIGNED_APP: u64 = 1_400_000_001;
const UNSIGNED_APP: u64 = 1_400_000_002;

pub(crate) const ROOM: &str = "lobby";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    Zego,
    Zim,
    Tencent,
    TencentUnsigned,
}

impl Vendor {
    pub(crate) const ALL: [Self; 4] = [Self::Zego, Self::Zim, Self::Tencent, Self::TencentUnsigned];

    pub(crate) fn app(self) -> &'static str {
        match self {
            Self::Zego | Self::Zim => "arena",
            Self::Tencent => "meet",
            Self::TencentUnsigned => "open",
        }
    }
}

/// A user comes, or goes, by one session. Times are in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) user: u32,
    pub(crate) session: u64,
    pub(crate) login_at: u64,
    /// When the session ended, if this is its end.
    pub(crate) logout_at: Option<u64>,
}

impl Event {
    /// When it happened, in milliseconds.
    pub(crate) fn at(&self) -> u64 {
        self.logout_at.unwrap_or(self.login_at)
    }

    /// The URL and the body of its callback, signed at a time in milliseconds.
    pub(crate) fn callback(&self, vendor: Vendor, signed_at: u64) -> (String, String) {
        match vendor {
            Vendor::Zego => ("/webhooks/zego".into(), signed(signed_at, &self.zego())),
            Vendor::Zim => ("/webhooks/zim".into(), signed(signed_at, &self.zim())),
            Vendor::Tencent => {
                let time = (signed_at / 1000).to_string();
                let sign = tencent::sign(SECRET, &time);
                let query = format!("SdkAppid={SIGNED_APP}&Sign={sign}&RequestTime={time}");
                (format!("/webhooks/tencent?{query}"), self.tencent())
            }
            Vendor::TencentUnsigned => {
                let url = format!("/webhooks/tencent?SdkAppid={UNSIGNED_APP}");
                (url, self.tencent())
            }
        }
    }

    fn zego(&self) -> String {
        let Self {
            user,
            session,
            login_at,
            ..
        } = self;
        let event = match self.logout_at {
            Some(at) => format!(r#""event":"room_logout","reason":0,"logout_time":"{at}""#),
            None => r#""event":"room_login""#.into(),
        };
        format!(
            r#"{event},"room_id":"{ROOM}","room_seq":"1","user_account":"{user}","session_id":"{session}","login_time":"{login_at}""#
        )
    }

    fn zim(&self) -> String {
        let Self { user, session, .. } = self;
        let action = match self.logout_at {
            Some(at) => format!(r#""action":1,"logout_time":{}"#, at / 1000),
            None => r#""action":0"#.into(),
        };
        let login_at = self.login_at / 1000;
        format!(
            r#""event":"user_action",{action},"user_id":"{user}","session_id":"{session}","login_time":{login_at}"#
        )
    }

    fn tencent(&self) -> String {
        let command = match self.logout_at {
            Some(_) => "Room.CallbackAfterMemberLeave",
            None => "Room.CallbackAfterMemberEnter",
        };
        let (at, user) = (self.at(), self.user);
        format!(
            r#"{{"CallbackCommand":"{command}","RoomId":"{ROOM}","MemberList_Account":["{user}"],"EventTime":{at}}}"#
        )
    }
}

/// A JSON object with these fields, signed as ZEGO does.
fn signed(signed_at: u64, fields: &str) -> String {
    let (timestamp, nonce) = ((signed_at / 1000).to_string(), "7");
    let signature = zego::sign(SECRET, &timestamp, nonce);
    format!(
        r#"{{"appid":1,"timestamp":{timestamp},"nonce":"{nonce}","signature":"{signature}",{fields}}}"#
    )
}

/// The accounts of all vendors.
pub(crate) fn accounts() -> Vec<(AppName, Account)> {
    let account = |vendor, id: u64, signing, app: &str| {
        let account = Account {
            vendor,
            id: id.to_string().into(),
            id_key: "",
            signing,
            logins: Logins::Concurrent,
        };
        (AppName::from(app), account)
    };
    let signed = Signing::Secrets(SECRET.into());
    let unsigned = Signing::Unsigned;
    let (zego, tencent) = (zego::VENDOR.name, tencent::VENDOR.name);
    vec![
        account(zego, 1, signed.clone(), Vendor::Zego.app()),
        account(tencent, SIGNED_APP, signed, Vendor::Tencent.app()),
        account(
            tencent,
            UNSIGNED_APP,
            unsigned,
            Vendor::TencentUnsigned.app(),
        ),
    ]
}
