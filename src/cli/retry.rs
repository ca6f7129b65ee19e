//! `bedrock-vpc-batch retry`: drops the records of a drop once more that are worth another try.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::error::{CliError, path_error};
use super::fixes::shell_word;
use super::interruptible::until_interrupted;
use super::output::{print_aside, print_line, print_note};
use super::output_file::{Unfinished, check_output};
use super::question::check_that_it_can_be_asked;
use super::results::{Results, SOURCE_HELP, Source, TemporaryFolder, each_line, in_thread};
use super::stack::{Stack, StackArguments};
use super::submit::{Dropping, short};
use crate::answers::again::{self, Again, AgainError};
use crate::answers::line::{LineReader, Status};
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::keys::ResultKind;
use crate::drop::retry::{retry_key, retry_number, retry_prefix};
use crate::drop::rewriting::Rewriter;
use crate::record::key::RecordMap;

/// How many ids are looked for at a time in the file of the user. They take about 80 MB.
const MAX_KEYS: u64 = 3_000_000;

#[derive(Debug, clap::Args)]
pub(super) struct RetryArguments {
    #[arg(value_name = "DROP", help = SOURCE_HELP)]
    drop: String,

    #[command(flatten)]
    choice: Choice,

    /// The key of the new drop. [default: that of the first one with .retry-1, or the next number]
    #[arg(long = "as", value_name = "KEY")]
    key: Option<String>,

    /// Only write the records to this file, and drop nothing. [default for a folder: the name of the drop with .retry-1, or
    /// the next number]
    #[arg(short, long, value_name = "FILE", conflicts_with = "key")]
    output: Option<PathBuf>,

    /// Overwrite the file of --output if it exists.
    #[arg(long, requires = "output")]
    force: bool,

    /// Drop the file without a question.
    #[arg(long, short, conflicts_with = "output")]
    yes: bool,

    /// Prices instead of those that are shipped, as `check --prices` takes them.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    #[command(flatten)]
    stack: StackArguments,
}

/// Which records are tried again, and what they are.
#[derive(Debug, Clone, clap::Args)]
struct Choice {
    /// The records that Bedrock refused. Without any of these three options: these, and those that were not processed.
    #[arg(long)]
    errors: bool,

    /// The records that were never processed.
    #[arg(long)]
    unprocessed: bool,

    /// The records whose answers were cut off at a limit of tokens.
    #[arg(long)]
    truncated: bool,

    /// Raise the limit of output tokens in these records to at least this number.
    #[arg(long, value_name = "N", requires = "truncated", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,

    /// Take the records from this file, by id: the one that was dropped, or a corrected one. Without it, they are those that
    /// Bedrock repeats in its answers.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

impl Choice {
    /// Returns the kinds of files that have such records.
    fn has(&self, status: Status) -> bool {
        let all_without_answer = !self.errors && !self.unprocessed && !self.truncated;
        match status {
            Status::Failed => self.errors || all_without_answer,
            Status::Unprocessed => self.unprocessed || all_without_answer,
            Status::Truncated => self.truncated,
            Status::Succeeded | Status::Refused => false,
        }
    }

