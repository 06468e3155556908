//! `headcount journal backup`: a copy of a data folder, while its server runs or not.

use std::{
    ffi::OsString,
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};

use bytesize::ByteSize;

use super::{JournalError, RulesArgs, folder_of, open, store};
use crate::{
    checkpoint::DiskCheckpoints,
    cli::CliError,
    control::{BackupFiles, Connection},
    journal::{Archive, DataFolder, FolderCopy, LockError, OpenError, Revision, StoreError},
};

pub(super) const HELP: &str = "\
A server that runs on the folder goes on: it names the files that belong to the copy, and
drops none of them until they are copied. Everything that it acknowledged before the
command began is in the copy. Without a server, the folder is locked while it is copied.

DIR appears when the copy is whole. An interrupted copy leaves at most a folder DIR.….new,
which can be removed.

To restore, stop the server, put the copy in place of the data folder, and start.

Exit codes: 0 when the copy is whole, 1 when there is none.";

/// What to copy, and where to.
#[derive(Clone, Debug, clap::Args)]
pub struct BackupArgs {
    /// The folder that becomes the copy. It must not exist or be empty.
    #[arg(value_name = "DIR")]
    pub target: PathBuf,
    /// The data folder: that of the configuration file, or `data`, without it.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The configuration file of the server.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Copies the folder, and prints what the copy holds.
pub(super) fn backup(
    args: BackupArgs,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    mut out: impl Write,
) -> Result<ExitCode, CliError> {
    let BackupArgs {
        target,
        data,
        config,
    } = args;
    let rules = RulesArgs { config, dev: false };
    let folder = folder_of(data, rules.read(env)?.as_ref());
    let copy = FolderCopy::begin(&folder, &target).map_err(JournalError::from)?;
    let Copied { files, bytes } = copy_all(&folder, &copy)?;
    let last = last_of(copy.path(), files.last_revision)?;
    copy.publish().map_err(JournalError::from)?;
    let (count, bytes, target) = (files.names.len() + 1, ByteSize(bytes), target.display());
    writeln!(
        out,
        "{target}: {count} files, {bytes}, through revision {last}"
    )?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

struct Copied {
    files: BackupFiles,
    bytes: u64,
}

/// Copies all files, and makes the copy a data folder, while nothing of the folder is dropped.
fn copy_all(folder: &Path, copy: &FolderCopy) -> Result<Copied, JournalError> {
    let asked = |source| JournalError::Server {
        folder: folder.to_owned(),
        source,
    };
    if let Some(mut server) = Connection::open(folder).map_err(asked)? {
        let files = server.begin_backup().map_err(asked)?;
        let copied = copy_files(files, copy, true);
        // A file may be missing because the server no longer keeps it. That is the better reason.
        server.end_backup().map_err(asked)?;
        return copied;
    }
    let folder = DataFolder::open_existing(folder).map_err(|error| match error {
        OpenError::Lock(source @ LockError::Held { .. }) => JournalError::Unheard {
            socket: Connection::path(folder),
            source,
        },
        error => error.into(),
    })?;
    // Locked until its files are copied.
    copy_files(files_of(&folder)?, copy, false)
}

/// If a server `goes_on` with the folder, it may have begun other segments since.
fn copy_files(
    files: BackupFiles,
    copy: &FolderCopy,
    goes_on: bool,
) -> Result<Copied, JournalError> {
    let mut bytes = 0;
    for name in &files.names {
        bytes += copy.add(name)?;
    }
    copy.complete(goes_on)?;
    Ok(Copied { files, bytes })
}

/// The files of a folder that no server writes to.
fn files_of(folder: &DataFolder) -> Result<BackupFiles, JournalError> {
    let archive = Archive::open(folder, super::decoder())?;
    let mut files = archive.segments().map_err(store(&archive))?;
    files.extend(DiskCheckpoints::files(folder).map_err(store(&archive))?);
    Ok(BackupFiles {
        names: files.into_iter().map(|file| file.name).collect(),
        // It is known only once the last segment was read.
        last_revision: 0,
    })
}

/// The last revision of a folder that has to have those through `expected`, unless their loss was
/// accepted. Reads its last segment, so that it is certain that the folder can be opened.
fn last_of(folder: &Path, expected: Revision) -> Result<Revision, JournalError> {
    let archive = open(Some(folder.to_owned()), None)?;
    let segments = archive.segments().map_err(store(&archive))?;
    let after = segments.last().map_or(0, |last| last.revision - 1);
    let next = archive.read(after, &mut |_, _| ControlFlow::Continue(()));
    let next = next.map_err(store(&archive))?;
    let is_there = expected < next || archive.folder().identity().accepts(next, expected);
    let lost = StoreError::Lost { after: expected };
    is_there
        .then_some(expected.max(next - 1))
        .ok_or_else(|| store(&archive)(lost))
}
