//! Who may read a data folder: its owner alone, whatever the umask. Callbacks hold personal
//! data, and signatures that can be used again while they are fresh.

use std::{fs::OpenOptions, path::Path};

/// Lets only the owner read and write the files that are created with these options.
#[cfg(unix)]
pub(super) fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
pub(super) fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Lets only the owner enter the temporary folder that this makes.
#[cfg(unix)]
pub(super) fn folder_for_owner<'a, 'b>(
    folder: &'a mut tempfile::Builder<'b, 'b>,
) -> &'a mut tempfile::Builder<'b, 'b> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};
    folder.permissions(Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
pub(super) fn folder_for_owner<'a, 'b>(
    folder: &'a mut tempfile::Builder<'b, 'b>,
) -> &'a mut tempfile::Builder<'b, 'b> {
    folder
}

/// Takes a folder, and the files in it, from everybody but their owner. Older versions, and
/// copies of the folder, left them to others. It only warns if it cannot.
#[cfg(unix)]
pub(super) fn restrict(folder: &Path) {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
    };

    let restrict = |path: &Path, mode: u32| {
        let is_open = |found: u32| found & 0o077 != 0;
        let found = fs::metadata(path)?.permissions().mode();
        if is_open(found) {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        std::io::Result::Ok(())
    };
    let restrict_all = || {
        restrict(folder, 0o700)?;
        for file in fs::read_dir(folder)? {
            let file = file?;
            if file.file_type()?.is_file() {
                restrict(&file.path(), 0o600)?;
            }
        }
        std::io::Result::Ok(())
    };
    if let Err(error) = restrict_all() {
        let folder = folder.display();
        tracing::warn!(%folder, %error, "others may read the data folder: cannot restrict it to its owner");
    }
}

#[cfg(not(unix))]
pub(super) fn restrict(_: &Path) {}
