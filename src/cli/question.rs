//! A question that is answered with yes or no.

use std::io::{IsTerminal, Write, stderr, stdin};

use tokio::sync::oneshot;

use super::error::CliError;

/// Fails if a question cannot be asked that `--yes` does not answer. `what` is what it asks for, such as "drop the files".
pub(super) fn check_that_it_can_be_asked(is_answered: bool, what: &str) -> Result<(), CliError> {
    if is_answered || (stdin().is_terminal() && stderr().is_terminal()) {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "there is no terminal to ask on whether to {what}: give --yes to {what} without a question"
    )))
}

/// Asks a question. If it cannot be asked, the answer is no.
pub(super) async fn ask(question: &str) -> Result<bool, CliError> {
    let _ = write!(stderr(), "{question} [y/N] ").and_then(|()| stderr().flush());
    // A thread of its own, because nobody waits for it after Ctrl-C.
    let (sender, answer) = oneshot::channel();
    let read = move || {
        let mut answer = String::new();
        let read = stdin().read_line(&mut answer);
        // After Ctrl-C, nobody receives it.
        let _ = sender.send(read.map(|_| answer));
    };
    std::thread::Builder::new().spawn(read).map_err(CliError::Start)?;
    let answer = answer.await.ok().and_then(Result::ok).unwrap_or_default();
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
