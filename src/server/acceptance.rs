//! Lets a journal go on without entries that it lost, or that cannot be applied, if an operator
//! says so.

use tracing::{info, warn};

use super::latest_checkpoint::latest;
use crate::{
    checkpoint::DiskCheckpoints,
    journal::{Archive, DataFolder, Decoder, Losses, OpenError, Revision},
    roster::Image,
};

/// Losses that are logged one by one; all are counted.
const LOGGED_MAX: usize = 100;

/// Finds what a start would lack, and accepts its loss. Returns the folder to go on with. Reads
/// all that a start reads. Blocks.
///
/// # Errors
/// When something else is wrong with the folder, or it cannot be written to.
pub(super) fn accept_loss(folder: DataFolder, decoder: &Decoder) -> Result<DataFolder, OpenError> {
    let failed = |source| OpenError::store(folder.path(), source);
    let store = DiskCheckpoints::new(&folder);
    let latest = latest(&store, &|epoch| folder.has_had(epoch)).map_err(failed)?;
    // It may only be that it cannot be read now. Then nothing is lost yet.
    if let Some(error) = latest.unread {
        return Err(failed(error));
    }
    let after = latest.image.as_ref().map_or(0, Image::revision);
    let known = latest.image.as_ref().and_then(Image::last_block);
    let archive = Archive::open(&folder, decoder.clone())?;
    let losses = archive.losses(after, known).map_err(failed)?;
    if losses.is_empty() {
        info!("no loss to accept: everything is there that a start needs");
        return Ok(folder);
    }
    log(&losses, after);
    let accepted = archive.accept(&losses)?;
    let (before, epoch) = (folder.epoch(), accepted.epoch());
    match before == epoch {
        true => warn!("no entry is lost: the journal goes on in its epoch"),
        false => warn!(
            losses = losses.lost.len(),
            "the journal goes on without them under a new epoch, {:016x}: resuming watches get a snapshot",
            epoch.0
        ),
    }
    Ok(accepted)
}

/// Lets entries have no effect that cannot be applied. It is remembered in the folder.
///
/// # Errors
/// When one of them is no callback, or the folder cannot be read or written to.
pub(super) fn quarantine(
    folder: DataFolder,
    decoder: &Decoder,
    revisions: &[Revision],
) -> Result<DataFolder, OpenError> {
    let is_new = |revision: &Revision| !folder.quarantined().contains(revision);
    let new: Vec<_> = revisions.iter().copied().filter(is_new).collect();
    let folder = match new.is_empty() {
        true => folder,
        false => quarantine_new(folder, decoder, new)?,
    };
    for revision in folder.quarantined() {
        warn!(
            revision,
            "the callback of this revision has no effect: it is quarantined"
        );
    }
    Ok(folder)
}

fn quarantine_new(
    folder: DataFolder,
    decoder: &Decoder,
    mut revisions: Vec<Revision>,
) -> Result<DataFolder, OpenError> {
    let archive = Archive::open(&folder, decoder.clone())?;
    let first = archive.first();
    // The option may still be there when the entry was dropped long ago.
    revisions.retain(|revision| {
        let is_kept = *revision >= first;
        if !is_kept {
            warn!(
                revision,
                "cannot be quarantined: it is no longer in the journal"
            );
        }
        is_kept
    });
    match revisions.is_empty() {
        true => Ok(folder),
        false => archive.quarantine(&revisions),
    }
}

fn log(losses: &Losses, checkpoint: Revision) {
    for file in &losses.damaged {
        warn!(
            file,
            "is damaged: what can be read of it is read, and it is kept"
        );
    }
    for loss in losses.lost.iter().take(LOGGED_MAX) {
        let is_covered = loss.last.is_some_and(|last| last <= checkpoint);
        let effect = match is_covered {
            true => " (a checkpoint has their effect)",
            false => "",
        };
        warn!("accepted the loss of {loss}{effect}");
    }
    let more = losses.lost.len().saturating_sub(LOGGED_MAX);
    if more > 0 {
        warn!(more, "more losses: `headcount journal inspect` lists them");
    }
}

#[cfg(test)]
mod tests;
