//! One callback: what it reports, when it is sent, and how it becomes a request.

use super::{
    account::{Signing, VendorAccount},
    fields::{Fields, Spelling},
    post::Post,
    tencent, zego, zim,
};

/// What a callback is about: a room or a user, by its place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SubjectIndex {
    Room(usize),
    User(usize),
}

/// One callback that the vendor has to deliver. Times are milliseconds since
/// the Unix epoch, by whichever of the vendor's clocks stamped them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedCallback {
    pub(crate) about: SubjectIndex,
    /// Which life of the room; 0 where lives have no numbers.
    pub(crate) life: u64,
    pub(crate) what: VendorReport,
    /// When it truly happened, which the stamps may be slightly off from.
    pub(crate) happened_at: u64,
    pub(crate) sending: Sending,
    pub(crate) spelling: Spelling,
}

impl PlannedCallback {
    /// A callback about the room or user of this id, signed.
    pub(crate) fn post(&self, account: &VendorAccount, id: &str, signing: Signing) -> Post {
        let mut fields = Fields::new(self.spelling);
        let path = match &self.what {
            VendorReport::Tencent(report) => return report.post(account, id, signing),
            VendorReport::Zego(report) => {
                report.write(&mut fields, account, signing, (id, self.life));
                "/webhooks/zego"
            }
            VendorReport::Zim(report) => {
                report.write(&mut fields, account, signing, id);
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

/// What a callback reports, by vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VendorReport {
    Zego(zego::Report),
    Tencent(tencent::Report),
    Zim(zim::Report),
}

impl VendorReport {
    /// The number that the vendor gave it: only ZEGOCLOUD's rooms have them.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            VendorReport::Zego(report) => report.number(),
            VendorReport::Tencent(_) | VendorReport::Zim(_) => None,
        }
    }
}

impl From<zego::Report> for VendorReport {
    fn from(report: zego::Report) -> Self {
        VendorReport::Zego(report)
    }
}

impl From<tencent::Report> for VendorReport {
    fn from(report: tencent::Report) -> Self {
        VendorReport::Tencent(report)
    }
}

/// When a callback is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Soon after it happened. It may be late, repeated or lost by chance.
    Disordered,
    /// At exactly these times.
    At(Vec<u64>),
    /// Never: the story is about its loss.
    Never,
}
