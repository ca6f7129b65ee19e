//! Writes to the terminal, or to the file or pipe in its place. That can be full or closed, where `println!`
//! panics.

use std::error::Error;
use std::io::{self, IsTerminal, Write, stderr, stdout};

use console::Term;

use super::error::CliError;
use crate::aws::config::variable;
use crate::aws::error::Chain;
use crate::base::text;

/// Writes one or more lines to standard output, and flushes it. Control characters are escaped for the
/// terminal.
pub(super) fn print_line(text: &str) -> Result<(), CliError> {
    print_shown(&text::lines(text).to_string())
}

/// Writes a line about something that is done for good. If standard output does not take it, standard error does.
pub(super) fn print_done(line: &str) -> Result<(), CliError> {
    print_line(line).inspect_err(|_| print_aside(&text::lines(line).to_string()))
}

/// Writes lines in which everything is fit for a terminal already, such as those with colors.
pub(super) fn print_shown(text: &str) -> Result<(), CliError> {
    let mut out = stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(failed_write)
}

/// What it means that nothing can be written to standard output.
pub(super) fn failed_write(error: io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::Closed,
        _ => CliError::Output(error),
    }
}

/// The width of the terminal; 80 columns if standard output is not one.
pub(super) fn columns() -> usize {
    let size = Term::stdout().size_checked().filter(|_| stdout().is_terminal());
    size.map_or(80, |(_, columns)| usize::from(columns))
}

/// Whether words are colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style(bool);

impl Style {
    /// No colors.
    pub(super) const PLAIN: Self = Self(false);

    /// Colors, if standard output is a terminal that has some, and the user has not turned them off.
    /// <https://no-color.org> (read 2026-11)
    pub(super) fn of_stdout() -> Self {
        let is_off = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(stdout().is_terminal() && !is_off && variable("TERM").is_none_or(|term| term != "dumb"))
    }

    pub(super) fn good(self, word: &str) -> String {
        self.color(32, word)
    }

    pub(super) fn bad(self, word: &str) -> String {
        self.color(31, word)
    }

    pub(super) fn warning(self, words: &str) -> String {
        self.color(33, words)
    }

    fn color(self, code: u8, words: &str) -> String {
        let shown = text::lines(words);
        if self.0 { format!("\u{1b}[{code}m{shown}\u{1b}[0m") } else { shown.to_string() }
    }
}

/// Writes an error and its causes to standard error.
pub(super) fn print_error(error: &(dyn Error + 'static)) {
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(stderr(), "error: {}", Chain(error));
}

/// Writes lines in which everything is fit for a terminal already to standard error, beside the results of a command.
pub(super) fn print_aside(text: &str) {
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(stderr(), "{text}");
}

/// Writes something that the user should know, but that changes nothing, to standard error.
pub(super) fn print_note(note: &str) {
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(stderr(), "note: {}", text::line(note));
}
