//! Headcount: the real program, with a configuration of its own.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{Running, scratch};
use crate::{
    Outcome,
    args::Args,
    load::{
        callback::{APP, SECRET},
        grpc,
    },
    process::{Process, free_address, until_up},
    tls::{self, Files},
};

/// The settings of a Headcount that may differ from the defaults.
#[derive(Clone, Debug)]
pub(crate) struct Settings<'a> {
    /// The folder of the journal; `None` for one in memory.
    pub(crate) data: Option<&'a Path>,
    /// When checkpoints are written; as by default, if not said.
    pub(crate) checkpoints: Option<&'a str>,
}

/// Starts it with an empty journal.
pub(super) async fn start_fresh(args: &Args, is_disk: bool) -> Outcome<Running> {
    let folder = scratch(args)?;
    let data = folder.path().join("data");
    let settings = Settings {
        data: is_disk.then_some(data.as_path()),
        checkpoints: None,
    };
    let mut running = start(args, folder.path(), &settings).await?;
    running._folder = Some(folder);
    Ok(running)
}

/// Starts it, and waits until it is healthy. Its configuration is put into `folder`.
pub(crate) async fn start(args: &Args, folder: &Path, settings: &Settings<'_>) -> Outcome<Running> {
    let (http, grpc) = (free_address()?, free_address()?);
    let file = folder.join("headcount.toml");
    fs::write(&file, configuration(http, grpc, settings))?;
    let mut command = Command::new(&args.headcount);
    command.arg("serve").arg("--config").arg(&file);
    let mut processes = vec![Process::start(&mut command)?];
    until_up(&mut processes, async || healthy(grpc).await).await?;
    Ok(Running {
        processes,
        http,
        grpc,
        _folder: None,
    })
}

fn configuration(http: SocketAddr, grpc: SocketAddr, settings: &Settings<'_>) -> String {
    let journal = match settings.data {
        Some(path) => format!("kind = \"disk\"\npath = \"{}\"", path.display()),
        None => "kind = \"memory\"".into(),
    };
    let checkpoints = settings.checkpoints.unwrap_or_default();
    let tls = match tls::files() {
        Some(Files { certificate, key }) => format!(
            "tls = {{ certificate = \"{}\", key = \"{}\" }}\n",
            certificate.display(),
            key.display()
        ),
        None => String::new(),
    };
    format!(
        "[webhook]\nlisten = \"{http}\"\n{tls}[grpc]\nlisten = \"{grpc}\"\n{tls}\
         [journal]\n{journal}\n{checkpoints}\n\
         [[apps]]\nname = \"{APP}\"\nzego = {{ app_id = 1, callback_secret = \"{SECRET}\" }}\n"
    )
}

/// Whether a server says that it serves.
async fn healthy(address: SocketAddr) -> bool {
    let Ok(channel) = grpc::connect(address).await else {
        return false;
    };
    let service = String::new();
    let mut client = HealthClient::new(channel);
    let answer = client.check(HealthCheckRequest { service });
    answer
        .await
        .is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}
