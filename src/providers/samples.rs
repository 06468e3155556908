//! What the vendors' tests share: samples of callbacks that are altered or invalid.

use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Account, Accounts, Product, Refusal, Registry, Request, Signing, Terms, Text, Vendor};
use crate::domain::{AppName, Decoded, Logins, Time};

/// How far the time of a signature may be from the time of receipt.
pub(super) const WINDOW: Duration = Duration::from_secs(600);

/// What a callback of a product says.
pub(super) fn decode(product: &str, query: &str, body: impl AsRef<[u8]>) -> Decoded {
    let decoded = Registry::standard().decode(product, query, body.as_ref());
    decoded.expect("the product is there").1
}

/// Whether a body is an object in some spelling.
pub(super) fn is_readable(body: &str) -> bool {
    Text::read(body.as_bytes()).is_ok_and(|text| text.fields().is_ok())
}

/// The product of that name.
pub(super) fn product(name: &str) -> &'static Product {
    let product = Registry::standard().product(name);
    product.expect("the product is there")
}

/// A vendor's account of an app.
pub(super) fn account(
    vendor: &Vendor,
    id: &str,
    app: &str,
    signing: Signing,
) -> (AppName, Account) {
    let account = Account {
        vendor: vendor.name,
        id: id.into(),
        id_key: "",
        signing,
        logins: Logins::Concurrent,
    };
    (app.into(), account)
}

/// The accounts of a vendor among these.
pub(super) fn accounts(vendor: &Vendor, all: &[(AppName, Account)]) -> Accounts {
    Accounts::of(vendor.name, all.iter().map(|(app, account)| (app, account)))
}

/// The app that a callback is proved to be for, and the timestamp and nonce of its signature.
pub(super) fn verified(
    product: &Product,
    accounts: &Accounts,
    query: &str,
    body: &str,
    now: u64,
) -> Result<(String, Option<[String; 2]>), Refusal> {
    let text = Text::read(body.as_bytes()).expect("the body has a spelling");
    let request = Request {
        headers: &HeaderMap::new(),
        query,
        body: body.as_bytes(),
        fields: &text.fields().expect("the body is an object"),
    };
    let proof = (product.verify)(&request, &Terms { accounts })?;
    if let Some(signed) = proof.signed {
        signed.check_fresh(Time::from_millis(now).expect("a time"), WINDOW)?;
    }
    let nonce = proof
        .nonce
        .map(|pair| [pair.timestamp.into(), pair.nonce.into()]);
    Ok((proof.app.as_str().to_owned(), nonce))
}

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

/// Values that are not numbers from 0, in any spelling.
pub(super) const NO_NUMBERS: [&str; 7] =
    [r#""soon""#, "-1", "1.5", "true", "[]", r#""-1""#, "1e-3"];

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

/// An object with some of the fields `names`, with random values.
pub(super) fn odd_callback(
    names: Vec<&'static str>,
    words: Vec<&'static str>,
) -> impl Strategy<Value = String> {
    prop::collection::hash_map(prop::sample::select(names), odd_value(words), 0..20)
        .prop_map(|fields| serde_json::to_string(&fields).unwrap())
}
