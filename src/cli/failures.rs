//! Tells a person in a line or two why records of a drop failed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use crate::base::text;
use crate::job::summary::{JobMessage, Summary};

/// The longest line that is read for its error: twice the size of the largest record.
const MAX_LINE_BYTES: u64 = 512 << 20;

/// The part of a line in `errors/` that is shown.
#[derive(Deserialize)]
struct Failed {
    error: Option<ErrorOfRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorOfRecord {
    error_code: Option<i64>,
    error_message: Option<String>,
}

/// The first error in a drop's results, and what to do if not a single record has an answer. If no record has an error, what
/// Bedrock says about the jobs, if anything.
pub(super) fn describe(summary: &Summary, results: &Path, model_id: &str) -> String {
    let counts = &summary.records;
    if counts.failed == 0 {
        let said = |said: &JobMessage| format!("\n  {}", text::line(said.told()));
        return summary.messages.first().map(said).unwrap_or_default();
    }
    let mut told = String::new();
    // If it cannot be read, the user can look into the folder that is named next.
    if let Ok(Some(error)) = first_error(&results.join("errors")) {
        let code = error.error_code.map(|code| format!("{code} ")).unwrap_or_default();
        told.push_str(&format!(
            "\n  first error: {code}{}",
            text::line(error.error_message.unwrap_or_default())
        ));
    }
    if counts.failed == counts.total {
        told.push_str(&format!(
            "\n  no record has an answer: were they written for a model other than {model_id}, or in another format? --model-id sets \
             the model, and --model-invocation-type the format"
        ));
    }
    told
}

/// The error on the first line of the first file.
fn first_error(errors: &Path) -> io::Result<Option<ErrorOfRecord>> {
    let files: io::Result<Vec<_>> =
        std::fs::read_dir(errors)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let Some(first) = files?.into_iter().min() else { return Ok(None) };
    let mut line = Vec::new();
    BufReader::new(File::open(first)?.take(MAX_LINE_BYTES)).read_until(b'\n', &mut line)?;
    let failed: Failed = serde_json::from_slice(&line)?;
    Ok(failed.error)
}
