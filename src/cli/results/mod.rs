//! `bedrock-vpc-batch results`: the results of a drop, as the person who dropped it wants them.
//!
//! | file | job |
//! |---|---|
//! | `folder.rs` | the results in a folder of this machine, and whether they are whole |
//! | `download.rs`, `checksums.rs` | brings them from S3, and compares them with what S3 has |
//! | `source.rs` | where the results are: here, or in S3 |
//! | `sink.rs` | where they are written as one stream, and in which form |
//! | `matching.rs` | finds the results of many records in bounded memory |
//! | `order.rs`, `join.rs` | the order of the file that was dropped, and the records of a file of the user |

mod checksums;
mod download;
mod folder;
mod join;
mod matching;
mod order;
mod sink;
mod source;

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use self::download::Remote;
pub(super) use self::folder::{Results, each_line};
use self::join::UserFile;
use self::sink::{Form, Sink};
pub(super) use self::source::{SOURCE_HELP, Source, TemporaryFolder};
use self::source::{explained, work_folder};
use super::error::{CliError, path_error};
use super::interruptible::until_interrupted;
use super::output::{print_line, print_note};
use super::output_file::{Unfinished, check_output};
use super::problems::records;
use super::stack::StackArguments;
use super::summary::describe_summary;
use crate::answers::csv::Cells;
use crate::answers::fields::{Fields, Joined};
use crate::answers::line::LineReader;
use crate::base::count::Counted;
use crate::base::text;
use crate::estimate::range::Grouped;

#[derive(Debug, clap::Args)]
pub(super) struct ResultsArguments {
    #[arg(value_name = "DROP", help = SOURCE_HELP)]
    drop: String,

    #[command(flatten)]
    stream: StreamArguments,

    #[command(flatten)]
    stack: StackArguments,
}

/// How the results are written as one stream.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct StreamArguments {
    /// Where to write: a folder, for the files as they are in S3; a file that ends in .jsonl or .csv, for one stream; or `-`, for
    /// one stream on standard output. [default: the folder NAME.results; with an option for a stream, standard output]
    #[arg(short, long, value_name = "FOLDER|FILE")]
    output: Option<PathBuf>,

    /// Overwrite the file of --output if it exists.
    #[arg(long, requires = "output")]
    force: bool,

    /// Write the records in the order of this file, which must be the one that was dropped. Each record has a line.
    #[arg(long, value_name = "FILE", conflicts_with = "join")]
    order: Option<PathBuf>,

    /// Write each record of this file, JSON Lines or CSV, with what became of it. Records are matched by id.
    #[arg(long, value_name = "FILE")]
    join: Option<PathBuf>,

    /// The member or column of the joined file that has the id. [default: recordId]
    #[arg(long, value_name = "NAME", requires = "join")]
    on: Option<String>,

    /// Write lines as the batch API of OpenAI, or the Message Batches API of Anthropic, does.
    #[arg(long = "as", value_enum, value_name = "API", conflicts_with_all = ["join", "format", "fields"])]
    api: Option<Api>,

    /// The format. [default: csv for a file that ends in .csv, otherwise jsonl]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Which fields to write, with commas between: recordId, status, text, error, and paths such as `usage.input_tokens`,
    /// content.0.text, modelInput.messages, or record.question for the joined file. `text` is the text of the answer,
    /// whatever the model. [default: for CSV, recordId,status,text,error]
    #[arg(long, value_name = "FIELDS")]
    fields: Option<String>,

    /// Write cells of CSV as they are. Without it, a cell that a spreadsheet would run as a formula starts with a quote.
    #[arg(long)]
    raw_csv: bool,
}

/// Whose batch API a caller knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Api {
    Openai,
    Anthropic,
}

/// The format of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

/// Writes the results. Returns true if every record of the drop is there.
pub(super) async fn results(arguments: ResultsArguments) -> Result<bool, CliError> {
    until_interrupted(work(arguments)).await
}

