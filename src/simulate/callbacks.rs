//! Callbacks as the vendors send them: their fields, their types, their spellings
//! and their signatures. Each vendor's are in a file of their own.

mod fields;
pub(crate) mod tencent;
pub(crate) mod zego;
pub(crate) mod zim;

use rand::RngExt as _;
use rand_pcg::Pcg64;

use self::fields::Fields;

/// What a callback is about: a room or a user, by its place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Room(usize),
    User(usize),
}

/// One callback that the vendor has to deliver. Times are milliseconds since
/// the Unix epoch, by whichever of the vendor's clocks stamped them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callback {
    pub(crate) about: Place,
    /// Which life of the room; 0 where lives have no numbers.
    pub(crate) life: u64,
    pub(crate) what: What,
    /// When it truly happened, which the stamps may be slightly off from.
    pub(crate) happened_at: u64,
    pub(crate) sending: Sending,
    pub(crate) spelling: Spelling,
}

/// What a callback reports, by whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Zego(zego::Report),
    Tencent(tencent::Report),
    Zim(zim::Report),
}

impl What {
    /// The number that the vendor gave it: only ZEGOCLOUD's rooms have them.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            What::Zego(report) => report.number(),
            What::Tencent(_) | What::Zim(_) => None,
        }
    }
}

impl From<zego::Report> for What {
    fn from(report: zego::Report) -> Self {
        What::Zego(report)
    }
}

impl From<tencent::Report> for What {
    fn from(report: tencent::Report) -> Self {
        What::Tencent(report)
    }
}

/// When a callback is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Soon after it happened; late, repeated or lost as chance has it.
    Disordered,
    /// At exactly these times.
    At(Vec<u64>),
    /// Never: the story is about its loss.
    Never,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As documented today.
    #[default]
    Json,
    /// JSON, percent-encoded as a whole.
    PercentEncoded,
    /// A form, which ZEGO's support can switch on.
    Form,
    /// JSON of 2022: numbers where there are strings today.
    Legacy,
}

impl Spelling {
    pub(crate) fn any(rng: &mut Pcg64) -> Self {
        match rng.random_range(0..100) {
            0..8 => Self::PercentEncoded,
            8..16 => Self::Form,
            _ => Self::Json,
        }
    }
}

/// Whose callbacks these are.
#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    pub(crate) app_id: u64,
    pub(crate) secret: String,
    /// What Tencent calls the app of its rooms.
    pub(crate) sdk_app_id: u64,
}

/// What a callback is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signing {
    /// Seconds since the Unix epoch.
    pub(crate) timestamp: u64,
    pub(crate) nonce: u64,
}

/// A callback as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) path: &'static str,
    pub(crate) query: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

const JSON: &str = "application/json";

impl Vendor {
    /// A callback about the room or user of this id, signed.
    pub(crate) fn post(&self, callback: &Callback, id: &str, signing: Signing) -> Post {
        let mut fields = Fields::new(callback.spelling);
        let path = match &callback.what {
            What::Tencent(report) => return report.post(self, id),
            What::Zego(report) => {
                report.write(&mut fields, self, signing, (id, callback.life));
                "/webhooks/zego"
            }
            What::Zim(report) => {
                report.write(&mut fields, self, signing, id);
                "/webhooks/zim"
            }
        };
        let (body, content_type) = fields.write();
        Post {
            path,
            query: String::new(),
            content_type,
            body,
        }
    }
}

#[cfg(test)]
mod tests;
