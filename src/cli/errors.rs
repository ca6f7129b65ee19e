//! `bedrock-vpc-batch errors`: what went wrong with the records of a drop, and how to fix it.

use std::path::Path;

use serde::Serialize;

use super::error::CliError;
use super::fixes::shell_word;
use super::interruptible::until_interrupted;
use super::output::print_line;
use super::problems::wrapped;
use super::results::{Results, SOURCE_HELP, Source, each_line, in_thread};
use super::stack::StackArguments;
use super::submit::short;
use super::summary::describe_summary;
use crate::answers::groups::{Group, Groups};
use crate::answers::line::LineReader;
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::keys::ResultKind;
use crate::job::summary::{Places, Summary, SummaryRecords};
use crate::record::output::OutputReader;

/// How many kinds of errors a person is shown.
const MAX_SHOWN: usize = 20;

/// How many ids or places of other records are named.
const MAX_SAMPLES: usize = 5;

#[derive(Debug, clap::Args)]
pub(super) struct ErrorsArguments {
    #[arg(value_name = "DROP", help = SOURCE_HELP)]
    drop: String,

    /// Print one JSON object, with every kind of error.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    stack: StackArguments,
}

/// What went wrong with a drop.
#[derive(Debug, Serialize)]
struct Report<'a> {
    drop_id: &'a str,
    key: &'a str,
    records: SummaryRecords,
    /// Errors of records that Bedrock refused for good, the most frequent first.
    errors: Vec<ErrorKind>,
    other_errors: u64,
    unprocessed: Option<Unprocessed>,
    truncated: Option<Unusable<'a>>,
    refused: Option<Unusable<'a>>,
    mismatches: &'a [String],
}

#[derive(Debug, Serialize)]
struct ErrorKind {
    code: Option<String>,
    message: String,
    records: u64,
    sample_ids: Vec<String>,
    fix: &'static str,
}

#[derive(Debug, Serialize)]
struct Unprocessed {
    records: u64,
    /// What Bedrock said about the jobs.
    messages: Vec<String>,
    sample_ids: Vec<String>,
    fix: String,
}

#[derive(Debug, Serialize)]
struct Unusable<'a> {
    records: u64,
    places: &'a Places,
    fix: String,
}

/// Prints what went wrong. Returns true if each record has an answer that can be used.
pub(super) async fn errors(arguments: ErrorsArguments) -> Result<bool, CliError> {
    until_interrupted(work(arguments)).await
}

async fn work(arguments: ErrorsArguments) -> Result<bool, CliError> {
    let source = Source::find(&arguments.drop, &arguments.stack).await?;
    let brought = source.bring(|file| file.kind != ResultKind::Succeeded).await?;
    let drop = shell_word(Path::new(&arguments.drop)) + &arguments.stack.again();
    in_thread(move || {
        let results = &brought.results;
        tell(&results.summary, read(results)?, &drop, arguments.json)
    })
    .await
}

/// What the lines of the results say.
#[derive(Debug, Default)]
struct Found {
    groups: Groups,
    unprocessed: Vec<String>,
}

/// Reads the errors, and the first records that were not processed.
fn read(results: &Results) -> Result<Found, CliError> {
    let mut found = Found::default();
    for file in results.files() {
        let path = results.path(&file);
        match file.kind {
            ResultKind::Succeeded => {}
            ResultKind::Errors => {
                let mut reader = OutputReader::default();
                each_line(&path, |line| {
                    found.add_error(&mut reader, line.bytes);
                    Ok(())
                })?;
            }
            ResultKind::Unprocessed if found.unprocessed.len() >= MAX_SAMPLES => {}
            ResultKind::Unprocessed => {
                let mut reader = LineReader::new(file.kind);
                each_line(&path, |line| {
                    found.add_unprocessed(&mut reader, line.bytes);
                    Ok(())
                })?;
            }
        }
    }
    Ok(found)
}

impl Found {
    fn add_error(&mut self, reader: &mut OutputReader, line: &[u8]) {
        if let Some(record) = reader.read(line)
            && let Some(error) = record.error
        {
            self.groups.add(&record.record_id, error);
        }
    }

    fn add_unprocessed(&mut self, reader: &mut LineReader, line: &[u8]) {
        let json = String::from_utf8_lossy(line);
        if self.unprocessed.len() < MAX_SAMPLES
            && let Ok((id, _)) = reader.identify(&json)
        {
            self.unprocessed.push(text::name(&id).to_string());
        }
    }
}

