//! Names of rooms and users.

use crate::{
    domain::{Time, cut_shown},
    reconcile::DatedName,
    stored,
};

use super::check::millis;

pub(super) fn to_record(name: &DatedName) -> stored::Name {
    let DatedName { at, name } = name;
    stored::Name {
        at: millis(*at),
        name: (**name).to_owned(),
    }
}

pub(super) fn from_record(record: stored::Name) -> DatedName {
    DatedName {
        at: Time::from_millis(record.at),
        // Earlier versions stored longer names. Entries that are read again have them cut.
        name: cut_shown(&record.name).into(),
    }
}
