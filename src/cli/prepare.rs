//! `bedrock-vpc-batch prepare`: turns a file that people have into a drop.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Read, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::oneshot;

use super::error::{CliError, path_error, with_path};
use super::settings::{DEFAULT_MODEL_ID, functions_config};
use super::signals::Signals;
use crate::base::count::Counted;
use crate::base::text;
use crate::prepare::Format;
use crate::prepare::preparer::{Next, Options, PrepareError, Report, TableOptions, prepare as prepare_file};
use crate::prepare::report::Findings;
use crate::prepare::target::Target;
use crate::prepare::template::Template;

/// How many records a dry run shows.
const SHOWN_RECORDS: u64 = 3;

/// From this size on, a terminal shows how far the reading is.
const LARGE_BYTES: u64 = 16 << 20;

/// The longest template. A prompt is part of a record, which has a limit, too.
const MAX_TEMPLATE_BYTES: u64 = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct PrepareArguments {
    /// The file to prepare; - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where to write the records. Without it, they are written to standard output.
    #[arg(short, long = "out", value_name = "OUT")]
    out: Option<PathBuf>,

    /// Overwrite OUT if it exists.
    #[arg(long, requires = "out")]
    force: bool,

    /// Show the first three records, and write nothing.
    #[arg(long, conflicts_with = "out")]
    dry_run: bool,

    /// What the records are, if that is not recognized.
    #[arg(long, value_name = "FORMAT")]
    from: Option<FromFormat>,

    /// The model that the requests are written for: its id, or that of its inference profile.
    #[arg(long, alias = "model-id", default_value = DEFAULT_MODEL_ID, value_name = "MODEL")]
    model: String,

    /// The form of modelInput. It must be the job's model invocation type.
    #[arg(
        long,
        alias = "model-invocation-type",
        default_value = "InvokeModel",
        value_name = "SHAPE",
        ignore_case = true
    )]
    shape: Shape,

    /// The most tokens that the model may write, for requests that have no limit.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,

    /// For a table: a file with the prompt. {column} stands for a cell of the row, {{ and }} for braces.
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,

    /// For a table: the system prompt, or @FILE. It may have {column}, too.
    #[arg(long, value_name = "TEXT", requires = "template")]
    system: Option<String>,

    /// For a table: the column with the ids. Without it, the rows are called row-000001, row-000002, and so on.
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,

    /// For a table: what separates the cells, if that is not recognized.
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,

    /// Write records without the members that cannot be carried over, even if they mean something else then.
    #[arg(long)]
    allow_loss: bool,

    /// A setting of the functions, such as `MAX_RECORD_BYTES`. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

/// The formats by name.
#[derive(Clone, Copy, Debug)]
struct FromFormat(Format);

impl ValueEnum for FromFormat {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [FromFormat; Format::ALL.len()] = {
            let mut all = [FromFormat(Format::Records); Format::ALL.len()];
            let mut at = 0;
            while at < all.len() {
                #[expect(clippy::indexing_slicing, reason = "computed at compile time")]
                {
                    all[at] = FromFormat(Format::ALL[at].1);
                }
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let (name, _) = Format::ALL.iter().find(|(_, format)| *format == self.0)?;
        Some(clap::builder::PossibleValue::new(name))
    }
}

/// The values of the setting `MODEL_INVOCATION_TYPE`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    #[value(name = "InvokeModel")]
    InvokeModel,
    #[value(name = "Converse")]
    Converse,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::InvokeModel => "InvokeModel",
            Self::Converse => "Converse",
        }
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "\\t" | "tab" => Ok(b'\t'),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii_graphic() || *byte == b'\t' => Ok(*byte),
            _ => Err("must be one ASCII character, or \\t".to_owned()),
        },
    }
}

/// Prepares the file. Returns true if every record was written.
pub(super) async fn prepare(arguments: PrepareArguments) -> Result<bool, CliError> {
    if arguments.out.is_none() && !arguments.dry_run && stdout().is_terminal() {
        let what = "the records would fill the terminal: add -o OUT, or --dry-run to see the first three";
        return Err(CliError::Usage(what.to_owned()));
    }
    let options = options(&arguments)?;
    let mut signals = Signals::new().map_err(CliError::Start)?;
    let output = Arc::new(Mutex::new(None));
    let (send, receive) = oneshot::channel();
    let shared = Arc::clone(&output);
    // A thread of its own, which may wait for standard input indefinitely: the process need not wait for it.
    std::thread::spawn(move || send.send(run(&arguments, &options, &shared)));
    tokio::select! {
        result = receive => result.unwrap_or_else(|_| Err(CliError::Start(io::Error::other("the reading has failed")))),
        interrupt = signals.next() => {
            // Holds the lock until the process ends, so that nothing is renamed from now on.
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            drop(output.take());
            std::mem::forget(output);
            Err(CliError::Interrupted(interrupt))
        }
    }
}

