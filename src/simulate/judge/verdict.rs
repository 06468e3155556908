//! The verdict of a run: every difference between what the server says and what
//! is true, and one line that sums them up.

use std::{collections::BTreeSet, fmt};

/// The verdict of a run. Its text is one line.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The seed that the world was made from.
    pub seed: u64,
    /// The tag of the run's rooms and users.
    pub tag: String,
    /// How many callbacks there were, those that were lost included.
    pub callbacks: usize,
    /// How many times one was sent again.
    pub duplicates: usize,
    /// How many were lost on purpose.
    pub lost: usize,
    /// How many rooms there were.
    pub rooms: usize,
    /// How many users the chat had.
    pub users: usize,
    /// How many of the rooms and users were watched.
    pub watched: usize,
    /// The differences.
    pub differences: Vec<Difference>,
}

/// Something that the server says and that is not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The id of the room and what happened in it, or the id of the user; empty if the
    /// difference is about neither.
    pub about: String,
    /// Where the server said so.
    pub witnesses: BTreeSet<Witness>,
    /// What the difference is.
    pub what: String,
    /// Why there is a difference.
    pub cause: Cause,
}

/// Where a difference was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// `GetRoomUsers`, `ListRooms` or `GetUser`.
    Roster,
    /// `WatchRoom` or `WatchUser`.
    Watch,
    /// The HTTP front.
    Webhook,
}

/// Why there is a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Callbacks were lost, and `missing_callbacks` says so.
    LossFlagged,
    /// All the numbered callbacks that were lost came after the last that
    /// arrived: no hole shows them.
    LossAtTheEnd,
    /// All callbacks that were lost are without a number. Callbacks about users have none.
    LossUnnumbered,
    /// Callbacks were lost of the life that the room is in, and the server takes
    /// it to be in another: the holes are not of the life that it shows.
    LossOfItsLife,
    /// Nothing explains it.
    Unexplained,
}

impl Verdict {
    /// How many differences have a cause.
    pub fn count(&self, cause: Cause) -> usize {
        let differences = self.differences.iter();
        differences.filter(|found| found.cause == cause).count()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            tag: _,
            callbacks,
            duplicates,
            lost,
            rooms,
            users,
            watched,
            differences,
        } = self;
        write!(f, "simulate: seed {seed}, {callbacks} callbacks")?;
        write!(f, " ({duplicates} duplicates, {lost} lost), ")?;
        let subjects = [counted(*rooms, "room"), counted(*users, "user")].concat();
        write!(f, "{subjects}{watched} watched: ")?;
        match differences.len() {
            0 => return f.write_str("0 differences"),
            1 => f.write_str("1 difference: ")?,
            many => write!(f, "{many} differences: ")?,
        }
        let [flagged, at_the_end, unnumbered, of_its_life, unexplained] = [
            Cause::LossFlagged,
            Cause::LossAtTheEnd,
            Cause::LossUnnumbered,
            Cause::LossOfItsLife,
            Cause::Unexplained,
        ]
        .map(|cause| self.count(cause));
        write!(f, "{flagged} in rooms flagged by missing_callbacks, ")?;
        write!(f, "{at_the_end} by loss after the last callback, ")?;
        write!(f, "{unnumbered} by loss of callbacks without a number, ")?;
        write!(f, "{of_its_life} by loss that makes another life current, ")?;
        write!(f, "{unexplained} unexplained")
    }
}

/// A count with a comma after it; nothing if it is 0.
pub(in crate::simulate) fn counted(count: usize, word: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("1 {word}, "),
        _ => format!("{count} {word}s, "),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            about,
            witnesses,
            what,
            cause,
        } = self;
        if !about.is_empty() {
            write!(f, "{about}: ")?;
        }
        write!(f, "{what} (")?;
        for witness in witnesses {
            f.write_str(match witness {
                Witness::Roster => "roster, ",
                Witness::Watch => "watch, ",
                Witness::Webhook => "webhook, ",
            })?;
        }
        f.write_str(match cause {
            Cause::LossFlagged => "loss, flagged)",
            Cause::LossAtTheEnd => "loss after the last callback, not visible)",
            Cause::LossUnnumbered => "loss of callbacks without a number, not visible)",
            Cause::LossOfItsLife => "loss that makes another life current, not visible)",
            Cause::Unexplained => "unexplained)",
        })
    }
}
