//! The few messages of etcd's API that the benchmark uses: `rpc.proto` and `kv.proto`
//! of etcd v3.

use bytes::Bytes;
use prost::Message;

pub(crate) const WATCH: &str = "/etcdserverpb.Watch/Watch";
pub(crate) const PUT: &str = "/etcdserverpb.KV/Put";

/// `WatchResponse.events`, `Event.kv`, `KeyValue.key`.
pub(crate) const KEYS: &[u64] = &[11, 2, 1];

#[derive(Clone, PartialEq, Message)]
struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    create_request: Option<WatchCreateRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct WatchCreateRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    range_end: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// Asks to watch every key of a room.
pub(crate) fn watch_room(room: &str) -> Bytes {
    let create_request = WatchCreateRequest {
        key: format!("{room}/").into(),
        // What comes after `/`: all keys that begin so.
        range_end: format!("{room}0").into(),
    };
    let request = WatchRequest {
        create_request: Some(create_request),
    };
    request.encode_to_vec().into()
}

pub(crate) fn put(key: String, value: String) -> Bytes {
    let (key, value) = (key.into(), value.into());
    PutRequest { key, value }.encode_to_vec().into()
}
