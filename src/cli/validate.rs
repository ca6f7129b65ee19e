//! `bedrock-vpc-batch validate`: applies the rules of the function `submit` to files before they are dropped.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::{CliError, path_error};
use super::output::{print_error, print_line};
use super::problems::{describe_problems, records};
use super::settings::functions_config;
use crate::aws::config::Config;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::drop::check::{Accepted, Verdict, check_source};
use crate::drop::identity::DropId;
use crate::drop::source::DropSource;

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 128 << 10;

#[derive(Debug, clap::Args)]
pub(super) struct ValidateArguments {
    /// JSONL files to validate.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A setting of the functions, such as a quota. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

/// Prints what is wrong with each file, or its counts. A file that cannot be read does not keep the others
/// from being judged. Returns true if all are valid.
pub(super) fn validate(arguments: &ValidateArguments) -> Result<bool, CliError> {
    let config = functions_config(&[], &arguments.settings)?;
    let mut all_are_valid = true;
    for file in &arguments.files {
        match judge(&config, file) {
            Ok(verdict) => {
                all_are_valid &= matches!(verdict, Verdict::Valid(_));
                print_line(&format!("{}: {}", text::line(file.display()), describe(&verdict)))?;
            }
            Err(error) => {
                all_are_valid = false;
                print_error(&path_error(file, error));
            }
        }
    }
    Ok(all_are_valid)
}

fn judge(config: &Config, path: &Path) -> io::Result<Verdict> {
    let mut file = File::open(path)?;
    let source = DropSource {
        bucket: String::new(),
        key: name_of(path),
        version_id: None,
        etag: String::new(),
        last_modified: Timestamp::from_secs(0),
        size_bytes: file.metadata()?.len(),
    };
    if let Some(problem) = check_source(&source, config.name_rule(), config.max_drop_bytes) {
        return Ok(Verdict::Invalid { problems: vec![problem], stopped_early: false });
    }
    // Records without an id get one that starts with the drop id. Here, any drop id will do.
    let drop_id = DropId::derive(&source);
    let mut validator = config.validator(drop_id);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if validator.feed(chunk.get(..length).unwrap_or_default()).is_err() {
            break;
        }
    }
    Ok(validator.finish())
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Valid(Accepted { parts, repairs }) => {
            let total: u64 = parts.iter().map(|part| part.records).sum();
            let repaired = if repairs.is_empty() { String::new() } else { format!("\n  {repairs}") };
            format!("valid, {}, jobs: {}{repaired}", records(total), parts.len())
        }
        Verdict::Invalid { problems, stopped_early } => {
            format!("not valid, {}", describe_problems(problems, *stopped_early))
        }
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}
