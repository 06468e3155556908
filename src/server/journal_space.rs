//! How much space the data folder may take.

use bytesize::ByteSize;
use tracing::info;

use crate::{
    config::{JournalConfig, Size},
    journal::{DataFolder, OpenError},
};

/// The part of the disk that the folder may take, in percent: of what is free, and of what the
/// folder has. The rest is for what else is on the disk, and for a backup's beginning.
const DISK_PERCENT: u64 = 80;

/// The most that a folder takes without being told: a day of 5,000 short callbacks a second. A
/// flood must not fill a large disk that others use too.
const DERIVED_MAX: u64 = 100 << 30;

/// Limits the space of a folder as a configuration says. What is derived is `least` at least: less
/// would refuse callbacks however empty the folder is. Returns the folder to go on with.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn limit(
    folder: &DataFolder,
    config: &JournalConfig,
    least: Size,
) -> Result<DataFolder, OpenError> {
    let failed = |source| OpenError::store(folder.path(), source);
    let bytes = folder.bytes().map_err(failed)?;
    let configured = config.bytes_max.map(Size::bytes);
    let derived = || derived(folder.free_bytes(), bytes, least.bytes());
    let bytes_max = configured.unwrap_or_else(derived);
    info!(
        bytes_max = %ByteSize(bytes_max),
        taken = %ByteSize(bytes),
        is_configured = configured.is_some(),
        "the data folder may take this much"
    );
    folder.within(bytes_max)
}

/// The limit where none is configured, for a disk that has so much free and a folder that takes
/// so much.
fn derived(free: Option<u64>, taken: u64, least: u64) -> u64 {
    let share = |free: u64| (free.saturating_add(taken) / 100).saturating_mul(DISK_PERCENT);
    let share = free.map_or(DERIVED_MAX, share);
    share.min(DERIVED_MAX).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_derived_is_a_part_of_the_disk_and_the_same_when_the_folder_has_grown() {
        const GIB: u64 = 1 << 30;
        let fresh = derived(Some(10 * GIB), 0, 0);
        assert!((8 * GIB - 100..=8 * GIB).contains(&fresh), "{fresh}");
        assert_eq!(derived(Some(3 * GIB), 7 * GIB, 0), fresh);
        assert_eq!(derived(Some(1000 * GIB), GIB, 0), DERIVED_MAX);
        assert_eq!(derived(Some(u64::MAX), u64::MAX, 0), DERIVED_MAX);
        assert_eq!(derived(None, 0, 0), DERIVED_MAX);
    }

    #[test]
    fn what_is_derived_has_room_for_the_longest_bodies_however_full_the_disk_is() {
        for least in [1 << 20, DERIVED_MAX + 1] {
            assert_eq!(derived(Some(0), 0, least), least);
        }
    }
}
