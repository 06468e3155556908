//! Generates the API's messages and the client. The proto is compiled with protox, so that
//! no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const API: [&str; 3] = [
    "headcount/v1/presence.proto",
    "headcount/v1/room.proto",
    "headcount/v1/user.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto/headcount/v1");
    let descriptors = protox::compile(API, ["proto"])?;
    // Server reflection serves this file. `compile_fds` does not write one.
    let out = PathBuf::from(env::var("OUT_DIR")?).join("headcount.v1.fds.bin");
    fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds(descriptors)?;
    Ok(())
}