    fn has_kind(&self, kind: ResultKind) -> bool {
        self.has(match kind {
            ResultKind::Succeeded => Status::Truncated,
            ResultKind::Errors => Status::Failed,
            ResultKind::Unprocessed => Status::Unprocessed,
        })
    }
}

/// Makes a file of the records, and drops it. Returns true if there are such records, and they were dropped if they should be.
pub(super) async fn retry(arguments: RetryArguments) -> Result<bool, CliError> {
    until_interrupted(work(arguments)).await
}

async fn work(arguments: RetryArguments) -> Result<bool, CliError> {
    if let Some(output) = &arguments.output {
        check_output(output, arguments.force, &[("--from", arguments.choice.from.as_deref())])?;
    }
    let source = Source::find(&arguments.drop, &arguments.stack).await?;
    if let (Source::Stack(stack, _), None) = (&source, &arguments.output) {
        check_that_it_can_be_asked(arguments.yes, "drop the records")?;
        return drop_again(&arguments, stack, &source).await;
    }
    let brought = source.bring(|file| arguments.choice.has_kind(file.kind)).await?;
    let RetryArguments { choice, output, force, stack, .. } = arguments;
    let output = output.unwrap_or_else(|| free_name(&brought.results.summary.source.key));
    let (unfinished, file) = Unfinished::create(&output).map_err(|error| path_error(&output, error))?;
    let to = output.clone();
    let made = in_thread(move || make(&brought.results, &choice, &to, file)).await?;
    if made.records > 0 {
        unfinished.finish(&output, force).map_err(|error| path_error(&output, error))?;
    }
    made.tell(&output)?;
    if made.records > 0 {
        let file = shell_word(&output);
        print_line(&format!("to drop it: bedrock-vpc-batch submit {file}{}", stack.again()))?;
    }
    Ok(made.records > 0)
}

/// Makes a file of the records, and drops it into the stack of the first drop.
async fn drop_again(arguments: &RetryArguments, stack: &Stack, source: &Source) -> Result<bool, CliError> {
    let brought = source.bring(|file| arguments.choice.has_kind(file.kind)).await?;
    let first_key = brought.results.summary.source.key.clone();
    let drop_id = brought.results.summary.drop_id.clone();
    let key = match &arguments.key {
        Some(key) => key.clone(),
        None => retry_key(&first_key, next_number(stack, &first_key).await?),
    };
    let folder = TemporaryFolder::new()?;
    let path =
        folder.path().join(key.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("retry.jsonl"));
    let (choice, to) = (arguments.choice.clone(), path.clone());
    let file = File::create(&path).map_err(|error| path_error(&path, error))?;
    let made = in_thread(move || make(&brought.results, &choice, &to, file)).await?;
    made.tell(Path::new(&key))?;
    if made.records == 0 {
        return Ok(false);
    }
    let dropping = Dropping {
        stack,
        prices: arguments.prices.as_deref(),
        every_record: false,
        yes: arguments.yes,
        again: true,
        retry_of: Some(&drop_id),
        is_uploading: &AtomicBool::new(false),
    };
    let Some(dropped) = dropping.drop_all(&[(path, key)]).await? else {
        if arguments.choice.from.is_none() {
            print_aside(
                "records that need a correction: correct them in your file, and give it with --from FILE",
            );
        }
        return Ok(false);
    };
    for standing in &dropped {
        let id = short(&standing.found.drop_id);
        print_aside(&format!("to follow: bedrock-vpc-batch watch {id}{}", arguments.stack.again()));
    }
    Ok(true)
}

/// Returns the number of the next retry of a drop: readers see the results of the earlier ones.
async fn next_number(stack: &Stack, key: &str) -> Result<u32, CliError> {
    let prefix = format!("results/{}", retry_prefix(key));
    let listed = stack.list_folders(&prefix).await?;
    let keys = listed.iter().filter_map(|folder| folder.strip_prefix("results/")?.strip_suffix('/'));
    Ok(keys.filter_map(|other| retry_number(key, other)).max().unwrap_or_default() + 1)
}

/// Returns the first name for a retry of a drop that no file in this folder has.
fn free_name(key: &str) -> PathBuf {
    let name = key.rsplit('/').next().unwrap_or(key);
    let mut names = (1..).map(|number| PathBuf::from(retry_key(name, number)));
    names.find(|path| !path.exists()).unwrap_or_default()
}

/// What was written.
#[derive(Debug, Default)]
struct Made {
    records: u64,
    raised: u64,
    /// How many have a limit that was to be raised, and is high enough.
    unraised: u64,
}

impl Made {
    fn add(&mut self, again: &Again, is_raising: bool, out: &mut impl Write) -> std::io::Result<()> {
        self.records += 1;
        self.raised += u64::from(again.is_raised);
        self.unraised += u64::from(is_raising && !again.is_raised);
        out.write_all(again.json.as_bytes())?;
        out.write_all(b"\n")
    }

