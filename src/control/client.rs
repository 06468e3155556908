//! The side of the commands.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    protocol::{Answer, BackupFiles, Request, line, parse},
    socket::{self, ClientStream},
};

/// How long an answer may take: longer than a server takes to write a checkpoint of millions of
/// members.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(180);

/// The longest answer: it names the files of a folder, each in about 50 bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A connection to the server that uses a data folder.
#[derive(Debug)]
pub struct Connection(BufReader<ClientStream>);

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It refused.
    #[error("{0}")]
    Refused(String),
    /// It ended, or gave up, before it answered.
    #[error("it ended before it answered")]
    Ended,
    /// It answered something else.
    #[error("its answer does not fit: is it of another version?")]
    Unexpected,
    /// The connection failed.
    #[error("cannot talk to it: {0}")]
    Io(#[from] io::Error),
}

impl Connection {
    /// Where the server of a data folder listens.
    pub fn path(folder: &Path) -> PathBuf {
        socket::path(folder)
    }

    /// Connects to the server of a data folder; `None` if none listens.
    ///
    /// # Errors
    /// When it is unknown whether one does.
    pub fn open(folder: &Path) -> Result<Option<Self>, AskError> {
        match socket::connect(&Self::path(folder), ANSWER_TIME_MAX) {
            Ok(stream) => Ok(Some(Self(BufReader::new(stream)))),
            Err(error) if is_nobody(error.kind()) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks which files are the backup. The server keeps them for as long as this connection is
    /// open. Blocks.
    ///
    /// # Errors
    /// When it refuses, or does not answer.
    pub fn begin_backup(&mut self) -> Result<BackupFiles, AskError> {
        match self.ask(Request::Backup)? {
            Answer::Files(files) => Ok(files),
            other => Err(unexpected(other)),
        }
    }

    /// Says that they are copied. Blocks.
    ///
    /// # Errors
    /// When they were not kept until now: the server ended, or gave up.
    pub fn end_backup(mut self) -> Result<(), AskError> {
        match self.ask(Request::Done)? {
            Answer::Kept => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    fn ask(&mut self, request: Request) -> Result<Answer, AskError> {
        match self.try_to_ask(request) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(AskError::Ended),
            Err(error) if is_end(error.kind()) => Err(AskError::Ended),
            Err(source) => Err(AskError::Io(source)),
        }
    }

    fn try_to_ask(&mut self, request: Request) -> io::Result<Option<Answer>> {
        self.0.get_mut().write_all(&line(&request)?)?;
        let mut answer = Vec::new();
        let mut limited = (&mut self.0).take(ANSWER_BYTES_MAX);
        limited.read_until(b'\n', &mut answer)?;
        parse(&answer)
    }
}

fn unexpected(answer: Answer) -> AskError {
    match answer {
        Answer::Refused { message } => AskError::Refused(message),
        Answer::Files(_) | Answer::Kept => AskError::Unexpected,
    }
}

/// Whether this kind of error says that nobody listens. Where the path is too long, or the
/// system has no such sockets, no server can.
fn is_nobody(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionRefused, InvalidInput, NotFound, Unsupported};
    matches!(
        kind,
        NotFound | ConnectionRefused | InvalidInput | Unsupported
    )
}

/// Whether this kind of error says that the other side closed the connection.
fn is_end(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionReset | UnexpectedEof)
}
