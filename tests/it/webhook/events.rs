//! What callbacks say: an event of each kind.

pub(crate) const LOGIN: &str = r#""event":"room_login","room_id":"r","room_seq":"1","user_account":"ann","user_nickname":"100% + ann","login_time":"1700000000000""#;
pub(crate) const LOGOUT: &str = r#""event":"room_logout","room_id":"r","room_seq":"1","user_account":"ann","logout_time":"1700000000001""#;
pub(crate) const UNDECODABLE: &str = r#""event":"room_login","room_id":"r","room_seq":"1""#;
pub(crate) const IGNORED: &str = r#""event":"stream_create""#;
