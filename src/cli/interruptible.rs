//! Work that ends when a signal comes.

use super::error::CliError;
use super::signals::Signals;

/// Does some work, unless a signal comes first.
pub(super) async fn until_interrupted<T>(
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let mut signals = Signals::new().map_err(CliError::Start)?;
    tokio::select! {
        biased;
        interrupt = signals.next() => Err(CliError::Interrupted(interrupt)),
        done = work => done,
    }
}
