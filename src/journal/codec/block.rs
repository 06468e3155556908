//! Consecutive entries as one protobuf message.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;

use crate::{
    domain::Time,
    journal::{
        chain::ChainHash,
        decoder::Decoder,
        entry::{Callback, Entry, Payload, Revision},
        unappliable::Unappliable,
    },
    stored,
};

/// Why a block of entries cannot be read, though its checksum is right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::journal) enum BlockError {
    #[error("it is no block of entries: {0}")]
    Block(prost::DecodeError),
    #[error("it says that it begins at revision {0}")]
    First(Revision),
    #[error("entry {0} has no {1}")]
    Missing(Revision, &'static str),
    #[error("entry {0} is of a product that this version does not know: {1:?}")]
    Product(Revision, String),
    #[error(transparent)]
    Unappliable(#[from] Unappliable),
}

/// Consecutive entries.
#[derive(Debug)]
pub(in crate::journal) struct Block {
    /// The hash of everything before them.
    pub(in crate::journal) chain: ChainHash,
    pub(in crate::journal) entries: Vec<Entry>,
}

/// Encodes consecutive entries. Everything before them has the hash `chain`.
pub(super) fn encode<'a>(
    first: Revision,
    chain: ChainHash,
    entries: impl Iterator<Item = &'a Entry>,
) -> Vec<u8> {
    let block = stored::Block {
        first_revision: first,
        chain: chain.number(),
        entries: entries.map(to_stored).collect(),
    };
    block.encode_to_vec()
}

fn to_stored(entry: &Entry) -> stored::Entry {
    use stored::entry::Payload as Stored;
    let payload = match &entry.payload {
        Payload::Callback(callback) => Stored::Callback(stored::Callback {
            app: callback.app.as_str().to_owned(),
            product: callback.product.as_str().to_owned(),
            query: callback.query.as_ref().to_owned(),
            body: callback.body.clone(),
        }),
        Payload::Tick => Stored::Tick(stored::Tick {}),
    };
    stored::Entry {
        received_at: entry.received_at.as_millis(),
        payload: Some(payload),
    }
}

/// Decodes the entries of the block that begins at `first`.
pub(super) fn decode(
    first: Revision,
    block: Bytes,
    decoder: &Decoder,
) -> Result<Block, BlockError> {
    let block = stored::Block::decode(block).map_err(BlockError::Block)?;
    if block.first_revision != first {
        return Err(BlockError::First(block.first_revision));
    }
    let entries = block.entries.into_iter().zip(first..);
    let entries = entries.map(|(entry, revision)| from_stored(entry, revision, decoder));
    Ok(Block {
        chain: ChainHash::from_number(block.chain),
        entries: entries.collect::<Result<_, _>>()?,
    })
}

fn from_stored(
    entry: stored::Entry,
    revision: Revision,
    decoder: &Decoder,
) -> Result<Entry, BlockError> {
    use stored::entry::Payload as Stored;
    let missing = |what| BlockError::Missing(revision, what);
    let payload = match entry.payload.ok_or_else(|| missing("payload"))? {
        Stored::Callback(callback) => {
            Payload::Callback(callback_from(callback, revision, decoder)?)
        }
        Stored::Tick(stored::Tick {}) => Payload::Tick,
    };
    let received_at = Time::from_millis(entry.received_at);
    Ok(Entry {
        received_at: received_at.ok_or_else(|| missing("receive time"))?,
        payload,
    })
}

fn callback_from(
    callback: stored::Callback,
    revision: Revision,
    decoder: &Decoder,
) -> Result<Callback, BlockError> {
    let stored::Callback {
        app,
        product,
        query,
        body,
    } = callback;
    let decoded = decoder.decode(revision, &product, &query, &body)?;
    let (product, decoded) = decoded.ok_or(BlockError::Product(revision, product))?;
    Ok(Callback {
        app: app.as_str().into(),
        product,
        query: query.into(),
        body,
        decoded: Arc::new(decoded),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Decoded, ProductName};

    const PRODUCT: ProductName = ProductName::new("tencent_room");

    /// Knows one product, and repeats what it was given.
    fn decoder() -> Decoder {
        Decoder::new(|product, query, body| {
            let repeated = Decoded::undecodable(format!("{query} {body:?}"));
            (product == PRODUCT.as_str()).then_some((PRODUCT, repeated))
        })
    }

    fn entry(body: &'static str) -> Entry {
        Entry {
            received_at: Time::from_millis(1_700_000_000_123).unwrap(),
            payload: Payload::Callback(Callback {
                app: "arena".into(),
                product: PRODUCT,
                query: "SdkAppid=1&Sign=x".into(),
                body: Bytes::from_static(body.as_bytes()),
                decoded: Arc::new(Decoded::undecodable("not kept")),
            }),
        }
    }

    #[test]
    fn entries_are_kept_verbatim_and_decoded_anew() {
        let tick = Entry {
            received_at: Time::MIN,
            payload: Payload::Tick,
        };
        let entries = [entry("{}"), tick, entry("\u{0}not json")];
        let chain = ChainHash::from_number(u64::MAX - 1);
        let encoded = encode(7, chain, entries.iter());
        let decoded = decode(7, encoded.into(), &decoder()).unwrap();
        assert_eq!(decoded.chain, chain);
        let kept = decoded.entries.iter().map(|entry| match &entry.payload {
            Payload::Callback(callback) => {
                let again = decoder().decode(7, "tencent_room", &callback.query, &callback.body);
                let (product, again) = again.unwrap().unwrap();
                assert_eq!((callback.product, &*callback.decoded), (product, &again));
                let body = String::from_utf8(callback.body.to_vec()).unwrap();
                (entry.received_at, callback.app.as_str().to_owned(), body)
            }
            Payload::Tick => (entry.received_at, String::new(), "tick".to_owned()),
        });
        let at = Time::from_millis(1_700_000_000_123).unwrap();
        let arena = || "arena".to_owned();
        assert_eq!(
            kept.collect::<Vec<_>>(),
            [
                (at, arena(), "{}".to_owned()),
                (Time::MIN, String::new(), "tick".to_owned()),
                (at, arena(), "\u{0}not json".to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let block = |entry| stored::Block {
            first_revision: 3,
            entries: vec![entry],
            chain: 0,
        };
        let callback = |product: &str| stored::Entry {
            received_at: 1,
            payload: Some(stored::entry::Payload::Callback(stored::Callback {
                product: product.to_owned(),
                ..stored::Callback::default()
            })),
        };
        let timeless = stored::Entry {
            received_at: 0,
            ..callback("tencent_room")
        };
        let cases = [
            (stored::Entry::default(), "entry 3 has no payload"),
            (timeless, "entry 3 has no receive time"),
            (
                callback("fax"),
                "entry 3 is of a product that this version does not know: \"fax\"",
            ),
        ];
        for (entry, message) in cases {
            let error = decode(3, block(entry).encode_to_vec().into(), &decoder()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let other = decode(
            4,
            block(callback("tencent_room")).encode_to_vec().into(),
            &decoder(),
        );
        assert_eq!(other.unwrap_err(), BlockError::First(3));
        assert!(decode(4, Bytes::from_static(b"\xff"), &decoder()).is_err());
    }
}