fn options(arguments: &PrepareArguments) -> Result<Options, CliError> {
    let config = functions_config(&[], &arguments.settings)?;
    let parse = |name: &str, template: &str| {
        Template::parse(template).map_err(|what| CliError::Usage(format!("{name}: {what}")))
    };
    let template =
        arguments.template.as_deref().map(|path| parse("--template", &read_text(path)?)).transpose()?;
    let system = match arguments.system.as_deref() {
        None => None,
        Some(text) => match text.strip_prefix('@') {
            Some(path) => Some(parse("--system", &read_text(Path::new(path))?)?),
            None => Some(parse("--system", text)?),
        },
    };
    let table = TableOptions {
        template,
        system,
        id_column: arguments.id_column.clone(),
        delimiter: arguments.delimiter,
    };
    Ok(Options {
        format: arguments.from.map(|from| from.0),
        target: Target::new(&arguments.model, arguments.shape.name()),
        max_tokens: arguments.max_tokens,
        table,
        allow_loss: arguments.allow_loss,
        max_record_bytes: config.max_record_bytes,
        max_records: config.quotas.max_records,
    })
}

/// Reads a prompt. The line break at its end is the editor's.
fn read_text(path: &Path) -> Result<String, CliError> {
    let mut prompt = String::new();
    let file = File::open(path).map_err(|error| path_error(path, error))?;
    file.take(MAX_TEMPLATE_BYTES).read_to_string(&mut prompt).map_err(|error| path_error(path, error))?;
    let prompt = prompt.trim_start_matches('\u{feff}');
    let prompt =
        prompt.strip_suffix('\n').map_or(prompt, |prompt| prompt.strip_suffix('\r').unwrap_or(prompt));
    Ok(prompt.to_owned())
}

/// The file that becomes OUT. It is deleted when this value is dropped, unless it has become OUT.
#[derive(Debug)]
struct Unfinished {
    path: PathBuf,
    is_kept: bool,
}

impl Unfinished {
    /// Creates it in the folder of OUT, so that it can be renamed. Its name is one that a watched folder ignores.
    fn create(out: &Path) -> io::Result<(Self, File)> {
        let mut name = OsString::from(".");
        name.push(out.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let path = out.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| with_path(&path, error))?;
        Ok((Self { path, is_kept: false }, file))
    }

    /// Gives it the name of OUT.
    fn finish(mut self, out: &Path, is_forced: bool) -> io::Result<()> {
        if !is_forced {
            // Unlike a rename, this fails if somebody has taken the name meanwhile. The first name is removed later.
            match fs::hard_link(&self.path, out) {
                // Some file systems have no links.
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !out.exists() => {}
                result => return result,
            }
        }
        fs::rename(&self.path, out)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_kept {
            // If this fails, there is nowhere left to report it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Where the records go.
enum Sink {
    Screen(u64),
    Output(BufWriter<io::Stdout>),
    File(BufWriter<File>),
}

impl Sink {
    fn write(&mut self, line: &str) -> io::Result<Next> {
        match self {
            Self::Screen(shown) => {
                *shown += 1;
                writeln!(stdout(), "{}", text::line(line))?;
                return Ok(if *shown == SHOWN_RECORDS { Next::Stop } else { Next::Go });
            }
            Self::Output(out) => writeln!(out, "{line}")?,
            Self::File(out) => writeln!(out, "{line}")?,
        }
        Ok(Next::Go)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Screen(_) => stdout().flush(),
            Self::Output(out) => out.flush(),
            Self::File(out) => out.flush(),
        }
    }
}

/// Reads the file, writes the records, and says what became of them.
fn run(
    arguments: &PrepareArguments,
    options: &Options,
    unfinished: &Mutex<Option<Unfinished>>,
) -> Result<bool, CliError> {
    let lock = || unfinished.lock().unwrap_or_else(PoisonError::into_inner);
    let (reader, bar) = open(&arguments.file).map_err(|error| path_error(&arguments.file, error))?;
    let mut sink = match &arguments.out {
        _ if arguments.dry_run => Sink::Screen(0),
        None => Sink::Output(BufWriter::new(stdout())),
        Some(out) => {
            check_out(out, arguments.force)?;
            let mut unfinished = lock();
            let (created, file) = Unfinished::create(out).map_err(|error| path_error(out, error))?;
            *unfinished = Some(created);
            Sink::File(BufWriter::with_capacity(128 << 10, file))
        }
    };
    let result = prepare_file(reader, options, &mut |line| sink.write(line));
    bar.finish_and_clear();
    let report = result.and_then(|report| sink.flush().map(|()| report).map_err(PrepareError::Write));
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            drop(lock().take());
            return Err(failed(error, arguments));
        }
    };
    let unfinished = lock().take();
    if let (Some(out), Some(unfinished), 1..) = (&arguments.out, unfinished, report.written) {
        unfinished.finish(out, arguments.force).map_err(|error| path_error(out, error))?;
    }
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(stderr(), "{}", text::lines(describe(&report, arguments)));
    Ok(report.written == report.records)
}

