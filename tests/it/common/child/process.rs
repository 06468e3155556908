//! Starts and kills the binary, again and again with one folder and the same ports.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use headcount::pb::{GetRoomUsersRequest, GetRoomUsersResponse};
use headcount_client::{Certificate, Client, ClientTlsConfig, Credentials, from_channel};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tonic::{Status, transport::Channel};
use tonic_health::pb::health_client::HealthClient;

use super::{Authority, ZEGO_APP};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_headcount");

/// Only not to wait for ever where it fails.
const HANGS: Duration = Duration::from_secs(60);

const APPS: &str = r#"
[[apps]]
name = "demo"
zego = { app_id = 1, callback_secret = "secret" }

[[apps]]
name = "demo-tencent"
tencent = { sdk_app_id = 1400000000 }
"#;

/// The folder and the ports that one process after the other uses.
#[derive(Debug)]
pub(crate) struct Site {
    folder: TempDir,
    webhook: u16,
    grpc: u16,
    admin: u16,
    /// The authority that signed the certificate of all fronts, if they speak TLS.
    authority: Option<String>,
}

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    said: Vec<String>,
}

// === impl Site ===

impl Site {
    /// A fresh one. `journal` is what the configuration says of the journal.
    pub(crate) fn new(journal: &str) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), journal)
    }

    /// A fresh one whose fronts speak TLS.
    pub(crate) fn with_tls(journal: &str) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("servers"));
        authority.sign("localhost").write(folder.path(), "server");
        Self::configured(folder, journal, Some(authority.pem()))
    }

    /// One in a folder that is there.
    pub(crate) fn in_folder(folder: TempDir, journal: &str) -> Self {
        Self::configured(folder, journal, None)
    }

    fn configured(folder: TempDir, journal: &str, authority: Option<String>) -> Self {
        let (webhook, grpc, admin) = (free_port(), free_port(), free_port());
        let tls = match authority {
            Some(_) => r#", tls = { certificate = "server.pem", key = "server.key" }"#,
            None => "",
        };
        let config = format!(
            "webhook = {{ listen = \"127.0.0.1:{webhook}\"{tls} }}\n\
             grpc = {{ listen = \"127.0.0.1:{grpc}\", progress_interval = \"200ms\"{tls} }}\n\
             admin = {{ listen = \"127.0.0.1:{admin}\"{tls} }}\n\
             [journal]\n{journal}\n{APPS}"
        );
        fs::write(folder.path().join("headcount.toml"), config).unwrap();
        Self {
            folder,
            webhook,
            grpc,
            admin,
            authority,
        }
    }

    /// The authority that signed the certificate of all fronts, if they speak TLS.
    pub(crate) fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("headcount.toml")
    }

    /// Changes the first place where the configuration says this.
    #[track_caller]
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let file = self.folder.path().join("headcount.toml");
        let config = fs::read_to_string(&file).unwrap();
        assert!(config.contains(from), "{from} is not in {config}");
        fs::write(file, config.replacen(from, to, 1)).unwrap();
    }

    /// Writes a file beside the configuration.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// The folder of the journal.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The names of the files there that end so, in order.
    pub(crate) fn files(&self, suffix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.data()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
        names.sort();
        names
    }

    /// Where callbacks go.
    pub(crate) fn webhook(&self) -> String {
        match self.authority {
            Some(_) => format!("https://localhost:{}", self.webhook),
            None => format!("http://{}", self.webhook_address()),
        }
    }

    /// Where callbacks go, as an address.
    pub(crate) fn webhook_address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.webhook).into()
    }

    /// Where gRPC is served.
    pub(crate) fn grpc_address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.grpc).into()
    }

    /// Where metrics are.
    pub(crate) fn admin(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.admin).into()
    }

    /// A client with a connection of its own.
    pub(crate) fn client(&self) -> Client {
        from_channel(self.channel(), Credentials::none())
    }

    /// Who is in a room of ZEGO's app.
    pub(crate) async fn users(&self, room: &str) -> Result<GetRoomUsersResponse, Status> {
        let request = GetRoomUsersRequest {
            app: ZEGO_APP.to_owned(),
            room_id: room.to_owned(),
            ..GetRoomUsersRequest::default()
        };
        let answer = self.client().get_room_users(request).await;
        answer.map(tonic::Response::into_inner)
    }

    /// A client that asks how the service is.
    pub(crate) fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel())
    }

    fn channel(&self) -> Channel {
        let Some(authority) = &self.authority else {
            let endpoint = headcount_client::endpoint(&format!("http://{}", self.grpc_address()));
            return endpoint.unwrap().connect_lazy();
        };
        let url = format!("https://localhost:{}", self.grpc);
        let trusted = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
        let endpoint = headcount_client::endpoint(&url).unwrap();
        endpoint.tls_config(trusted).unwrap().connect_lazy()
    }

    /// Starts the service.
    pub(crate) fn spawn(&self) -> Process {
        self.spawn_by(Command::new(BINARY))
    }

    /// Starts the service with a flag.
    pub(crate) fn spawn_with(&self, flag: &str) -> Process {
        self.spawn_command(Command::new(BINARY), &[flag])
    }

    /// Starts the service by a command that takes its arguments.
    pub(crate) fn spawn_by(&self, command: Command) -> Process {
        self.spawn_command(command, &[])
    }

    fn spawn_command(&self, mut command: Command, flags: &[&str]) -> Process {
        command
            .arg("serve")
            .arg("--config")
            .arg(self.config())
            .args(flags);
        Process::spawn(command)
    }

    /// Starts the service and waits until it serves.
    pub(crate) async fn start(&self) -> Process {
        let mut process = self.spawn();
        process.says("serving callbacks on").await;
        process
    }

    /// The same. A write beyond what [its files may be](Process::limit_files) fails, and is not the
    /// end of the process.
    pub(crate) async fn start_limitable(&self) -> Process {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", BINARY]);
        let mut process = self.spawn_by(shell);
        process.says("serving callbacks on").await;
        process
    }
}

