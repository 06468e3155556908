//! Changes a room or a user by an entry.

use std::mem;

use crate::roster::{
    entry_position::EntryPosition,
    journal_progress::JournalProgress,
    subject::{
        cell::{CellState, Subject},
        history_budget::HistoryBudget,
        table::Hold,
    },
};

/// Changes a subject and publishes the visible changes, in one step under the subject's lock.
/// It is called at most once per entry and subject.
pub(crate) fn publish<S: Subject>(
    history: &HistoryBudget,
    progress: &JournalProgress,
    hold: &Hold<S>,
    position: EntryPosition,
    change: impl FnOnce(&mut S) -> Vec<S::Change>,
) {
    let EntryPosition { revision, at } = position;
    let cell = hold.cell();
    let mut state = cell.state.lock();
    let _noted = progress.note_panic();
    hold.capture_before_change(&mut state);
    let CellState {
        subject,
        feed,
        is_in_budget,
        ..
    } = &mut *state;
    let before = subject.footprint(hold.id());
    let changes = change(subject);
    let after = subject.footprint(hold.id());
    hold.table().size().change(before, after);
    let is_changed = !changes.is_empty();
    let is_first = is_changed && !mem::replace(is_in_budget, true);
    feed.publish(revision, changes, at, hold.table().feed_limits());
    hold.note_vacancy(&state, revision);
    drop(state);
    if is_changed {
        cell.changed.notify_waiters();
    }
    if is_first {
        history.remember(hold, revision);
    }
}
