//! Colours on a terminal.

use std::{env, ffi::OsStr};

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paint(bool);

/// What colours mean here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// Somebody came, or all is well.
    Green,
    /// Somebody left, or something may be wrong.
    Yellow,
    /// Something is wrong.
    Red,
    /// What the line is about.
    Bold,
    /// What is not read often.
    Dim,
}

// === impl Paint ===

impl Paint {
    /// For an output that is a terminal or not, and the environment of the process.
    pub(super) fn of(is_terminal: bool) -> Self {
        let (no_color, term) = (env::var_os("NO_COLOR"), env::var_os("TERM"));
        Self::wanted(is_terminal, no_color.as_deref(), term.as_deref())
    }

    /// `NO_COLOR` that is not empty asks for none (no-color.org); a dumb terminal has none.
    fn wanted(is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> Self {
        let is_refused = no_color.is_some_and(|text| !text.is_empty());
        Self(is_terminal && !is_refused && term.is_none_or(|term| term != "dumb"))
    }

    #[cfg(test)]
    pub(super) fn new(is_on: bool) -> Self {
        Self(is_on)
    }

    pub(super) fn is_on(self) -> bool {
        self.0
    }

    /// The text in that colour.
    pub(super) fn paint(self, colour: Colour, text: &str) -> String {
        if !self.0 {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
            Colour::Bold => 1,
            Colour::Dim => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_that_is_not_asked_otherwise_is_coloured() {
        let wanted = |is_terminal, no_color: Option<&str>, term: Option<&str>| {
            Paint::wanted(is_terminal, no_color.map(OsStr::new), term.map(OsStr::new)).is_on()
        };
        assert!(wanted(true, None, Some("xterm")));
        assert!(wanted(true, Some(""), None));
        assert!(!wanted(true, Some("1"), Some("xterm")));
        assert!(!wanted(true, None, Some("dumb")));
        assert!(!wanted(false, None, Some("xterm")));
        assert_eq!(Paint(true).paint(Colour::Red, "x"), "\x1b[31mx\x1b[0m");
        assert_eq!(Paint(false).paint(Colour::Red, "x"), "x");
    }
}
