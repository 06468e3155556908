//! Records without the parts that may differ between two rosters of the same state. They are opaque
//! here, so their fields are known by number: see `checkpoint.proto`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, skip_field};

const ROOM: u32 = 2;
const USER: u32 = 3;

/// What there is to compare: evidence, by kind, app and id.
pub(crate) type State = BTreeMap<(u32, Bytes, Bytes), Vec<u8>>;

/// The evidence of all records: without the history, and without users that have only
/// history.
pub(crate) fn state(records: &[Bytes]) -> State {
    let subjects = records.iter().filter_map(|record| {
        let (kind, mut message) = only_field(record.clone());
        let history = match kind {
            ROOM => 4,
            USER => 5,
            _ => return None,
        };
        let mut ids = Vec::new();
        let mut evidence = Vec::new();
        while message.has_remaining() {
            let (number, field) = next_field(&mut message);
            if number <= 2 {
                ids.push(field.clone());
            } else if number != history {
                evidence.extend_from_slice(&field);
            }
        }
        let id = ids.pop()?;
        let is_known = !evidence.is_empty();
        is_known.then(|| ((kind, ids.pop().unwrap(), id), evidence))
    });
    subjects.collect()
}

/// The ids of the users that have a record.
pub(crate) fn users(records: &[Bytes]) -> BTreeSet<String> {
    let users = records.iter().filter_map(|record| {
        let (kind, mut message) = only_field(record.clone());
        if kind != USER {
            return None;
        }
        next_field(&mut message);
        let (_, mut id) = next_field(&mut message);
        decode_key(&mut id).unwrap();
        decode_varint(&mut id).unwrap();
        Some(String::from_utf8(id.to_vec()).unwrap())
    });
    users.collect()
}

/// The records, sorted, because the order of a capture is arbitrary.
pub(crate) fn sorted(records: &[Bytes]) -> Vec<Bytes> {
    let mut records = records.to_vec();
    records.sort();
    records
}

fn only_field(mut record: Bytes) -> (u32, Bytes) {
    let (number, wire) = decode_key(&mut record).unwrap();
    assert_eq!(wire, WireType::LengthDelimited);
    let length = decode_varint(&mut record).unwrap();
    assert_eq!(length, record.remaining() as u64);
    (number, record)
}

/// The next field, with its key.
fn next_field(message: &mut Bytes) -> (u32, Bytes) {
    let before = message.clone();
    let (number, wire) = decode_key(message).unwrap();
    skip_field(wire, number, message, DecodeContext::default()).unwrap();
    let mut key = Vec::new();
    encode_key(number, wire, &mut key);
    assert!(before.starts_with(&key));
    let length = before.len() - message.len();
    (number, before.slice(..length))
}
