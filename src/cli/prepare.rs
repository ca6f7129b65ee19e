//! `bedrock-vpc-batch prepare`: turns a file that people have into a drop.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::oneshot;

use super::check::describe_refusable;
use super::error::{CliError, path_error};
use super::fixes::{Wording, shell_word};
use super::output_file::{Unfinished, check_output};
use super::problems::wrapped;
use super::settings::functions_config;
use super::signals::Signals;
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::model_door::Refusable;
use crate::prepare::error::PrepareError;
use crate::prepare::options::{Options, RowOptions};
use crate::prepare::preparer::{Next, Report, prepare as prepare_file};
use crate::prepare::report::Findings;
use crate::prepare::target::Target;
use crate::prepare::template::Template;
use crate::prepare::{Encoding, Format};

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

    /// The encoding of FILE, such as windows-1252, if it is neither UTF-8 nor recognized.
    #[arg(long, value_name = "ENCODING")]
    encoding: Option<Encoding>,

    /// The model that the requests are written for, and that the records are checked for: its id, or that of its
    /// inference profile. Only records that have their modelInput can do without.
    #[arg(long, visible_alias = "model", value_name = "MODEL")]
    model_id: Option<String>,

    /// The form of modelInput, which must be the job's model invocation type. InvokeModel if it is left out.
    #[arg(long, visible_alias = "shape", value_name = "TYPE", ignore_case = true)]
    model_invocation_type: Option<Shape>,

    /// The most tokens that the model may write, for requests that have no limit.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,

    /// For rows of a table, or JSON objects: a file with the prompt. {column} stands for a cell of the row, or for the
    /// member with this name, {{ and }} for braces.
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,

    /// For rows: the system prompt, or @FILE. It may have {column}, too.
    #[arg(long, value_name = "TEXT", requires = "template")]
    system: Option<String>,

    /// For rows: the column with the ids. Without it, the rows are called row-000001, row-000002, and so on.
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

/// What an interrupt must tidy up.
#[derive(Debug, Default)]
struct Shared {
    unfinished: Option<Unfinished>,
    bar: Option<ProgressBar>,
}

impl Shared {
    fn clear_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            // The reading may go on for a moment.
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

/// Prepares the file. Returns true if every record was written, and the model might accept some of them.
pub(super) async fn prepare(arguments: PrepareArguments) -> Result<bool, CliError> {
    if let Some(uri) = arguments.file.to_str().filter(|file| file.starts_with("s3://")) {
        let uri = shell_word(uri.as_ref());
        let what = format!(
            "{uri} is in S3, and this command reads local files: aws s3 cp {uri} - | bedrock-vpc-batch prepare -"
        );
        return Err(CliError::Usage(what));
    }
    if arguments.out.is_none() && !arguments.dry_run && stdout().is_terminal() {
        let what = "the records would fill the terminal: add -o OUT, or --dry-run to see the first three";
        return Err(CliError::Usage(what.to_owned()));
    }
    let options = options(&arguments)?;
    let mut signals = Signals::new().map_err(CliError::Start)?;
    let shared = Arc::new(Mutex::new(Shared::default()));
    let (send, receive) = oneshot::channel();
    let given = Arc::clone(&shared);
    // A thread of its own, which may wait for standard input indefinitely: the process need not wait for it.
    std::thread::spawn(move || send.send(run(&arguments, &options, &given)));
    tokio::select! {
        result = receive => result.unwrap_or_else(|_| Err(CliError::Start(io::Error::other("the reading has failed")))),
        interrupt = signals.next() => {
            // Holds the lock until the process ends, so that nothing is renamed from now on.
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.clear_bar();
            drop(shared.unfinished.take());
            std::mem::forget(shared);
            Err(CliError::Interrupted(interrupt))
        }
    }
}

/// The value of a setting that an option may name, too.
fn setting<'a>(
    arguments: &'a PrepareArguments,
    name: &str,
    option: &str,
    value: Option<&'a str>,
) -> Result<Option<&'a str>, CliError> {
    let in_settings = arguments.settings.iter().rev().find_map(|setting| {
        let (known, value) = setting.split_once('=')?;
        (known == name).then_some(value)
    });
    match (value, in_settings) {
        (Some(_), Some(other)) => {
            let other = text::name(other);
            Err(CliError::Usage(format!(
                "--set {name}={other}: {option} says it, too; leave one of them out"
            )))
        }
        (value, other) => Ok(value.or(other)),
    }
}