/// Prints what went wrong. `drop` names the drop in a shell.
fn tell(summary: &Summary, found: Found, drop: &str, as_json: bool) -> Result<bool, CliError> {
    let (groups, other_errors) = found.groups.finish();
    let records = summary.records;
    let unusable =
        |count: u64, places, fix: String| (count > 0).then_some(Unusable { records: count, places, fix });
    let error = |Group { code, message, count, samples, fix }| ErrorKind {
        code,
        message,
        records: count,
        sample_ids: samples,
        fix,
    };
    let report = Report {
        drop_id: summary.drop_id.as_str(),
        key: &summary.source.key,
        records,
        errors: groups.into_iter().map(error).collect(),
        other_errors,
        unprocessed: (records.unprocessed > 0).then(|| Unprocessed {
            records: records.unprocessed,
            messages: summary.messages.iter().map(|said| text::line(said.told()).to_string()).collect(),
            sample_ids: found.unprocessed,
            fix: format!("bedrock-vpc-batch retry {drop} --unprocessed"),
        }),
        truncated: unusable(
            records.truncated,
            &summary.unusable.truncated,
            format!("bedrock-vpc-batch retry {drop} --truncated --max-tokens N, with a higher limit"),
        ),
        refused: unusable(
            records.refused,
            &summary.unusable.refused,
            "read these answers, change what the prompts ask, and drop the records again".to_owned(),
        ),
        mismatches: &summary.mismatches,
    };
    if as_json {
        let json = serde_json::to_string(&report)
            .map_err(|error| CliError::Content(format!("cannot write JSON: {error}")))?;
        print_line(&text::escape_json(&json))?;
    } else {
        print_line(&report.human(summary))?;
    }
    let of = records.succeeded == records.total && records.truncated + records.refused == 0;
    Ok(of && summary.balanced)
}

impl Report<'_> {
    fn human(&self, summary: &Summary) -> String {
        let mut said = format!("{}: {}", text::line(self.key), describe_summary(summary));
        for error in self.errors.iter().take(MAX_SHOWN) {
            let code = error.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
            let message = if error.message.is_empty() { "no message" } else { &error.message };
            said.push('\n');
            push_rows(&mut said, &format!("{}: {code}{message}", Counted(error.records, "record")), "");
            push_samples(&mut said, &error.sample_ids, error.records);
            push_rows(&mut said, &format!("fix: {}", error.fix), "  ");
        }
        let hidden = self.errors.iter().skip(MAX_SHOWN);
        let (kinds, records) = hidden
            .fold((0, self.other_errors), |(kinds, records), error| (kinds + 1, records + error.records));
        if records > 0 {
            let more = Counted(records, "record");
            said.push_str(&format!(
                "\n\n{more} with {kinds} other kinds of errors or more: --json lists them"
            ));
        }
        if let Some(unprocessed) = &self.unprocessed {
            said.push_str(&format!("\n\n{} not processed", Counted(unprocessed.records, "record")));
            for message in &unprocessed.messages {
                push_rows(&mut said, message, "  ");
            }
            push_samples(&mut said, &unprocessed.sample_ids, unprocessed.records);
            said.push_str(&format!("\n  fix: {}", unprocessed.fix));
        }
        for (what, unusable) in
            [("cut off at a limit of tokens", &self.truncated), ("refused or filtered", &self.refused)]
        {
            let Some(Unusable { records, places, fix }) = unusable else { continue };
            said.push_str(&format!("\n\n{} {what}", Counted(*records, "answer")));
            for place in places.first.iter().take(MAX_SAMPLES) {
                said.push_str(&format!("\n  line {} of {}", place.line, text::line(&place.file)));
            }
            said.push_str(&format!("\n  fix: {fix}"));
        }
        if summary.records.source_deleted > 0 {
            let deleted = Counted(summary.records.source_deleted, "record");
            said.push_str(&format!(
                "\n\n{deleted} never submitted, because this version of the file was deleted before\n  fix: drop them again"
            ));
        }
        for drop_id in &summary.retries {
            said.push_str(&format!("\n\nsome records were tried again in the drop {}", short(drop_id)));
        }
        said
    }
}

fn push_samples(said: &mut String, ids: &[String], records: u64) {
    if !ids.is_empty() {
        let such_as = if ids.len() as u64 == records { "" } else { "such as " };
        push_rows(said, &format!("{such_as}{}", ids.join(", ")), "  ");
    }
}

/// Adds a text in rows of a screen. A command is added in one, so that it can be copied.
fn push_rows(said: &mut String, text: &str, indent: &str) {
    for row in wrapped(text.split(' '), indent) {
        said.push('\n');
        said.push_str(&row);
    }
}
