//! The metrics of a real server: what is exposed, what is documented, and what the dashboard and
//! the alerts look at.
#![cfg(target_os = "linux")]

mod documented;
mod moves;
mod named;
mod page;
mod site;

use std::{fs, path::Path};

/// A file of the repository.
fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