/// Opens the file, with a bar if it is large and there is a terminal.
fn open(file: &Path) -> io::Result<(Box<dyn Read + Send>, ProgressBar)> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(stdin()), ProgressBar::hidden()));
    }
    let opened = File::open(file)?;
    let metadata = opened.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if metadata.len() < LARGE_BYTES {
        return Ok((Box::new(opened), ProgressBar::hidden()));
    }
    // It is drawn on standard error, and only on a terminal.
    let bar = ProgressBar::new(metadata.len());
    let style = ProgressStyle::with_template("{prefix}  {wide_bar} {bytes}/{total_bytes} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(text::name(file.display()).to_string());
    Ok((Box::new(bar.wrap_read(opened)), bar))
}

fn check_out(out: &Path, is_forced: bool) -> Result<(), CliError> {
    let shown = text::line(out.display());
    match fs::metadata(out) {
        Ok(metadata) if !metadata.is_file() => {
            Err(CliError::Usage(format!("{shown} is not a file: leave out -o, and redirect the output")))
        }
        Ok(_) if !is_forced => Err(CliError::Usage(format!("{shown} exists: add --force to overwrite it"))),
        _ => Ok(()),
    }
}

fn failed(error: PrepareError, arguments: &PrepareArguments) -> CliError {
    match (error, &arguments.out) {
        (PrepareError::Read(error), _) => path_error(&arguments.file, error),
        (PrepareError::Write(error), Some(out)) => path_error(out, error),
        (PrepareError::Write(error), None) if error.kind() == io::ErrorKind::BrokenPipe => CliError::Closed,
        (PrepareError::Write(error), None) => CliError::Output(error),
        (PrepareError::Content { what, fix }, _) => {
            CliError::Content(format!("{}: {what}: {fix}", text::line(arguments.file.display())))
        }
    }
}

/// Says what became of the records.
fn describe(report: &Report, arguments: &PrepareArguments) -> String {
    let name = text::line(arguments.file.display());
    let mut said = format!("{name}: ");
    for layer in &report.layers {
        said += layer.name();
        said += ", ";
    }
    said += report.format.description();
    let records = Counted(report.records, "record");
    said += &match (report.written, &arguments.out) {
        (0, _) if arguments.dry_run => format!(": 0 of {records} can be written"),
        (written, _) if arguments.dry_run => format!(": the first {}", Counted(written, "record")),
        (0, _) => format!(": 0 of {records} written, so there is no file"),
        (written, Some(out)) => format!(": {written} of {records} written to {}", text::line(out.display())),
        (written, None) => format!(": {written} of {records} written"),
    };
    if report.format != Format::Records {
        let model = text::line(&arguments.model);
        said += &format!(", {} requests for {model}", arguments.shape.name());
    }
    said += &findings("changed", &report.changes);
    said += &findings("not written", &report.refusals);
    said
}

fn findings(verb: &str, findings: &Findings) -> String {
    let mut said = String::new();
    for kind in findings.kinds() {
        let lines: Vec<_> = kind.lines.iter().map(u64::to_string).collect();
        let more = if kind.records > kind.lines.len() as u64 { ", …" } else { "" };
        let word = if kind.records == 1 { "line" } else { "lines" };
        let (records, lines) = (Counted(kind.records, "record"), lines.join(", "));
        said += &format!("\n  {verb}: {}: {} ({records}, {word} {lines}{more})", kind.what, kind.why);
    }
    if findings.others > 0 {
        said += &format!("\n  {verb}: {} of other kinds", Counted(findings.others, "finding"));
    }
    said
}
