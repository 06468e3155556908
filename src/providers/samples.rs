//! What the adapters' tests share: callbacks that are altered, or are none.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// `sample` with one field set to a JSON value, or left out.
pub(super) fn with(sample: &str, field: &str, value: Option<&str>) -> String {
    let mut object: Map<_, _> = serde_json::from_str(sample).unwrap();
    object.remove(field);
    let rest = serde_json::to_string(&object).unwrap();
    let comma = if object.is_empty() { "" } else { "," };
    match value {
        Some(value) => format!(r#"{{"{field}":{value}{comma}{}"#, &rest[1..]),
        None => rest,
    }
}

/// What is no number from 0, in any spelling.
pub(super) const NO_NUMBERS: [&str; 7] = [r#""soon""#, "-1", "1.5", "true", "[]", r#""-1""#, "1e3"];

/// Any JSON value, and now and then one of `words`.
fn odd_value(words: Vec<&'static str>) -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(|text| json!(text)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number.to_string())),
        any::<f64>().prop_map(|number| json!(number)),
        Just(json!(null)),
        Just(json!(true)),
        Just(json!([{"a": 1}])),
        Just(json!({"RoomId": "r", "Member_Account": ["x"]})),
        prop::collection::vec(any::<String>(), 0..4).prop_map(|texts| json!(texts)),
        prop::sample::select(words).prop_map(|text| json!(text)),
    ]
}

/// An object with some of `names`, in nothing but its form a callback.
pub(super) fn odd_callback(
    names: Vec<&'static str>,
    words: Vec<&'static str>,
) -> impl Strategy<Value = String> {
    prop::collection::hash_map(prop::sample::select(names), odd_value(words), 0..20)
        .prop_map(|fields| serde_json::to_string(&fields).unwrap())
}
