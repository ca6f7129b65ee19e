//! Writes to the terminal, or to the file or pipe in its place. That can be full or closed, where `println!`
//! panics.

use std::error::Error;
use std::io::{self, Write, stderr, stdout};

use super::error::CliError;
use crate::aws::error::Chain;
use crate::base::text;

/// Writes one or more lines to standard output, and flushes it. Control characters are escaped for the
/// terminal.
pub(super) fn print_line(text: &str) -> Result<(), CliError> {
    let mut out = stdout().lock();
    writeln!(out, "{}", text::lines(text)).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::Closed,
        _ => CliError::Output(error),
    })
}

/// Writes an error and its causes to standard error.
pub(super) fn print_error(error: &(dyn Error + 'static)) {
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(stderr(), "error: {}", Chain(error));
}
