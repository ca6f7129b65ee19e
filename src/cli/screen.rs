//! A picture on the terminal that is painted again in the same place.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write, stdout};

use console::Term;

use super::error::CliError;
use super::output::failed_write;
use crate::aws::config::variable;

/// The terminal, and what was painted on it.
#[derive(Debug)]
pub(super) struct Screen {
    /// How many rows the picture has.
    rows: usize,
    /// Whether the width has changed since then, so that nobody knows where the rows are.
    is_resized: bool,
}

/// The size of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Screen {
    /// Returns the terminal on standard output; `None` if it is not one, or cannot move its cursor.
    pub(super) fn open() -> Option<Self> {
        let can_move = stdout().is_terminal() && variable("TERM").is_none_or(|term| term != "dumb");
        can_move.then_some(Self { rows: 0, is_resized: false })
    }

    pub(super) fn size() -> Size {
        let (rows, columns) = Term::stdout().size_checked().unwrap_or((24, 80));
        Size { rows: usize::from(rows), columns: usize::from(columns) }
    }

    /// Says that the size has changed. The next picture is painted on an empty screen.
    pub(super) fn resize(&mut self) {
        self.is_resized = true;
    }

    /// Paints rows, which are fit for a terminal and no wider than it, in place of those before.
    pub(super) fn paint(&mut self, rows: &[String]) -> Result<(), CliError> {
        write(&self.picture(rows))?;
        self.rows = rows.len();
        self.is_resized = false;
        Ok(())
    }

    /// What the terminal has to be sent.
    fn picture(&self, rows: &[String]) -> String {
        let mut sent = String::new();
        if self.is_resized {
            // To the first column of the first row, and empty the screen.
            sent.push_str("\u{1b}[H\u{1b}[2J");
        } else if self.rows > 0 {
            // Up to the first row. Writing to a String does not fail.
            let _ = write!(sent, "\u{1b}[{}A\r", self.rows);
        }
        for row in rows {
            // A row that was longer before must not show behind it.
            let _ = write!(sent, "{row}\u{1b}[K\r\n");
        }
        // Below, there may be rows of a longer picture.
        sent.push_str("\u{1b}[J");
        sent
    }
}

fn write(sent: &str) -> Result<(), CliError> {
    let mut out = stdout().lock();
    let written: io::Result<()> = out.write_all(sent.as_bytes()).and_then(|()| out.flush());
    written.map_err(failed_write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_replace_each_other() {
        let mut screen = Screen { rows: 0, is_resized: false };
        let rows = ["a".to_owned(), "b".to_owned()];
        assert_eq!(screen.picture(&rows), "a\u{1b}[K\r\nb\u{1b}[K\r\n\u{1b}[J");
        screen.rows = 2;
        assert_eq!(screen.picture(&rows[..1]), "\u{1b}[2A\ra\u{1b}[K\r\n\u{1b}[J");
        screen.resize();
        assert_eq!(screen.picture(&[]), "\u{1b}[H\u{1b}[2J\u{1b}[J");
    }
}
