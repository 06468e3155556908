//! What tests of properties share.

use headcount::domain::Logins;
use proptest::{prelude::*, test_runner::Config};

/// So many cases. A case that fails is not stored: its seed is in the test's output.
pub(crate) fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

/// Either of the ways in which users log in.
pub(crate) fn any_logins() -> impl Strategy<Value = Logins> {
    prop_oneof![Just(Logins::Concurrent), Just(Logins::Exclusive)]
}