async fn work(arguments: ResultsArguments) -> Result<bool, CliError> {
    let ResultsArguments { drop, stream, stack } = arguments;
    stream.check_output()?;
    let source = Source::find(&drop, &stack).await?;
    let output = stream.output.clone();
    let one_stream = stream.is_one_stream();
    match (source, output) {
        (Source::Folder(folder), output) => {
            if output.is_some() && !one_stream {
                return Err(CliError::Usage(
                    "the results are in a folder already: give --output a file that ends in .jsonl or .csv"
                        .to_owned(),
                ));
            }
            let output = output.unwrap_or_else(|| PathBuf::from("-"));
            write_to(output, stream, move || Results::open(&folder)).await
        }
        (Source::Stack(stack, remote), output) if !one_stream => {
            download(&remote, output).await.map_err(|error| explained(&stack, error))
        }
        (Source::Stack(stack, remote), Some(output)) if output.as_os_str() != "-" => {
            let folder = work_folder(&output, &remote)?;
            remote.download(&folder, |_| true).await.map_err(|error| explained(&stack, error))?;
            let in_folder = folder.clone();
            let done = write_to(output, stream, move || Results::open(&in_folder)).await?;
            std::fs::remove_dir_all(&folder).map_err(|error| path_error(&folder, error))?;
            Ok(done)
        }
        (source, _) => {
            let brought = source.bring(|_| true).await?;
            write_to(PathBuf::from("-"), stream, move || Ok(brought.results)).await
        }
    }
}

/// Writes the results as one stream, to standard output for `-`. Returns true if every record of the drop is there.
async fn write_to(
    output: PathBuf,
    stream: StreamArguments,
    results: impl FnOnce() -> Result<Results, CliError> + Send + 'static,
) -> Result<bool, CliError> {
    let is_forced = stream.force;
    if output == Path::new("-") {
        let (is_whole, told) = in_thread(move || write_stream(&results()?, &stream, &output, None)).await?;
        for line in told.lines() {
            print_note(line.trim_start());
        }
        return Ok(is_whole);
    }
    let (unfinished, file) = Unfinished::create(&output).map_err(|error| path_error(&output, error))?;
    let to = output.clone();
    let (is_whole, told) = in_thread(move || write_stream(&results()?, &stream, &to, Some(file))).await?;
    unfinished.finish(&output, is_forced).map_err(|error| path_error(&output, error))?;
    print_line(&told)?;
    Ok(is_whole)
}

/// Downloads the results as they are in S3.
async fn download(remote: &Remote, output: Option<PathBuf>) -> Result<bool, CliError> {
    let folder = match output {
        Some(folder) => folder,
        None => PathBuf::from(default_folder(&remote.summary().await?.source.key)),
    };
    let downloaded = remote.download(&folder, |_| true).await?;
    let shown = text::line(folder.display()).to_string();
    let (summary, problems) = in_thread(move || {
        let results = Results::open(&folder)?;
        let problems = results.verify()?;
        Ok((results.summary, problems))
    })
    .await?;
    let mut told = describe_summary(&summary);
    told.push_str(&format!("\n  {shown}: {}", downloaded.describe()));
    for problem in &problems {
        told.push_str(&format!("\n  not whole: {problem}"));
    }
    print_line(&told)?;
    Ok(summary.balanced && problems.is_empty())
}

/// The folder for the results of a drop if none is named: it is called after the file.
fn default_folder(key: &str) -> String {
    let name = key.rsplit('/').next().unwrap_or(key);
    let stem = name.strip_suffix(".jsonl").unwrap_or(name);
    // A file may be called `..`, for example.
    let stem = if stem.trim_matches('.').is_empty() { "drop" } else { stem };
    format!("{}.results", stem.replace(['\0', '\\'], "_"))
}