fn options(arguments: &PrepareArguments) -> Result<Options, CliError> {
    let model_id = setting(arguments, "MODEL_ID", "--model-id", arguments.model_id.as_deref())?;
    let form = arguments.model_invocation_type.map(Shape::name);
    let form = setting(arguments, "MODEL_INVOCATION_TYPE", "--model-invocation-type", form)?;
    let some: Vec<(&str, &str)> = [("MODEL_ID", model_id), ("MODEL_INVOCATION_TYPE", form)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let config = functions_config(&some, &arguments.settings)?;
    let parse = |option: &'static str, file: &str, template: &str| {
        Template::parse(template).map_err(|what| match file {
            "" => CliError::Usage(format!("--{option}: {what}")),
            file => CliError::OptionFile(option, file.to_owned(), what),
        })
    };
    let of_file = |option: &'static str, path: &Path| {
        let name = path.display().to_string();
        let wrong = |what: String| CliError::OptionFile(option, name.clone(), what);
        parse(option, &name, &read_text(path).map_err(wrong)?)
    };
    let template = arguments.template.as_deref().map(|path| of_file("template", path)).transpose()?;
    let system = match arguments.system.as_deref() {
        None => None,
        Some(text) => Some(match text.strip_prefix('@') {
            Some(path) => of_file("system", Path::new(path))?,
            None => parse("system", "", text)?,
        }),
    };
    let rows = RowOptions {
        template,
        system,
        id_column: arguments.id_column.clone(),
        delimiter: arguments.delimiter,
    };
    Ok(Options {
        format: arguments.from.map(|from| from.0),
        encoding: arguments.encoding,
        target: model_id.map(|model_id| Target::new(model_id, config.model_invocation_type.as_str())),
        is_form_chosen: form.is_some(),
        rules: model_id.and_then(|_| config.model_rules(&config.settings())),
        max_tokens: arguments.max_tokens,
        rows,
        allow_loss: arguments.allow_loss,
        max_record_bytes: config.max_record_bytes,
        max_records: config.quotas.max_records,
    })
}

/// Reads a prompt. The line break at its end is the editor's.
fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_TEMPLATE_BYTES + 1).read_to_end(&mut bytes));
    let length = read.map_err(|error| error.to_string())?;
    if length as u64 > MAX_TEMPLATE_BYTES {
        return Err(format!("the prompt is longer than {MAX_TEMPLATE_BYTES} bytes: is it the right file?"));
    }
    let prompt =
        String::from_utf8(bytes).map_err(|_| "the prompt is not UTF-8: save it as UTF-8".to_owned())?;
    let prompt = prompt.trim_start_matches('\u{feff}');
    let prompt =
        prompt.strip_suffix('\n').map_or(prompt, |prompt| prompt.strip_suffix('\r').unwrap_or(prompt));
    Ok(prompt.to_owned())
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
fn run(arguments: &PrepareArguments, options: &Options, shared: &Mutex<Shared>) -> Result<bool, CliError> {
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    let (reader, bar) = open(&arguments.file).map_err(|error| path_error(&arguments.file, error))?;
    let mut sink = match &arguments.out {
        _ if arguments.dry_run => Sink::Screen(0),
        None => Sink::Output(BufWriter::new(stdout())),
        Some(out) => {
            check_output(out, arguments.force, &[])?;
            let mut shared = lock();
            let (created, file) = Unfinished::create(out).map_err(|error| path_error(out, error))?;
            shared.unfinished = Some(created);
            Sink::File(BufWriter::with_capacity(128 << 10, file))
        }
    };
    lock().bar = bar;
    let result = prepare_file(reader, options, &mut |line| sink.write(line));
    lock().clear_bar();
    let report = result.and_then(|report| sink.flush().map(|()| report).map_err(PrepareError::Write));
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            drop(lock().unfinished.take());
            return Err(failed(error, arguments));
        }
    };
    // From here on, an interrupt leaves either the whole file or nothing.
    let mut shared = lock();
    let unfinished = shared.unfinished.take();
    if let (Some(out), Some(unfinished), 1..) = (&arguments.out, unfinished, report.written) {
        unfinished.finish(out, arguments.force).map_err(|error| path_error(out, error))?;
    }
    drop(shared);
    let refusable = refusable(&report);
    let must_all_fail = refusable.as_ref().is_some_and(|refusable| refusable.failing == refusable.examined);
    let rows = describe(&report, refusable, arguments, options).join("\n");
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(stderr(), "{}", text::lines(rows));
    Ok(report.written == report.records && !must_all_fail)
}

/// Opens the file, with a bar if it is large and there is a terminal.
fn open(file: &Path) -> io::Result<(Box<dyn Read + Send>, Option<ProgressBar>)> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(stdin()), None));
    }
    let opened = File::open(file)?;
    let metadata = opened.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if metadata.len() < LARGE_BYTES || !stderr().is_terminal() {
        return Ok((Box::new(opened), None));
    }
    let style = ProgressStyle::with_template("{prefix}  {wide_bar} {bytes}/{total_bytes} {eta}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    // Setting these later would show the bar, before an interrupt knows that it is there.
    let bar = ProgressBar::new(metadata.len()).with_style(style);
    let bar = bar.with_prefix(text::name(file.display()).to_string());
    Ok((Box::new(bar.wrap_read(opened)), Some(bar)))
}

