use futures_util::future::FutureExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, duplex},
    task::JoinHandle,
};

use super::*;
use crate::journal::DataFolder;

/// One who counts the leases, and refuses if there are no files.
#[derive(Debug, Default)]
struct Files {
    names: Vec<String>,
    leases: Arc<()>,
}

impl Backups for Files {
    fn begin(&self) -> BoxFuture<'_, Result<Backup, String>> {
        let files = BackupFiles {
            names: self.names.clone(),
            last_revision: 7,
        };
        let lease = Box::new(Arc::clone(&self.leases));
        let backup = (!self.names.is_empty()).then_some(Backup { files, lease });
        async { backup.ok_or_else(|| "there is nothing".to_owned()) }.boxed()
    }
}

/// A command's side of a connection, and what it can see of the server.
struct Talking {
    stream: BufReader<DuplexStream>,
    files: Arc<Files>,
    metrics: ControlMetrics,
    server: JoinHandle<()>,
}

impl Talking {
    fn with(names: &[&str]) -> Self {
        let (ours, theirs) = duplex(64 * 1024);
        let files = Arc::new(Files {
            names: names.iter().copied().map(str::to_owned).collect(),
            ..Files::default()
        });
        let metrics = ControlMetrics::default();
        let (backups, counted) = (Arc::clone(&files), metrics.clone());
        Self {
            stream: BufReader::new(ours),
            files,
            metrics,
            server: tokio::spawn(async move { answer(theirs, &*backups, &counted).await }),
        }
    }

    async fn say(&mut self, what: &str) {
        self.stream.write_all(what.as_bytes()).await.unwrap();
    }

    /// The next line; empty at the end.
    async fn hear(&mut self) -> String {
        use tokio::io::AsyncBufReadExt as _;
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line
    }

    fn leases(&self) -> usize {
        Arc::strong_count(&self.files.leases) - 1
    }

    fn counted(&self) -> (u64, u64) {
        (self.metrics.backups.get(), self.metrics.broken_off.get())
    }
}

const FILES: &str = "{\"files\":{\"names\":[\"a\",\"b\"],\"last_revision\":7}}\n";

#[tokio::test(start_paused = true)]
async fn files_are_kept_until_they_are_copied() {
    let mut talking = Talking::with(&["a", "b"]);
    talking.say("\"backup\"\n").await;
    assert_eq!(talking.hear().await, FILES);
    assert_eq!(talking.leases(), 1);
    talking.say("\"done\"\n").await;
    assert_eq!(talking.hear().await, "\"kept\"\n");
    assert_eq!(talking.hear().await, "");
    assert_eq!((talking.leases(), talking.counted()), (0, (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_goes_away_or_says_something_else_gives_up_the_files() {
    for last_word in ["", "\"do", "\"backup\"\n", "\"undone\"\n"] {
        let mut talking = Talking::with(&["a", "b"]);
        talking.say("\"backup\"\n").await;
        assert_eq!(talking.hear().await, FILES);
        talking.say(last_word).await;
        talking.stream.shutdown().await.unwrap();
        assert_eq!(talking.hear().await, "", "{last_word:?}");
        assert_eq!(talking.leases(), 0, "{last_word:?}");
        assert_eq!(talking.counted(), (0, 1), "{last_word:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_hangs_gives_up_the_files_in_the_end() {
    let mut talking = Talking::with(&["a", "b"]);
    talking.say("\"backup\"\n").await;
    assert_eq!(talking.hear().await, FILES);
    tokio::time::sleep(LEASE_TIME_MAX / 2).await;
    assert_eq!(talking.leases(), 1);
    assert_eq!(talking.hear().await, "");
    assert_eq!((talking.leases(), talking.counted()), (0, (0, 1)));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_refused_and_silence_is_not_waited_for() {
    let long = format!("{}\n", "x".repeat(5000));
    let rows = [
        ("\"done\"\n", "nothing was begun"),
        ("\"reload\"\n", "unknown variant `reload`"),
        ("backup\n", "this is no request"),
        (&long, "this is no request"),
    ];
    for (said, word) in rows {
        let mut talking = Talking::with(&["a"]);
        talking.say(said).await;
        let told = talking.hear().await;
        let is_refusal = told.starts_with("{\"refused\":{\"message\":") && told.contains(word);
        assert!(is_refusal, "{told}");
    }
    let mut refusing = Talking::with(&[]);
    refusing.say("\"backup\"\n").await;
    let told = refusing.hear().await;
    assert_eq!(told, "{\"refused\":{\"message\":\"there is nothing\"}}\n");

    for said in ["", "\"back"] {
        let mut silent = Talking::with(&["a"]);
        silent.say(said).await;
        silent.server.await.unwrap();
        let mut nothing = String::new();
        silent.stream.read_to_string(&mut nothing).await.unwrap();
        assert_eq!(nothing, "");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folders_socket_is_its_owners_and_lasts_as_long_as_its_server() {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use crate::control::{AskError, Connection};

    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    let path = Connection::path(dir.path());
    // What a server left that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(Connection::open(dir.path()).unwrap().is_none());
    let socket = ControlSocket::bind(&folder).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let (drain, metrics) = (CancellationToken::new(), ControlMetrics::default());
    let files = Arc::new(Files {
        names: vec!["a".into()],
        ..Files::default()
    });
    let backups = Arc::<Files>::clone(&files);
    let served = serve(socket, backups, metrics.clone(), drain.clone());
    let served = tokio::spawn(served);
    let ask = async || {
        let path = dir.path().to_owned();
        let asked = move || {
            let mut connection = Connection::open(&path).unwrap().unwrap();
            connection.begin_backup().map(|files| (connection, files))
        };
        tokio::task::spawn_blocking(asked).await.unwrap()
    };
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let (connection, files) = ask().await.unwrap();
        assert_eq!(files.names, ["a"]);
        connections.push(connection);
    }
    let refused = ask().await.map(|(_, files)| files);
    assert!(matches!(refused, Err(AskError::Ended)), "{refused:?}");
    assert_eq!(metrics.refused.get(), 1);

    drain.cancel();
    served.await.unwrap();
    assert_eq!(Arc::strong_count(&files.leases), 1);
    assert!(!path.exists());
    let ended = connections.pop().unwrap();
    let ended = tokio::task::spawn_blocking(move || ended.end_backup());
    let ended = ended.await.unwrap();
    assert!(matches!(ended, Err(AskError::Ended)), "{ended:?}");
}
