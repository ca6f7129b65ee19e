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
        let command = format!("bedrock-vpc-batch local --dir {}", shell_word(dir));
        let dir = text::line(dir.display());
        CliError::Stack(format!("--local {dir}: {why}: start one with {command}"))
    };
    let runs = match announced(dir) {
        Ok(runs) => runs,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(none("there is no such folder, so no pipeline runs in it"));
        }
        Err(error) => return Err(CliError::Path(format!("--local {}", dir.display()), error)),
    };
    for run in runs {
        let stack = connect(dir, run)?;
        // A run that was killed does not answer, and another program does not know the key.
        let answer = stack.s3.head_bucket().bucket(&stack.output_bucket).send().await;
        if answer.is_ok() {
            return Ok(stack);
        }
    }
    Err(none("no pipeline runs in this folder"))
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
    Ok(Stack { look_every: LOOK_EVERY, ..stack })
}
