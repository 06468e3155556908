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
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(API, ["proto"])?;
    // Server reflection serves this file; `compile_fds` does not write one.
    fs::write(
        out.join("headcount.v1.fds.bin"),
        descriptors.encode_to_vec(),
    )?;

    // The service's trait. Its calls answer `Outgoing` messages, which may be encoded
    // already, so it is apart from the messages.
    let server = out.join("server");
    fs::create_dir_all(&server)?;
    let mut builder = tonic_prost_build::configure()
        .out_dir(server)
        .build_client(false)
        .codec_path("crate::grpc::OutgoingCodec")
        .extern_path(".headcount.v1", "crate::pb");
    let services = descriptors.file.iter().flat_map(|file| &file.service);
    for method in services.flat_map(|service| &service.method) {
        let message = method
            .output_type()
            .replace(".headcount.v1.", "crate::pb::");
        builder = builder.extern_path(
            method.output_type(),
            format!("crate::grpc::Outgoing<{message}>"),
        );
    }
    builder.compile_fds(descriptors.clone())?;

    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds(descriptors)?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(protox::compile(STORAGE, ["proto"])?)?;
    Ok(())
}