/// Runs work that reads and computes for long in a thread of its own. If a signal ends the command, nobody waits for it.
pub(super) async fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let (sender, done) = oneshot::channel();
    let thread = std::thread::Builder::new().spawn(move || {
        // If a signal has ended the command, nobody receives it.
        let _ = sender.send(work());
    });
    thread.map_err(CliError::Start)?;
    done.await.unwrap_or_else(|_| Err(CliError::Content("the work ended with a panic".to_owned())))
}

fn has_suffix(path: &Path, suffixes: &[&str]) -> bool {
    path.extension()
        .is_some_and(|extension| suffixes.iter().any(|suffix| extension.eq_ignore_ascii_case(suffix)))
}

/// Whether a path looks like that of a file in a format that is not written here.
fn has_another_suffix(path: &Path) -> bool {
    let is_folder = path.as_os_str().as_bytes().ends_with(b"/");
    path.extension().is_some() && !is_folder && !has_suffix(path, &["csv", "jsonl", "results"])
}

impl StreamArguments {
    /// Whether the results are written as one stream.
    fn is_one_stream(&self) -> bool {
        let is_file = |path: &PathBuf| path.as_os_str() == "-" || has_suffix(path, &["csv", "jsonl"]);
        self.order.is_some()
            || self.join.is_some()
            || self.api.is_some()
            || self.format.is_some()
            || self.fields.is_some()
            || self.output.as_ref().is_some_and(is_file)
    }

    /// Fails if the output must not be written, or could not be what its name says.
    fn check_output(&self) -> Result<(), CliError> {
        let Some(output) = self.output.as_deref().filter(|output| output.as_os_str() != "-") else {
            return Ok(());
        };
        let is_stream = self.is_one_stream();
        if self.format.is_none() && !output.is_dir() && has_another_suffix(output) {
            let shown = text::line(output.display());
            let folder = if is_stream {
                String::new()
            } else {
                format!(". For a folder of this name, write {shown}/")
            };
            return Err(CliError::Usage(format!(
                "-o {shown}: results are written as JSON Lines or as CSV, and not compressed: end the name with .jsonl or \
                 .csv, or add --format{folder}"
            )));
        }
        if is_stream {
            let inputs = [("--join", self.join.as_deref()), ("--order", self.order.as_deref())];
            return check_output(output, self.force, &inputs);
        }
        if self.force {
            return Err(CliError::Usage("--force has no effect on a folder: leave it out".to_owned()));
        }
        Ok(())
    }

    fn is_csv(&self, output: &Path) -> bool {
        let named = output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        self.format.map_or(named, |format| format == Format::Csv)
    }

    /// Chooses the form of the lines.
    fn form(&self, output: &Path, user: Option<&UserFile>) -> Result<Form, CliError> {
        let is_csv = self.is_csv(output);
        if self.raw_csv && !is_csv {
            return Err(CliError::Usage(
                "--raw-csv has no effect on JSON Lines: leave it out, or add --format csv".into(),
            ));
        }
        if is_csv && self.api.is_some() {
            return Err(CliError::Usage(
                "--as writes JSON Lines: choose another name for the file than .csv".into(),
            ));
        }
        let named = self.fields.as_deref().map(Fields::parse).transpose();
        let named = named.map_err(|error| CliError::Usage(format!("--fields: {error}")))?;
        if user.is_none() && named.as_ref().is_some_and(Fields::need_a_record) {
            return Err(CliError::Usage(
                "--fields: record.… is a member of the joined file: add --join FILE".into(),
            ));
        }
        let columns = user.and_then(|user| user.columns.as_deref());
        let fields = match (user, columns, is_csv) {
            (_, Some(columns), true) => {
                let fields = named.unwrap_or_else(|| Fields::of_results().without("recordId"));
                Some(fields.after_columns(columns))
            }
            (Some(_), ..) => Some(named.unwrap_or_else(Fields::of_joined)),
            (None, ..) => named,
        };
        let cells = if self.raw_csv { Cells::Raw } else { Cells::Safe };
        Ok(match (self.api, fields) {
            (Some(Api::Openai), _) => Form::OpenAi,
            (Some(Api::Anthropic), _) => Form::Anthropic,
            (None, fields) if is_csv => Form::Rows(fields.unwrap_or_else(Fields::of_results), cells),
            (None, Some(fields)) => Form::Objects(fields),
            (None, None) => Form::Lines,
        })
    }
}

