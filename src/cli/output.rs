//! Writing to the terminal, or to what stands in its place. It can be full, or closed: `println!` panics then.

use std::error::Error;
use std::io::{self, Write, stderr, stdout};

use super::error::CliError;
use crate::aws::error::Chain;
use crate::base::text;

/// Writes a line, or several, to the standard output, at once. Nothing in it is obeyed by a terminal.
pub(super) fn print_line(text: &str) -> Result<(), CliError> {
    let mut out = stdout().lock();
    writeln!(out, "{}", text::lines(text)).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::Closed,
        _ => CliError::Output(error),
    })
}

/// Writes an error and its causes to the standard error.
pub(super) fn complain(error: &(dyn Error + 'static)) {
    // Nothing is left where it could be said.
    let _ = writeln!(stderr(), "error: {}", Chain(error));
}
