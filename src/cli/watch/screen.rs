//! What a terminal shows of a watch: what is lost, who is there, and what happened last.
//!
//! A picture is made of the state, the size of the terminal and the time, and of nothing else.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use console::{measure_text_width, truncate_str};
use headcount_client::{CopyOf, WatchEvent};

use super::{
    connection::{Connection, Failure, after},
    shown::{Fact, Note, Shown},
};
use crate::{
    cli::{
        age::Moment,
        paint::{Colour, Paint},
        table::cut_middle,
        text::{self, Medium},
    },
    pb::Room,
};

/// How many of the last changes are kept, for a terminal that has room for them.
const RECENT_MAX: usize = 256;

/// Of the lines for the table and the changes, the changes get one in so many, if there are
/// more than fit of both.
const CHANGES_SHARE: usize = 3;

/// From this height on, empty lines separate the parts.
const AIRY_HEIGHT: usize = 20;

/// For how long somebody is shown as new.
const NEW_MILLIS: i64 = 10_000;

/// A fact that may be cut is left out where it would have fewer columns.
const FACT_COLUMNS_MIN: usize = 12;

/// The columns of a change before its id.
const BEFORE_ABOUT: usize = 15;

/// What is said of a change besides its id is left out where it would have fewer columns.
const DETAIL_COLUMNS_MIN: usize = 4;

/// Between two facts.
const DOT: &str = " · ";

const HOME: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K\n";
const CLEAR_BELOW: &str = "\x1b[J";

/// What the terminal shows besides the copy.
#[derive(Debug)]
pub(super) struct Screen {
    id: String,
    server: String,
    connection: Connection,
    /// The last changes, the newest last.
    recent: VecDeque<Note>,
    /// The room with newer counts than the copy's.
    counts: Option<Room>,
}

/// What a picture is made for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) now: Moment,
    pub(super) paint: Paint,
}

// === impl Screen ===

impl Screen {
    pub(super) fn new(id: &str, server: &str) -> Self {
        Self {
            id: text::clean(id).into_owned(),
            server: server.into(),
            connection: Connection::Connecting,
            recent: VecDeque::new(),
            counts: None,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.connection, Connection::Live(_))
    }

    /// Takes in the room's counts.
    pub(super) fn refresh(&mut self, room: Room) {
        self.counts = Some(room);
    }

    /// Takes in what happened.
    pub(super) fn take<S: Shown>(&mut self, event: &WatchEvent<S::Message>, now: Moment) {
        let was = self.connection.clone();
        match event {
            WatchEvent::Message(message) => {
                self.connection = Connection::Live(S::revision(message));
                if let Connection::Lost { since, .. } = was {
                    let detail = format!("after {}", since.age(now));
                    self.note(event_note("back", Colour::Green, detail, now));
                }
                for note in S::notes(message, now) {
                    self.note(note);
                }
            }
            WatchEvent::Lost { status, wait } => {
                self.connection.lose(status, *wait, now);
                if let (Connection::Live(_), Connection::Lost { last, .. }) =
                    (was, &self.connection)
                {
                    let reason = last.reason.clone();
                    self.note(event_note("LOST", Colour::Red, reason, now));
                }
            }
            WatchEvent::Violated { violation, wait } => {
                let reason = text::clean(&violation.to_string()).into_owned();
                self.connection = Connection::Wrong(Failure {
                    reason: reason.clone(),
                    is_unreached: false,
                    next: after(now, *wait),
                });
                self.note(event_note("WRONG", Colour::Red, reason, now));
            }
        }
    }

