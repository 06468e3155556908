//! Compiles the proto with protox, so that no `protoc` is needed anywhere.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

/// What clients speak.
const API: [&str; 3] = [
    "headcount/v1/presence.proto",
    "headcount/v1/room.proto",
    "headcount/v1/user.proto",
];

/// What data folders hold.
const STORAGE: [&str; 2] = [
    "headcount/storage/v1/checkpoint.proto",
    "headcount/storage/v1/journal.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(API, ["proto"])?;
    // Server reflection serves this file; `compile_fds` does not write one.
    let out = PathBuf::from(env::var("OUT_DIR")?).join("headcount.v1.fds.bin");
    fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(protox::compile(STORAGE, ["proto"])?)?;
    Ok(())
}
