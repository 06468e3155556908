//! Names as people choose them, some of which careless decoders fail on.

use rand::{RngExt as _, seq::IndexedRandom as _};
use rand_pcg::Pcg64;

use crate::simulate::{
    callbacks::zego::PLATFORMS,
    truth::{TrueProfile, TrueRole},
};

/// Names with percent signs and pluses break decoders that percent-decode what was not
/// encoded. The others break careless quoting and lengths.
const HOSTILE: [&str; 12] = [
    "100%",
    "%41%2B%zz",
    "a+b = c&d=e",
    "\"quoted\" \\ 'single'",
    "{\"event\":\"room_close\"}",
    "🦀 emoji 👩‍👩‍👧 family",
    "tab\tand\nnewline",
    "مرحبا",
    "名前＋％",
    "e\u{301} is not é",
    "<script>alert(1)</script>",
    "null",
];

/// The id of a regular of the run's rooms, who is a user of its chat too.
pub(super) fn regular(tag: &str, number: usize) -> String {
    format!("sim-{tag}-user-{number}")
}

/// A name for a room or a user: mostly plain, sometimes hostile.
pub(super) fn name(rng: &mut Pcg64, plain: &str) -> String {
    if rng.random_bool(0.8) {
        return plain.to_owned();
    }
    let hostile = HOSTILE.choose(rng).copied().unwrap_or_default();
    format!("{plain} {hostile}")
}

/// How a user appears with one login.
pub(super) fn profile(rng: &mut Pcg64, user_id: &str) -> TrueProfile {
    let version = rng.random_range(0..1000);
    let role = match rng.random_range(0..100) {
        0..5 => TrueRole::Recorder,
        5..15 => TrueRole::Host,
        _ => TrueRole::Audience,
    };
    // Older callbacks have no `term_type`.
    let platform = if rng.random_bool(0.1) {
        ""
    } else {
        PLATFORMS.choose(rng).copied().unwrap_or_default()
    };
    let custom_data = match rng.random_range(0..3) {
        0 => String::new(),
        1 => format!("{{\"team\":{version}}}"),
        _ => name(rng, "data"),
    };
    TrueProfile {
        nickname: name(rng, &format!("{user_id} v{version}")),
        role,
        platform: platform.to_owned(),
        custom_data,
    }
}