    fn note(&mut self, note: Note) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(note);
    }

    /// The codes and text that draw all over the terminal.
    pub(super) fn draw<S: Shown>(&self, copy: &CopyOf<S>, frame: &Frame) -> String {
        let mut drawn = HOME.to_owned();
        for line in self.picture(copy, frame) {
            drawn += &line;
            drawn += END_OF_LINE;
        }
        drawn + CLEAR_BELOW
    }

    /// The lines of the terminal. That of the cursor stays free.
    fn picture<S: Shown>(&self, copy: &CopyOf<S>, frame: &Frame) -> Vec<String> {
        let height = frame.height.saturating_sub(1);
        let mut lines = self.header(copy, frame);
        lines.extend(self.body(copy, frame, height.saturating_sub(lines.len())));
        lines.truncate(height);
        lines
    }

    fn header<S: Shown>(&self, copy: &CopyOf<S>, frame: &Frame) -> Vec<String> {
        let summary = S::summary(copy, self.counts.as_ref(), frame.now);
        let id = cut_middle(&self.id, frame.width).into_owned();
        let mut names = vec![Fact::coloured(Colour::Bold, id)];
        names.extend(S::names(copy));
        let connection = self.connection.facts(&self.server, frame.now);
        let parts = [summary, names, connection];
        let parts = parts.iter().filter(|facts| !facts.is_empty());
        parts.map(|facts| facts_line(facts, frame)).collect()
    }

    fn body<S: Shown>(&self, copy: &CopyOf<S>, frame: &Frame, height: usize) -> Vec<String> {
        let gap = usize::from(frame.height >= AIRY_HEIGHT);
        let (count, notes) = (S::count(copy), self.recent.len());
        let head = |has_any: bool| if has_any { 1 + gap } else { 0 };
        let is_empty = count == 0 && copy.is_complete();
        let heads = head(count > 0 || is_empty) + head(notes > 0);
        let free = height.saturating_sub(heads);
        let (rows, notes) = share(free, count, notes);
        let mut lines = Vec::new();
        let air = |lines: &mut Vec<String>| lines.extend(std::iter::repeat_n(String::new(), gap));
        if count > 0 {
            air(&mut lines);
            lines.extend(table_lines(copy, frame, rows));
            if count > rows {
                let more = format!("and {} more", count - rows);
                lines.push(dim(&more, frame));
            }
        } else if is_empty {
            air(&mut lines);
            lines.push(dim("nobody is here", frame));
        }
        if notes > 0 {
            air(&mut lines);
            lines.extend(self.change_lines(frame, notes));
        }
        lines
    }

    /// The last changes, under a header.
    fn change_lines(&self, frame: &Frame, count: usize) -> Vec<String> {
        const HEADER: &str = " AGO  CHANGE";
        let shown = self.recent.iter().skip(self.recent.len() - count);
        let widths = shown.clone().map(|note| measure_text_width(&note.about));
        let widest = widths.max().unwrap_or_default();
        let about_width = widest.min(frame.width.saturating_sub(BEFORE_ABOUT));
        let lines = shown.map(|note| note_line(note, about_width, frame));
        std::iter::once(dim(HEADER, frame)).chain(lines).collect()
    }
}

/// How many rows of the table and how many changes to show on so many lines. If not all rows
/// fit, one line says how many more there are.
fn share(lines: usize, rows: usize, changes: usize) -> (usize, usize) {
    let kept = changes.min((lines / CHANGES_SHARE).max(1));
    let for_rows = lines.saturating_sub(kept);
    if rows <= for_rows {
        return (rows, changes.min(lines - rows));
    }
    (for_rows.saturating_sub(1), kept)
}

fn table_lines<S: Shown>(copy: &CopyOf<S>, frame: &Frame, rows: usize) -> Vec<String> {
    let Frame {
        width, now, paint, ..
    } = *frame;
    let table = S::rows(copy, rows, Medium::Terminal { width, now });
    let mut lines = table.lines.into_iter();
    let header = dim(&lines.next().unwrap_or_default(), frame);
    let is_new = |began: &Option<Moment>| began.is_some_and(|began| now.0 - began.0 < NEW_MILLIS);
    let rows = lines.zip(&table.began).map(|(line, began)| {
        if is_new(began) {
            paint.paint(Colour::Green, &line)
        } else {
            line
        }
    });
    std::iter::once(header).chain(rows).collect()
}

/// A change on one line. Its id is cut only if it does not fit at all.
fn note_line(note: &Note, about_width: usize, frame: &Frame) -> String {
    let age = note.at.age(frame.now);
    let verb = format!("{:<8}", note.verb);
    let mut line = format!("{age:>4}  {verb} ");
    if !note.about.is_empty() {
        let about = cut_middle(&note.about, about_width);
        let fill = about_width.saturating_sub(measure_text_width(&about)) + 2;
        line += &about;
        line += &" ".repeat(fill);
    }
    let free = frame.width.saturating_sub(measure_text_width(&line));
    if free >= DETAIL_COLUMNS_MIN {
        line += &truncate_str(&note.detail, free, "…");
    }
    let line = truncate_str(line.trim_end(), frame.width, "…").into_owned();
    match note.colour {
        // A verb that was cut is not found.
        Some(colour) => line.replacen(&verb, &frame.paint.paint(colour, &verb), 1),
        None => line,
    }
}

/// A line that is not read often.
fn dim(text: &str, frame: &Frame) -> String {
    let text = truncate_str(text, frame.width, "…");
    frame.paint.paint(Colour::Dim, &text)
}

fn event_note(verb: &'static str, colour: Colour, detail: String, now: Moment) -> Note {
    Note {
        at: now,
        verb,
        colour: Some(colour),
        about: String::new(),
        detail,
    }
}

/// Facts on one line. Those that do not fit are left out or cut, apart from the first.
fn facts_line(facts: &[Fact], frame: &Frame) -> String {
    let mut line = String::new();
    let mut taken = 0;
    for fact in facts {
        let gap = if taken == 0 { "" } else { DOT };
        let free = frame.width.saturating_sub(taken + measure_text_width(gap));
        let width = measure_text_width(&fact.text);
        let is_cut = fact.may_be_cut && free >= FACT_COLUMNS_MIN;
        if width > free && taken > 0 && !is_cut {
            continue;
        }
        let text = truncate_str(&fact.text, free, "…");
        taken += measure_text_width(gap) + measure_text_width(&text);
        line += gap;
        line += &match fact.colour {
            Some(colour) => frame.paint.paint(colour, &text),
            None => text.into_owned(),
        };
    }
    line
}