    fn tell(&self, output: &Path) -> Result<(), CliError> {
        if self.records == 0 {
            return print_line("there is no such record: nothing is written");
        }
        let mut raised = String::new();
        if self.raised + self.unraised > 0 {
            raised = match self.records {
                all if all == self.raised => ", with a higher limit of tokens".to_owned(),
                _ => format!(", {} of them with a higher limit of tokens", self.raised),
            };
        }
        if self.unraised > 0 {
            print_note(
                "some records already have this limit or a higher one: their answers may be cut off again",
            );
        }
        print_line(&format!("{}: {}{raised}", text::line(output.display()), Counted(self.records, "record")))
    }
}

/// Writes the chosen records to a file that becomes the one with this path.
fn make(results: &Results, choice: &Choice, output: &Path, file: File) -> Result<Made, CliError> {
    let mut out = BufWriter::new(file);
    let mut made = Made::default();
    match &choice.from {
        None => repeat(results, choice, &mut made, &mut out, output)?,
        Some(from) => take(results, choice, from, &mut made, &mut out, output)?,
    }
    let file = out.into_inner().map_err(|error| path_error(output, error.into_error()))?;
    file.sync_all().map_err(|error| path_error(output, error))?;
    Ok(made)
}

/// Calls `each` for the lines of the results with chosen records.
fn each_chosen(
    results: &Results,
    choice: &Choice,
    mut each: impl FnMut(&str, &mut LineReader, &str) -> Result<(), CliError>,
) -> Result<(), CliError> {
    for file in results.files().into_iter().filter(|file| choice.has_kind(file.kind)) {
        let path = results.path(&file);
        let mut reader = LineReader::new(file.kind);
        let place = |number: u64| format!("{}, line {number}", path.display());
        each_line(&path, |line| {
            let json = String::from_utf8_lossy(line.bytes);
            let wrong = |fault: String| CliError::Unreadable(place(line.number), fault);
            let (id, status) = reader.identify(&json).map_err(|fault| wrong(fault.to_string()))?;
            if !choice.has(status) {
                return Ok(());
            }
            each(&id, &mut reader, &json).map_err(|error| match error {
                CliError::Content(fault) => wrong(fault),
                error => error,
            })
        })?;
    }
    Ok(())
}

/// The model of the drop, which says where a limit of tokens is.
fn model_of(results: &Results) -> &str {
    results.summary.jobs.first().map_or("", |job| &job.outcome.model_id)
}

fn wrong(error: AgainError) -> CliError {
    CliError::Content(error.to_string())
}

/// Writes the records that Bedrock repeats.
fn repeat(
    results: &Results,
    choice: &Choice,
    made: &mut Made,
    out: &mut impl Write,
    output: &Path,
) -> Result<(), CliError> {
    let model_id = model_of(results);
    each_chosen(results, choice, |_, reader, json| {
        let line = reader.read(json).map_err(|fault| CliError::Content(fault.to_string()))?;
        // Only an answer that was cut off has a limit that is too low.
        let max_tokens = choice.max_tokens.filter(|_| line.status == Status::Truncated);
        let again = again::record(&line, model_id, max_tokens).map_err(wrong)?;
        made.add(&again, max_tokens.is_some(), out).map_err(|error| path_error(output, error))
    })
}

/// Writes the records that a file of the user has.
fn take(
    results: &Results,
    choice: &Choice,
    from: &Path,
    made: &mut Made,
    out: &mut impl Write,
    output: &Path,
) -> Result<(), CliError> {
    let model_id = model_of(results);
    let drop_id = &results.summary.drop_id;
    let hasher = drop_id.record_hasher();
    let files = results.files();
    let lines = files.iter().filter(|file| choice.has_kind(file.kind)).map(|file| file.lines).sum::<u64>();
    let passes = lines.div_ceil(MAX_KEYS).max(1);
    let (mut chosen, mut first_missing) = (0, None);
    for pass in 0..passes {
        let mut wanted = RecordMap::with_capacity(0);
        each_chosen(results, choice, |id, _, _| {
            let key = hasher.key_of(id);
            if key.upper_half() % passes == pass {
                chosen += u64::from(wanted.add(key, false));
            }
            Ok(())
        })?;
        let mut rewriter = Rewriter::new(drop_id, 1);
        let mut reader = LineReader::new(ResultKind::Unprocessed);
        let mut records = Vec::new();
        each_line(from, |line| {
            let bad = |fault: String| {
                CliError::Unreadable(format!("--from {}, line {}", from.display(), line.number), fault)
            };
            records.clear();
            rewriter.push(Some(line.bytes), &mut records).map_err(|fault| bad(fault.to_string()))?;
            for record in records.split(|byte| *byte == b'\n').filter(|record| !record.is_empty()) {
                let json = String::from_utf8_lossy(record);
                let found = reader.read(json.trim()).map_err(|fault| bad(fault.to_string()))?;
                let key = hasher.key_of(&found.record_id);
                if wanted.get(key) == Some(&false) {
                    let again = again::record(&found, model_id, choice.max_tokens)
                        .map_err(|error| bad(error.to_string()))?;
                    made.add(&again, choice.max_tokens.is_some(), out)
                        .map_err(|error| path_error(output, error))?;
                    wanted.replace(key, true);
                }
            }
            Ok(())
        })?;
        if first_missing.is_none() {
            each_chosen(results, choice, |id, _, _| {
                if first_missing.is_none() && wanted.get(hasher.key_of(id)) == Some(&false) {
                    first_missing = Some(text::name(id).to_string());
                }
                Ok(())
            })?;
        }
    }
    match first_missing {
        None => Ok(()),
        Some(first) => Err(CliError::Unreadable(
            format!("--from {}", from.display()),
            format!(
                "{} of the drop are not in it, such as {first}",
                Counted(chosen - made.records, "record")
            ),
        )),
    }
}
