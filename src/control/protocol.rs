//! What is said on the socket.

use std::io;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::journal::Revision;

/// What a command says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Name the files of a backup, and keep them.
    Backup,
    /// They are copied.
    Done,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The files that a copy has to have.
    Files(BackupFiles),
    /// None of the files was changed or dropped until now.
    Kept,
    /// The server does not do what was asked.
    Refused {
        /// Why.
        message: String,
    },
}

/// The files of a data folder that together are a backup, besides the one that names its format.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct BackupFiles {
    /// Their names in the folder.
    pub names: Vec<String>,
    /// The last entry in them: everything that was acknowledged before the backup was asked for
    /// has this revision or a lower one.
    pub last_revision: Revision,
}

/// The line that says this.
pub(super) fn line(said: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    Ok(line)
}

/// What a line says; `None` at the end of the connection.
///
/// # Errors
/// When the line was cut off, or says nothing that is known.
pub(super) fn parse<T: DeserializeOwned>(line: &[u8]) -> io::Result<Option<T>> {
    if line.is_empty() {
        return Ok(None);
    }
    let whole = line
        .strip_suffix(b"\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Some(serde_json::from_slice(whole)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_says_what_the_module_documents() {
        let text = |line: Vec<u8>| String::from_utf8(line).unwrap();
        assert_eq!(text(line(&Request::Backup).unwrap()), "\"backup\"\n");
        assert_eq!(text(line(&Request::Done).unwrap()), "\"done\"\n");
        assert_eq!(text(line(&Answer::Kept).unwrap()), "\"kept\"\n");
        let files = Answer::Files(BackupFiles {
            names: vec!["a.segment".into()],
            last_revision: 7,
        });
        let said = line(&files).unwrap();
        assert_eq!(parse::<Answer>(&said).unwrap(), Some(files));
        assert_eq!(
            text(said),
            "{\"files\":{\"names\":[\"a.segment\"],\"last_revision\":7}}\n"
        );
        let refused = Answer::Refused {
            message: "no".into(),
        };
        assert_eq!(
            text(line(&refused).unwrap()),
            "{\"refused\":{\"message\":\"no\"}}\n"
        );
    }

    #[test]
    fn a_line_that_is_cut_off_says_nothing() {
        assert_eq!(parse::<Request>(b"").unwrap(), None);
        assert!(parse::<Request>(b"\"done\"").is_err());
        assert!(parse::<Request>(b"\"undone\"\n").is_err());
    }
}
