//! `bedrock-vpc-batch report`: makes a page of what became of each drop in a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::check::read_prices;
use super::error::{CliError, path_error};
use super::output::{print_error, print_line};
use crate::job::summary::Summary;
use crate::report::page::page;

/// The page, beside the summary.
const PAGE: &str = "report.html";
const SUMMARY: &str = "summary.json";

#[derive(Debug, clap::Args)]
pub(super) struct ReportArguments {
    /// The results of a drop, or a folder with those of several, such as a copy of `results/` or the folder of a local run.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// Prices instead of those that are shipped, as `check --prices` takes them.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

/// Writes a page beside each summary. Returns true if each could be read.
pub(super) fn report(arguments: &ReportArguments) -> Result<bool, CliError> {
    let prices = read_prices(arguments.prices.as_deref())?;
    let mut summaries = Vec::new();
    find(&arguments.folder, &mut summaries).map_err(|error| path_error(&arguments.folder, error))?;
    summaries.sort();
    if summaries.is_empty() {
        return Err(CliError::Content(format!(
            "{}: it has no {SUMMARY}: a drop has one once all its jobs are over",
            arguments.folder.display()
        )));
    }
    let mut all_are_read = true;
    for path in summaries {
        match read(&path) {
            Ok(summary) => {
                let out = path.with_file_name(PAGE);
                fs::write(&out, page(&summary, Some(&prices))).map_err(|error| path_error(&out, error))?;
                print_line(&out.display().to_string())?;
            }
            Err(said) => {
                print_error(&CliError::Unreadable(path.display().to_string(), said));
                all_are_read = false;
            }
        }
    }
    Ok(all_are_read)
}

/// Finds the summaries in a folder and below it. Links to folders are not followed, because they can go in a circle.
fn find(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            find(&entry.path(), found)?;
        } else if entry.file_name() == SUMMARY {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Summary, String> {
    let json = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&json).map_err(|error| format!("it is not a summary of a drop: {error}"))
}