/// A port that no other process gets by chance while this one is down: it is not in the range
/// of ports for outgoing connections.
fn free_port() -> u16 {
    let free = || {
        let port = rand::random_range(10_000..30_000);
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    };
    (0..100).find_map(|_| free()).unwrap()
}

// === impl Process ===

impl Process {
    /// Starts a command and listens to what it says.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines_tx, lines) = mpsc::unbounded_channel();
        thread::spawn(move || {
            // Reads to the end, so that the process does not block on a full pipe.
            for line in stderr.lines().map_while(Result::ok) {
                drop(lines_tx.send(line));
            }
        });
        Self {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Waits for a line with this in it.
    pub(crate) async fn says(&mut self, what: &str) -> String {
        while let Some(line) = self.next_line().await {
            if line.contains(what) {
                return line;
            }
        }
        panic!("it ended without saying {what:?}: {:#?}", self.said);
    }

    /// Waits for its end. Returns its exit code and all that it said.
    pub(crate) async fn ends(mut self) -> (Option<i32>, Vec<String>) {
        while self.next_line().await.is_some() {}
        let status = self.child.wait().unwrap();
        (status.code(), std::mem::take(&mut self.said))
    }

    async fn next_line(&mut self) -> Option<String> {
        let line = tokio::time::timeout(HANGS, self.lines.recv()).await;
        let line = line.unwrap_or_else(|_| panic!("it hangs: {:#?}", self.said))?;
        self.said.push(line.clone());
        Some(line)
    }

    /// Kills it as `kill -9` does, without a drain.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }

    /// Sets the longest that a file of it may become: `BYTES:` or `unlimited:`.
    pub(crate) fn limit_files(&self, bytes: &str) {
        let id = self.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &id, &format!("--fsize={bytes}")])
            .status();
        assert!(limited.unwrap().success());
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Most have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
