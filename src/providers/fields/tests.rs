use std::hash::DefaultHasher;

use proptest::prelude::*;

use super::*;
use crate::domain::{ID_BYTES_MAX, SHOWN_BYTES_MAX};

/// What a body says of the field `a`, as a text.
fn a(body: &str) -> Result<String, String> {
    let text = Text::read(body.as_bytes()).map_err(|error| error.to_string())?;
    let fields = text.fields().map_err(|error| error.to_string())?;
    let a = fields.text("a").map_err(|error| error.to_string())?;
    Ok(a.into_owned())
}

/// What a JSON value says as a number.
fn number(json: &str) -> Result<Option<u64>, String> {
    let body = format!(r#"{{"a":{json}}}"#);
    let text = Text::read(body.as_bytes()).unwrap();
    let fields = text.fields().unwrap();
    fields.number("a").map_err(|error| error.to_string())
}

fn malformed(body: &[u8]) -> Malformed {
    Text::read(body)
        .and_then(|text| text.fields().map(drop))
        .unwrap_err()
}

#[test]
fn every_spelling_says_the_same() {
    for body in [
        r#"{"a":"b c"}"#,
        " \r\n\t{ \"a\" : \"b c\" } \n",
        "\u{feff}{\"a\":\"b c\"}",
        r#"{"\u0061":"b\u0020c"}"#,
        "%7B%22a%22%3A%22b%20c%22%7D",
        "%7b%22a%22:%22b+c%22%7d",
        "%EF%BB%BF%7B%22a%22%3A%22b+c%22%7D",
        "+%7B%22a%22%3A%22b+c%22%7D%0A",
        "{%22a%22:%22b%20c%22}",
        " {%22a%22%3A%22b+c%22%7D%0A",
        "a=b+c",
        "%61=b%20c&",
        "x=1&a=b+c&y",
    ] {
        assert_eq!(a(body).as_deref(), Ok("b c"), "{body}");
    }
}

#[test]
fn json_is_never_percent_decoded() {
    assert_eq!(a(r#"{"a":"1+1 = 100%, %41"}"#).unwrap(), "1+1 = 100%, %41");
    assert_eq!(
        a("%7B%22a%22%3A%22100%25%2B%2541%22%7D").unwrap(),
        "100%+%41"
    );
    assert_eq!(a("{%22a%22:%22100%25%2B%2541%22}").unwrap(), "100%+%41");
    assert_eq!(a("a=100%25%2B%2541").unwrap(), "100%+%41");
    // Decoded, it would say something else.
    let quotes = r#"{"a":"1","b":"%22,%22a%22:%222"}"#;
    assert_eq!(a(quotes).unwrap(), "1");
}

#[test]
fn what_begins_like_json_is_decoded_once_and_never_a_form() {
    // Encoded twice, or cut off: all that counts is the whole.
    for body in ["{%2522a%2522:1}", "{%22a%22:1", "{%22a%22:1}&b=2", "{=1"] {
        let malformed = malformed(body.as_bytes());
        assert!(
            matches!(malformed, Malformed::NotJson { .. }),
            "{body}: {malformed}"
        );
    }
    for body in ["[%22a%22]=1", "\"a%22=1"] {
        assert!(a(body).is_err(), "{body}");
    }
}

#[test]
fn numbers_keep_their_exact_text() {
    for id in [
        "0",
        "18446744073709551615",
        "858012925204410400",
        "9007199254740993",
    ] {
        assert_eq!(a(&format!(r#"{{"a":{id}}}"#)).as_deref(), Ok(id));
        assert_eq!(number(id), Ok(Some(id.parse().unwrap())));
        assert_eq!(number(&format!("\"{id}\"")), Ok(Some(id.parse().unwrap())));
    }
    for id in [
        "858012925204410400.0",
        "8.580129252044104e17",
        "858012925204410400.00e0",
    ] {
        assert_eq!(
            a(&format!(r#"{{"a":{id}}}"#)).as_deref(),
            Ok("858012925204410400")
        );
        let exact = Ok(Some(858_012_925_204_410_400));
        assert_eq!(number(id), exact);
        assert_eq!(number(&format!("\"{id}\"")), exact);
    }
    // A text stays the text that it is.
    assert_eq!(a(r#"{"a":"5.0"}"#).as_deref(), Ok("5.0"));
    assert_eq!(a(r#"{"a":-7}"#).as_deref(), Ok("-7"));
    assert_eq!(a(r#"{"a":99999999999999999999999}"#).unwrap().len(), 23);
}

#[test]
fn what_is_no_text_is_not_made_one() {
    for json in [
        "1.5",
        "1e-3",
        "8.580129252044104001e17",
        "true",
        "{}",
        "[1]",
    ] {
        let error = a(&format!(r#"{{"a":{json}}}"#)).unwrap_err();
        assert_eq!(error, "a is neither a text nor a whole number", "{json}");
    }
    assert_eq!(
        a(r#"{"a":"\ud800"}"#).unwrap_err(),
        "a is not valid Unicode"
    );
}

#[test]
fn what_is_no_number_is_not_made_one() {
    let rows = [
        ("-1", "a is not a whole number from 0"),
        ("1.5", "a is not a whole number from 0"),
        ("1e-3", "a is not a whole number from 0"),
        ("18446744073709551616", "a is too large"),
        (r#""18446744073709551616""#, "a is too large"),
        (r#""+1""#, "a is not a number"),
        (r#""-1""#, "a is not a number"),
        (r#"" 1""#, "a is not a number"),
        (r#""1.5""#, "a is not a number"),
        (r#""soon""#, "a is not a number"),
        ("true", "a is not a number"),
        ("[1]", "a is not a number"),
    ];
    for (json, problem) in rows {
        assert_eq!(number(json).unwrap_err(), problem, "{json}");
    }
}

#[test]
fn missing_null_and_empty_are_alike() {
    assert_eq!(number("null"), Ok(None));
    assert_eq!(number(r#""""#), Ok(None));
    for body in ["{}", r#"{"a":null}"#, r#"{"a":""}"#, "a=", "b=1"] {
        assert_eq!(a(body).as_deref(), Ok(""), "{body}");
        let text = Text::read(body.as_bytes()).unwrap();
        let error = text.fields().unwrap().required_text("a").unwrap_err();
        assert_eq!(error.to_string(), "a is missing", "{body}");
    }
}

#[test]
fn the_last_of_two_fields_with_one_name_counts() {
    assert_eq!(a(r#"{"a":1,"a":"2","b":3}"#).unwrap(), "2");
    assert_eq!(a(r#"{"a":1,"a":null}"#).unwrap(), "");
    assert_eq!(a("a=1&a=2").unwrap(), "2");
}

#[test]
fn what_is_shown_is_never_refused() {
    let shown = |json: &str| {
        let body = format!(r#"{{"a":{json}}}"#);
        let text = Text::read(body.as_bytes()).unwrap();
        text.fields().unwrap().shown("a").into_owned()
    };
    assert_eq!(shown(r#""\u00e9\n\"\ud83d\ude00""#), "é\n\"😀");
    assert_eq!(shown(r#""a\ud800b""#), "a\u{fffd}b");
    assert_eq!(shown(r#"{"k": [1, 2.50]}"#), r#"{"k": [1, 2.50]}"#);
    assert_eq!(shown("1.50"), "1.50");
    assert_eq!(shown("null"), "");
}

#[test]
fn what_is_shown_is_cut_between_two_characters_in_every_spelling() {
    let shown = format!("x{}", "é".repeat((SHOWN_BYTES_MAX - 1) / 2));
    let raw = format!("{shown}é and more");
    let (json, form) = (raw.replace('é', "\\u00e9"), raw.replace('é', "%C3%A9"));
    for body in [
        format!(r#"{{"a":"{raw}"}}"#),
        format!(r#"{{"a":"{json}"}}"#),
        format!("%7B%22a%22:%22{form}%22%7D"),
        format!("a={form}"),
        format!("a={raw}"),
        format!("a={form}%FF"),
    ] {
        let text = Text::read(body.as_bytes()).unwrap();
        assert_eq!(text.fields().unwrap().shown("a"), shown, "{body}");
    }
}

#[test]
fn what_is_no_object_is_malformed() {
    for body in ["", " \n", "\u{feff}"] {
        assert_eq!(malformed(body.as_bytes()), Malformed::Empty, "{body:?}");
    }
    for body in ["[]", r#"[{"a":1}]"#, r#""{\"a\":1}""#] {
        assert_eq!(malformed(body.as_bytes()), Malformed::NotAnObject, "{body}");
    }
    for body in ["hello", "7", "null", "%5B%5D", "%00", "%", "+"] {
        assert_eq!(malformed(body.as_bytes()), Malformed::NotAForm, "{body}");
    }
    for body in [
        "{",
        "{\"a\":1",
        "{a:1}",
        "{\"a\":1}}",
        "{\"a\":01}",
        "{\"a\":1}&b=2",
        "%7B",
    ] {
        let malformed = malformed(body.as_bytes());
        assert!(
            matches!(malformed, Malformed::NotJson { .. }),
            "{body}: {malformed}"
        );
    }
}

#[test]
fn what_is_not_unicode_is_repaired_to_be_shown_and_refused_in_ids() {
    let bodies: [&[u8]; 9] = [
        br#"{"a":"ab\ud83d"}"#,
        b"{\"a\":\"ab\xf0\x9f\"}",
        b" {\"x\":\"\xff%22\", \"a\":\"ab\xff\"} ",
        b"%7B%22a%22%3A%22ab%F0%9F%22%7D",
        b"%7B%22a%22%3A%22ab\xf0\x9f%22%7D",
        b"{%22a%22:%22ab%FF%22}",
        b"a=ab%F0%9F",
        b"a=ab\xf0\x9f&b=1",
        b"\xff=1&a=ab\xff",
    ];
    for body in bodies {
        let shown_body = String::from_utf8_lossy(body);
        let text = Text::read(body).unwrap();
        let fields = text.fields().unwrap();
        assert_eq!(fields.shown("a"), "ab\u{fffd}", "{shown_body}");
        for refused in [fields.id("a"), fields.text("a")] {
            let error = refused.unwrap_err().to_string();
            assert_eq!(error, "a is not valid Unicode", "{shown_body}");
        }
    }
    // Not in a text, or escaped: nothing makes it JSON.
    for body in [&b"{\"a\":\xff}"[..], b"{\"a\":\"\\\xff\"}", b"{\xff:1}"] {
        let malformed = malformed(body);
        assert!(
            matches!(malformed, Malformed::NotJson { .. }),
            "{malformed}"
        );
    }
    assert_eq!(malformed(b"\xff"), Malformed::NotAForm);
}

#[test]
fn json_that_was_posted_as_a_form_is_json() {
    for body in [
        r#"{"a":"b="}="#,
        "{\"a\":\"b=\"} =\n",
        "%7B%22a%22%3A%22b%3D%22%7D=",
        "%7B%22a%22%3A%22b%3D%22%7D%3D",
    ] {
        assert_eq!(a(body).as_deref(), Ok("b="), "{body}");
    }
}

#[test]
fn messages_do_not_repeat_the_body() {
    for body in [
        r#""hunter2""#,
        r#"{"a":hunter2}"#,
        r#"["hunter2"]"#,
        "hunter2",
    ] {
        let message = malformed(body.as_bytes()).to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = "[".repeat(200_000);
    assert!(matches!(
        malformed(format!("{{\"a\":{deep}").as_bytes()),
        Malformed::NotJson { .. }
    ));
    let closed = format!("{{\"a\":{deep}{}}}", "]".repeat(200_000));
    assert!(Text::read(closed.as_bytes()).unwrap().fields().is_ok());
    assert_eq!(entries(&closed), Ok(Some(vec!["?".to_owned()])));
    assert!(inside(&closed).is_err());
}

/// A hash of what a body says, but for `nonce`.
fn said(body: &str) -> u64 {
    let text = Text::read(body.as_bytes()).unwrap();
    let mut hasher = DefaultHasher::new();
    let fields = text.fields().unwrap();
    fields.hash_except(&["nonce"], &mut hasher);
    hasher.finish()
}

#[test]
fn what_is_said_does_not_depend_on_how() {
    let first = said(r#"{"nonce":1,"a":"é 1","b":7,"c":{"k":["x \" y",1]}}"#);
    for again in [
        r#"{"c": {"k": ["x \" y", 1]}, "b": "7", "a": "\u00e9 1", "nonce": 2}"#,
        r#"{"a":"?","a":"é 1","b":7,"d":null,"e":"","c":{"k":["x \" y",1]}}"#,
        "b=7&a=%C3%A9+1&c=%7B%22k%22:[%22x+%5C%22+y%22,1]%7D",
    ] {
        assert_eq!(said(again), first, "{again}");
    }
    for other in [
        r#"{"a":"é 1","b":8,"c":{"k":["x \" y",1]}}"#,
        r#"{"a":"é 1","b":7,"c":{"k":["x \"  y",1]}}"#,
        r#"{"a":"é 1","b":7}"#,
        r#"{"a":7,"b":"é 1","c":{"k":["x \" y",1]}}"#,
        r#"{"a":"é 1","b":7,"c":{"k":["x \" y",1]},"d":0}"#,
    ] {
        assert_ne!(said(other), first, "{other}");
    }
}

#[test]
fn ids_have_a_greatest_length_in_bytes() {
    let id = |id: &str| {
        let body = format!(r#"{{"a":"{id}"}}"#);
        let text = Text::read(body.as_bytes()).unwrap();
        let fields = text.fields().unwrap();
        let id = fields.required_id("a").map(Cow::into_owned);
        id.map_err(|error| error.to_string())
    };
    let longest = "é".repeat(ID_BYTES_MAX / 2);
    assert_eq!(id(&longest).as_ref(), Ok(&longest));
    let message = id(&format!("{longest}x")).unwrap_err();
    assert_eq!(message, "a is longer than 1,024 bytes");
    assert!(message.replace(',', "").contains(&ID_BYTES_MAX.to_string()));
    assert_eq!(id("").unwrap_err(), "a is missing");
}

/// What the list `a` of a body says, entry by entry.
fn entries(body: &str) -> Result<Option<Vec<String>>, String> {
    let text = Text::read(body.as_bytes()).unwrap();
    let fields = text.fields().unwrap();
    let list = fields.list("a").map_err(|error| error.to_string())?;
    let entry = |value: Value<'_>| value.text("a").map_or("?".to_owned(), Cow::into_owned);
    Ok(list.map(|list| list.into_iter().map(entry).collect()))
}

/// What the object `a` of a body says of the field `b`.
fn inside(body: &str) -> Result<Option<String>, String> {
    let text = Text::read(body.as_bytes()).unwrap();
    let fields = text.fields().unwrap();
    let object = fields.object("a").map_err(|error| error.to_string())?;
    let Some(object) = object else {
        return Ok(None);
    };
    let b = object.text("b").map_err(|error| error.to_string())?;
    Ok(Some(b.into_owned()))
}

#[test]
fn lists_keep_the_exact_text_of_their_entries() {
    let expected = ["858012925204410401", "b c", "?", "?", "?", "-1"];
    let expected = expected.map(str::to_owned).to_vec();
    let list = r#"[858012925204410401, "b\u0020c", {"a":1}, null, 1.5, -1]"#;
    let json = format!(r#"{{"a": {list} }}"#);
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("a", list)
        .finish();
    assert_eq!(entries(&json), Ok(Some(expected.clone())));
    assert_eq!(entries(&form), Ok(Some(expected)));
    assert_eq!(entries(r#"{"a":[]}"#), Ok(Some(vec![])));
    for none in ["{}", r#"{"a":null}"#, "b=1"] {
        assert_eq!(entries(none), Ok(None), "{none}");
    }
    for other in [
        r#"{"a":{}}"#,
        r#"{"a":"[1]"}"#,
        r#"{"a":7}"#,
        "a=",
        "a=[1,]",
    ] {
        assert_eq!(entries(other), Err("a is not a list".into()), "{other}");
    }
}

#[test]
fn objects_inside_are_read_like_those_outside() {
    for (body, b) in [
        (r#"{"a":{"b":858012925204410401}}"#, "858012925204410401"),
        (r#"{"a":{"b":1,"b":"b c"}}"#, "b c"),
        (r#"{"a":{"b":null}}"#, ""),
        (r#"{"a":{}}"#, ""),
        ("a=%7B%22b%22:%22b+c%22%7D", "b c"),
    ] {
        assert_eq!(inside(body), Ok(Some(b.to_owned())), "{body}");
    }
    for none in ["{}", r#"{"a":null}"#] {
        assert_eq!(inside(none), Ok(None), "{none}");
    }
    for other in [r#"{"a":[]}"#, r#"{"a":"{}"}"#, r#"{"a":7}"#, "a=x", "a="] {
        assert_eq!(inside(other), Err("a is not an object".into()), "{other}");
    }
}

proptest! {
    #[test]
    fn no_text_is_changed_on_its_way(text in any::<String>()) {
        let json = serde_json::json!({ "a": text }).to_string();
        let encoded = percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC);
        let form: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("a", &text)
            .finish();
        let half = percent_encoding::utf8_percent_encode(&json[1..], percent_encoding::NON_ALPHANUMERIC);
        for body in [encoded.to_string(), format!("{{{half}"), json.clone(), form] {
            prop_assert_eq!(a(&body), Ok(text.clone()));
        }
    }
}
