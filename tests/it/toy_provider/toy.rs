//! A vendor that exists only in this test. Unlike the real vendors it has its app's id and
//! its signature in headers, and signs the bytes of the body.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use headcount::{
    domain::{
        Decoded, Login, Logins, ProductName, Profile, RoomEvent, RoomEventKind, Secrets, Time,
    },
    providers::{
        self, Account, Answer, EventTime, FieldError, Fields, Files, Product, Proof, Refusal,
        Request, Sections, SettingError, Signing, Terms, Vendor, is_hex_of,
    },
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

pub(crate) const BOX: &str = "toy-box";
pub(crate) const PATH: &str = "/webhooks/toy";
pub(crate) const SEAL: &str = "toy-seal";

pub(crate) static VENDOR: Vendor = Vendor {
    name: "toy",
    sections: &["toy"],
    configure,
    products: &[Product {
        name: ProductName::new("toy_room"),
        path: PATH,
        is_numbered: false,
        signature_fields: &[],
        verify,
        decode,
        event_time,
        render,
    }],
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    toy: Toy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Toy {
    r#box: u64,
    secret: Option<Secrets>,
    secret_file: Option<Files>,
}

fn configure(sections: Sections<'_>) -> Result<Account, SettingError> {
    let (keys, Settings { toy }) = sections.read()?;
    let secrets = keys.required_secrets("toy.secret", toy.secret, toy.secret_file)?;
    Ok(Account {
        vendor: VENDOR.name,
        id_key: "toy.box",
        id: toy.r#box.to_string().into(),
        signing: Signing::Secrets(secrets),
        logins: Logins::Concurrent,
    })
}

fn verify<'a>(request: &Request<'a>, terms: &Terms<'_>) -> Result<Proof<'a>, Refusal> {
    let header = |name| {
        let value = request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.ok_or(Refusal::SignatureMissing(FieldError::missing(name)))
    };
    let known = terms.app(BOX, header(BOX)?)?;
    let is_sealed = match &known.signing {
        Signing::Secrets(secrets) => {
            let seal = header(SEAL)?;
            secrets.any_is(|secret| is_hex_of(&hash(secret, request.body), seal))
        }
        Signing::Unsigned => false,
    };
    if !is_sealed {
        return Err(Refusal::SignatureWrong { field: SEAL });
    }
    Ok(Proof {
        app: known.app.clone(),
        // The seal covers no time but that of the event.
        signed: None,
        nonce: None,
    })
}

fn decode(_query: &str, fields: &Fields<'_>) -> Decoded {
    let login = || {
        Ok::<_, FieldError>(RoomEvent {
            room: (&*fields.required_id("room")?).into(),
            incarnation: "".into(),
            kind: RoomEventKind::Login(Login {
                user: (&*fields.required_id("in")?).into(),
                session: "".into(),
                at: fields.number("at")?.and_then(Time::from_millis),
                profile: Profile::default(),
                room_name: None,
                seq: None,
            }),
        })
    };
    login().map_or_else(Decoded::undecodable, |event| Decoded::Room(vec![event]))
}

fn event_time(fields: &Fields<'_>) -> Option<EventTime> {
    let at = Time::from_millis(fields.number("at").ok()??)?;
    Some(EventTime { field: "at", at })
}

fn render(answer: &Answer<'_>) -> Bytes {
    match answer {
        Answer::Taken { .. } => Bytes::from_static(br#"{"box":"closed"}"#),
        Answer::Refused { .. } => providers::json(answer),
    }
}

/// A callback that says that a user entered a room now.
pub(crate) fn callback(room: &str, user: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!(
        r#"{{"room":"{room}","in":"{user}","at":{}}}"#,
        now.as_millis()
    )
}

/// The signature of a callback.
pub(crate) fn seal(secret: &str, body: &str) -> String {
    const_hex::encode(hash(secret, body.as_bytes()))
}

fn hash(secret: &str, body: &[u8]) -> [u8; 32] {
    let hash = Sha256::new_with_prefix(secret).chain_update(body);
    hash.finalize().into()
}