fn failed(error: PrepareError, arguments: &PrepareArguments) -> CliError {
    let said = |what: &str, fix: &str| format!("{}: {what}: {fix}", text::line(arguments.file.display()));
    match (error, &arguments.out) {
        (PrepareError::Read(error), _) => path_error(&arguments.file, error),
        (PrepareError::Write(error), Some(out)) => path_error(out, error),
        (PrepareError::Write(error), None) if error.kind() == io::ErrorKind::BrokenPipe => CliError::Closed,
        (PrepareError::Write(error), None) => CliError::Output(error),
        (PrepareError::Content { what, fix }, _) => {
            CliError::Content(said(&what, &wording(arguments).fix(&fix)))
        }
        (PrepareError::Usage { what, fix }, _) => CliError::Usage(said(&what, &fix)),
    }
}

/// How fixes are worded that name the file.
fn wording(arguments: &PrepareArguments) -> Wording {
    let file = Some(arguments.file.as_path()).filter(|file| file.as_os_str() != "-");
    Wording::new(file, false)
}

/// Returns what the model must refuse of what was written, if it must refuse something.
fn refusable(report: &Report) -> Option<Refusable> {
    let examination = report.examination.as_ref().filter(|examination| examination.failing() > 0)?;
    Some(examination.into())
}

/// Says what became of the records, in rows of the screen.
fn describe(
    report: &Report,
    refusable: Option<Refusable>,
    arguments: &PrepareArguments,
    options: &Options,
) -> Vec<String> {
    let mut rows = row(&summary(report, arguments, options), "");
    findings(&report.changes, arguments, &mut rows);
    findings(&report.refusals, arguments, &mut rows);
    if report.stopped > 0 {
        let others = Counted(report.stopped, "more record");
        let said = format!("--allow-loss would write {others}, without what is named above");
        rows.extend(row(&said, "  "));
    }
    if report.has_garbage {
        let warning = "warning: the gzip data is followed by bytes that are not gzip data; they are left out, as gunzip does";
        rows.extend(row(warning, "  "));
    }
    let said = refusable.map(describe_refusable).unwrap_or_default();
    for line in said.lines().filter(|line| !line.is_empty()) {
        let words = line.trim_start_matches(' ');
        rows.extend(row(words, &" ".repeat(line.len() - words.len())));
    }
    let note = match (&options.target, &report.examination) {
        (None, _) => "note: add --model-id MODEL to check the records for what the model refuses",
        (Some(_), None) => {
            "note: what the model refuses is not checked: no rules are known for it, or MODEL_RULES is off"
        }
        (Some(_), Some(_)) => "",
    };
    if !note.is_empty() && report.written > 0 {
        rows.extend(row(note, "  "));
    }
    rows
}

/// Breaks a text into rows of the screen.
fn row(said: &str, indent: &str) -> Vec<String> {
    wrapped(said.split(' '), indent)
}

fn summary(report: &Report, arguments: &PrepareArguments, options: &Options) -> String {
    let name = text::line(arguments.file.display());
    let mut said = format!("{name}: ");
    for layer in &report.layers {
        said += layer.name();
        said += ", ";
    }
    said += report.format.description();
    let records = Counted(report.records, "record");
    said += &match (report.written, &arguments.out) {
        (written @ 1.., _) if arguments.dry_run => format!(": the first {}", Counted(written, "record")),
        (0, Some(out)) => {
            format!(": 0 of {records} can be written, so {} is not", text::line(out.display()))
        }
        (written, Some(out)) => format!(": {written} of {records} written to {}", text::line(out.display())),
        (0, None) => format!(": 0 of {records} can be written"),
        (written, None) => format!(": {written} of {records} written"),
    };
    if let (true, 1.., Some(target)) = (report.is_made, report.written, &options.target) {
        let Target { model_id, model_invocation_type, .. } = target;
        said += &format!(", {model_invocation_type} requests for {}", text::line(model_id));
    }
    said
}

fn findings(findings: &Findings, arguments: &PrepareArguments, rows: &mut Vec<String>) {
    for kind in findings.kinds() {
        let lines: Vec<_> = kind.lines.iter().map(u64::to_string).collect();
        let more = if kind.has_more_lines { ", …" } else { "" };
        let word = if lines.len() == 1 && !kind.has_more_lines { "line" } else { "lines" };
        let (records, lines) = (Counted(kind.records, "record"), lines.join(", "));
        let verb = kind.effect.name();
        // Other texts may have names of the file's own.
        let is_command = kind.why.contains(" FILE > ");
        let why = if is_command { wording(arguments).fix(&kind.why) } else { kind.why.clone() };
        let said = format!("{verb}: {}: {why} ({records}, {word} {lines}{more})", kind.what);
        rows.extend(row(&said, "  "));
    }
    if findings.others > 0 {
        rows.extend(row(&format!("and {} of other kinds", Counted(findings.others, "finding")), "  "));
    }
}
