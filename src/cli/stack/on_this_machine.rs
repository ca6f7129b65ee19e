//! Finds a pipeline that runs on this machine.

use std::io;
use std::path::Path;
use std::time::Duration;

use aws_config::Region;
use aws_config::retry::RetryConfig;

use super::{CALL_TIMEOUT, Stack};
use crate::aws::clients::{explicit, plain_http_client};
use crate::base::text;
use crate::cli::error::CliError;
use crate::cli::fixes::shell_word;
use crate::cli::running::{Running, announced};
use crate::local::s3::{KeyPair, REGION};

/// A pipeline on this machine does in seconds what takes hours at Bedrock.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Finds the newest run in a folder that answers.
pub(super) async fn open(dir: &Path) -> Result<Stack, CliError> {
    let none = |why: &str| {
        let (command, dir) = (start(dir), text::line(dir.display()));
        Err(CliError::Stack(format!("--local {dir}: {why}: start one with {command}")))
    };
    match answering(dir).await {
        Ok(Some((_, stack))) => Ok(stack),
        Ok(None) => none("no pipeline runs in this folder"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            none("there is no such folder, so no pipeline runs in it")
        }
        Err(error) => Err(CliError::Path(format!("--local {}", dir.display()), error)),
    }
}

/// Finds the newest run in a folder that answers, and the id of its process.
pub(super) async fn answering(dir: &Path) -> io::Result<Option<(u32, Stack)>> {
    for run in announced(dir)? {
        let pid = run.pid;
        let Ok(stack) = connect(dir, run) else { continue };
        // A run that was killed does not answer, and another program does not know the key.
        if stack.s3.head_bucket().bucket(&stack.output_bucket).send().await.is_ok() {
            return Ok(Some((pid, stack)));
        }
    }
    Ok(None)
}

/// The command that starts a pipeline in a folder.
fn start(dir: &Path) -> String {
    format!("bedrock-vpc-batch local --dir {}", shell_word(dir))
}

fn connect(dir: &Path, run: Running) -> Result<Stack, CliError> {
    let key = KeyPair::new(run.access_key_id, run.secret_access_key);
    let sdk = explicit(Region::new(REGION), key.credentials(), CALL_TIMEOUT)
        .endpoint_url(run.endpoint)
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .http_client(plain_http_client())
        .build();
    let name = format!("the pipeline in {}", text::line(dir.display()));
    let stack = Stack::new(name, REGION.to_owned(), sdk, true, run.settings)?;
    Ok(Stack { look_every: LOOK_EVERY, start: Some(start(dir)), ..stack })
}
