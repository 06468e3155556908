//! Messages as JSON, one on each line.
//!
//! It is protobuf's own JSON mapping, under the names that the fields have in
//! the proto files: 64-bit numbers are strings, times RFC 3339, enum values
//! their names. Every field is there, also when it has its default; what is
//! unset, such as a time that the vendor did not tell, is left out.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use crate::pb;

/// Writes messages as JSON.
#[derive(Debug)]
pub struct JsonLines {
    pool: DescriptorPool,
}

/// Why a message cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The compiled proto files do not fit together.
    #[error("cannot describe messages: {0}")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// No message has this name.
    #[error("there is no message {0}")]
    Name(&'static str),
    /// The message is not of its kind.
    #[error("cannot describe a message: {0}")]
    Message(#[from] prost::DecodeError),
    /// The message cannot be written.
    #[error("cannot write JSON: {0}")]
    Write(#[from] serde_json::Error),
}

impl JsonLines {
    /// A writer of the messages of the gRPC contract.
    ///
    /// # Errors
    /// When the compiled proto files do not fit together.
    pub fn new() -> Result<Self, JsonError> {
        Ok(Self {
            pool: DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET)?,
        })
    }

    /// A message of the kind `name`, such as `Room`, on one line without its end.
    ///
    /// # Errors
    /// When there is no such kind, or the message is not of it.
    pub fn line(&self, name: &'static str, message: &impl Message) -> Result<String, JsonError> {
        let descriptor = self
            .pool
            .get_message_by_name(&format!("headcount.v1.{name}"));
        let descriptor = descriptor.ok_or(JsonError::Name(name))?;
        let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
        let options = SerializeOptions::new()
            .use_proto_field_name(true)
            .skip_default_fields(false);
        let mut line = Vec::new();
        message.serialize_with_options(&mut serde_json::Serializer::new(&mut line), &options)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    #[test]
    fn a_user_has_the_names_of_the_proto() {
        let user = pb::RoomUser {
            user_id: "a\nb".into(),
            role: pb::UserRole::Host.into(),
            login_time: Some(Timestamp {
                seconds: 1,
                nanos: 5_000_000,
            }),
            ..Default::default()
        };
        let line = JsonLines::new().unwrap().line("RoomUser", &user).unwrap();
        assert_eq!(
            line,
            concat!(
                r#"{"user_id":"a\nb","nickname":"","role":"USER_ROLE_HOST","session_id":"","#,
                r#""login_time":"1970-01-01T00:00:01.005Z","platform":"","custom_data":""}"#
            )
        );
    }

    #[test]
    fn numbers_of_64_bits_are_strings_and_unset_times_are_left_out() {
        let message = pb::WatchRoomResponse {
            revision: u64::MAX,
            resume_token: "t".into(),
            update: Some(pb::watch_room_response::Update::Progress(pb::Progress {
                user_count: 0,
                digest: 1 << 63,
            })),
        };
        let json = JsonLines::new().unwrap();
        assert_eq!(
            json.line("WatchRoomResponse", &message).unwrap(),
            concat!(
                r#"{"revision":"18446744073709551615","resume_token":"t","#,
                r#""progress":{"user_count":0,"digest":"9223372036854775808"}}"#
            )
        );
        let room = json.line("Room", &pb::Room::default()).unwrap();
        assert!(
            !room.contains("time") && room.contains(r#""user_count":0"#),
            "{room}"
        );
        assert!(matches!(
            json.line("Rom", &message),
            Err(JsonError::Name("Rom"))
        ));
    }
}