/// Verifies the results, and writes them as one stream, to standard output if there is no file. Returns whether every record
/// of the drop is there, and what to tell the user.
fn write_stream(
    results: &Results,
    arguments: &StreamArguments,
    output: &Path,
    file: Option<File>,
) -> Result<(bool, String), CliError> {
    let user = match &arguments.join {
        None => None,
        Some(path) => Some(UserFile::open(path, arguments.on.as_deref())?),
    };
    let form = arguments.form(output, user.as_ref())?;
    let problems = results.verify()?;
    if let Some(first) = problems.first() {
        for problem in &problems {
            print_note(problem);
        }
        return Err(CliError::Content(format!("the results are not whole, so nothing is written: {first}")));
    }
    let mut sink = Sink::new(output, file, form, &results.summary)?;
    let mut unused = 0;
    match (&arguments.order, &user) {
        (Some(input), _) => order::write(results, input, &mut sink)?,
        (None, Some(user)) => unused = join::write(results, user, &mut sink)?,
        (None, None) => write_all(results, &mut sink)?,
    }
    let summary = &results.summary;
    let counts: Vec<String> = sink
        .tally
        .counts()
        .map(|(status, count)| format!("{} {}", Grouped(count), status.as_str()))
        .collect();
    let written: u64 = sink.tally.counts().map(|(_, count)| count).sum();
    let (missing, textless, faults) = (sink.missing, sink.textless, std::mem::take(&mut sink.faults));
    sink.finish()?;
    let mut told = describe_summary(summary);
    let to = if output == Path::new("-") {
        String::new()
    } else {
        format!(" to {}", text::line(output.display()))
    };
    told.push_str(&format!("\n  written{to}: {}", records(written + missing)));
    if !counts.is_empty() {
        told.push_str(&format!(" = {}", counts.join(" + ")));
    }
    if missing > 0 {
        told.push_str(&format!(" + {} without a result in this drop", Grouped(missing)));
    }
    if unused > 0 {
        told.push_str(&format!(
            "\n  {} left out, because the joined file does not have the record",
            Counted(unused, "result")
        ));
    }
    if arguments.order.is_none() && summary.records.source_deleted > 0 {
        let deleted = Counted(summary.records.source_deleted, "record");
        told.push_str(&format!(
            "\n  {deleted} of the drop have no line: the file was deleted before they were submitted"
        ));
    }
    if let (count, Some(first)) = &faults {
        let lines = Counted(*count, "line");
        told.push_str(&format!(
            "\n  in {lines}, no fields could be found; the first is {}",
            text::line(first)
        ));
    }
    if textless > 0 {
        let answers = Counted(textless, "answer");
        told.push_str(&format!(
            "\n  in {answers}, no text was found: --fields can name a member, such as modelOutput"
        ));
    }
    Ok((summary.balanced && missing == 0 && unused == 0 && faults.0 == 0, told))
}

/// Writes all results, part after part.
fn write_all(results: &Results, sink: &mut Sink) -> Result<(), CliError> {
    for file in results.files() {
        let mut reader = LineReader::new(file.kind);
        let path = results.path(&file);
        each_line(&path, |line| {
            let json = String::from_utf8_lossy(line.bytes);
            let found = reader.read(&json).map_err(|fault| {
                CliError::Unreadable(path.display().to_string(), format!("line {}: {fault}", line.number))
            })?;
            sink.write(Joined { line: Some(&found), record: None })
        })?;
    }
    Ok(())
}
