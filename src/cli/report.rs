//! `bedrock-vpc-batch report`: makes a page of what became of each drop in a folder.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::check::read_prices;
use super::error::{CliError, path_error};
use super::output::{print_error, print_line};
use crate::drop::rejection::Rejection;
use crate::estimate::price::Prices;
use crate::job::summary::Summary;
use crate::report::page::page;
use crate::report::rejected;
use crate::report::samples::Sample;

/// The page, beside the summary or the rejection.
const PAGE: &str = "report.html";
const SUMMARY: &str = "summary.json";
const REJECTION: &str = "rejection.json";

/// A longer line of a result file is not shown as a sample.
const MAX_SAMPLE_BYTES: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct ReportArguments {
    /// The results of a drop, or a folder with those of several, such as a copy of `results/` or the folder of a local run.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// Also show the first records of each kind of result, with prompts and answers, from the files beside the summary.
    #[arg(long, value_name = "COUNT", num_args = 0..=1, default_missing_value = "3", value_parser = clap::value_parser!(u8).range(1..=50))]
    samples: Option<u8>,

    /// Prices instead of those that are shipped, as `check --prices` takes them.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

/// Writes a page beside each summary and each rejection. Returns true if each could be read.
pub(super) fn report(arguments: &ReportArguments) -> Result<bool, CliError> {
    let prices = read_prices(arguments.prices.as_deref())?;
    let mut reports = Vec::new();
    find(&arguments.folder, &mut reports).map_err(|error| path_error(&arguments.folder, error))?;
    reports.sort();
    if reports.is_empty() {
        return Err(CliError::Content(format!(
            "{}: it has no {SUMMARY} and no {REJECTION}: a drop has one of them once it has ended",
            arguments.folder.display()
        )));
    }
    let samples = usize::from(arguments.samples.unwrap_or_default());
    let mut all_are_read = true;
    for path in reports {
        match made(&path, &prices, samples) {
            Ok(page) => {
                let out = path.with_file_name(PAGE);
                fs::write(&out, page).map_err(|error| path_error(&out, error))?;
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

/// Finds the summaries and rejections in a folder and below it. Links to folders are not followed, because they can go in a
/// circle.
fn find(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            find(&entry.path(), found)?;
        } else if [SUMMARY, REJECTION].iter().any(|name| entry.file_name() == *name) {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Makes the page for a summary or a rejection.
fn made(path: &Path, prices: &Prices, samples: usize) -> Result<String, String> {
    let json = fs::read(path).map_err(|error| error.to_string())?;
    if path.ends_with(REJECTION) {
        let rejection: Rejection = serde_json::from_slice(&json)
            .map_err(|error| format!("it does not say why a drop was refused: {error}"))?;
        return Ok(rejected::page(&rejection));
    }
    let summary: Summary =
        serde_json::from_slice(&json).map_err(|error| format!("it is not a summary of a drop: {error}"))?;
    let samples = if samples > 0 { samples_beside(path, samples)? } else { Vec::new() };
    Ok(page(&summary, Some(prices), &samples))
}

/// Reads the first records of the first file of each kind of result.
fn samples_beside(summary: &Path, most: usize) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    for kind in ["succeeded", "errors"] {
        let folder = summary.with_file_name(kind);
        let said = |error: io::Error| format!("{}: {error}", folder.display());
        let mut files: Vec<PathBuf> = match fs::read_dir(&folder) {
            Ok(files) => {
                files.map(|file| file.map(|file| file.path())).collect::<Result<_, _>>().map_err(said)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(said(error)),
        };
        files.sort();
        if let Some(first) = files.first() {
            samples
                .extend(first_records(first, most).map_err(|error| format!("{}: {error}", first.display()))?);
        }
    }
    Ok(samples)
}

fn first_records(file: &Path, most: usize) -> io::Result<Vec<Sample>> {
    let mut reader = BufReader::new(File::open(file)?);
    let mut samples = Vec::new();
    let mut line = Vec::new();
    while samples.len() < most {
        line.clear();
        let read = (&mut reader).take(MAX_SAMPLE_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        samples.extend(Sample::parse(&line));
    }
    Ok(samples)
}
