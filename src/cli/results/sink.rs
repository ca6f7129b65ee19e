//! Where the results are written as one stream, and in which form.

use std::fs::File;
use std::io::{self, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use super::folder::Tally;
use crate::answers::csv::Cells;
use crate::answers::fields::{Fields, Joined, NO_RESULT};
use crate::answers::line::ResultLine;
use crate::answers::openai::Context;
use crate::answers::{anthropic, openai};
use crate::base::timestamp::Timestamp;
use crate::cli::error::{CliError, path_error};
use crate::job::summary::Summary;
use crate::model::family::foundation_model;
use crate::report::words::read_time;

const BUFFER_BYTES: usize = 256 << 10;

/// How a line is written.
#[derive(Debug)]
pub(super) enum Form {
    /// As Bedrock wrote it, and what became of the record.
    Lines,
    /// These fields, as an object.
    Objects(Fields),
    /// These fields, as a row.
    Rows(Fields, Cells),
    /// As the batch API of OpenAI writes it.
    OpenAi,
    /// As the Message Batches API of Anthropic writes it.
    Anthropic,
}

/// Writes the results as one stream.
#[derive(Debug)]
pub(super) struct Sink {
    form: Form,
    out: Out,
    model: String,
    created: u64,
    pub(super) tally: Tally,
    /// How many records of a joined file have no result.
    pub(super) missing: u64,
    /// How many lines have members that cannot be told, and what is wrong with the first one.
    pub(super) faults: (u64, Option<String>),
    /// How many answers have no text that is known.
    pub(super) textless: u64,
    row: Vec<u8>,
}

#[derive(Debug)]
enum Out {
    Stdout(BufWriter<io::Stdout>),
    File(PathBuf, BufWriter<File>),
}

impl Sink {
    /// Starts to write to a file that becomes the one with this path, or to standard output if there is none.
    pub(super) fn new(
        path: &Path,
        file: Option<File>,
        form: Form,
        summary: &Summary,
    ) -> Result<Self, CliError> {
        let out = match file {
            None => Out::Stdout(BufWriter::with_capacity(BUFFER_BYTES, stdout())),
            Some(file) => Out::File(path.to_owned(), BufWriter::with_capacity(BUFFER_BYTES, file)),
        };
        let job = summary.jobs.first();
        let model = job.map(|job| foundation_model(&job.outcome.model_id).to_owned()).unwrap_or_default();
        let ended = job.and_then(|job| job.outcome.end_time.as_deref()).and_then(read_time);
        let created = ended.unwrap_or(summary.source.last_modified).seconds_since(Timestamp::from_secs(0));
        let tally = Tally::default();
        let mut sink = Self {
            form,
            out,
            model,
            created,
            tally,
            missing: 0,
            faults: (0, None),
            textless: 0,
            row: Vec::new(),
        };
        if let Form::Rows(fields, cells) = &sink.form {
            cells.push_names(fields.names(), &mut sink.row);
            sink.flush_row()?;
        }
        Ok(sink)
    }

    /// Writes what became of a record, which may be joined with one of the user's file.
    pub(super) fn write(&mut self, joined: Joined<'_>) -> Result<(), CliError> {
        match joined.line {
            None => self.missing += 1,
            Some(line) => {
                self.tally.add(line.status);
                if let Some(fault) = &line.fault {
                    self.faults.0 += 1;
                    self.faults.1.get_or_insert_with(|| format!("{}: {fault}", line.record_id));
                }
            }
        }
        match (&self.form, joined.line) {
            (Form::Rows(fields, cells), _) => {
                let values = fields.values(joined);
                self.textless += u64::from(fields.lack_text(joined, &values));
                cells.push_row(&values, &mut self.row);
            }
            (Form::Objects(fields), _) => {
                let values = fields.values(joined);
                self.textless += u64::from(fields.lack_text(joined, &values));
                push_line(&mut self.row, &fields.object(&values));
            }
            (_, None) => push_line(&mut self.row, &format!("{{\"status\":\"{NO_RESULT}\"}}")),
            (Form::Lines, Some(line)) => push_line(&mut self.row, &line.with_status()),
            (Form::OpenAi, Some(line)) => {
                let told = self.openai(line);
                push_line(&mut self.row, &told);
            }
            (Form::Anthropic, Some(line)) => push_line(&mut self.row, &anthropic::line(line, &self.model)),
        }
        self.flush_row()
    }

    fn openai(&self, line: &ResultLine<'_>) -> String {
        openai::line(line, Context { model: &self.model, created: self.created })
    }

    fn flush_row(&mut self) -> Result<(), CliError> {
        let written = match &mut self.out {
            Out::Stdout(out) => out.write_all(&self.row).map_err(of_stdout),
            Out::File(path, file) => file.write_all(&self.row).map_err(|error| path_error(path, error)),
        };
        self.row.clear();
        written
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> Result<(), CliError> {
        match self.out {
            Out::Stdout(mut out) => out.flush().map_err(of_stdout),
            Out::File(path, file) => {
                let file = file.into_inner().map_err(|error| path_error(&path, error.into_error()))?;
                file.sync_all().map_err(|error| path_error(&path, error))
            }
        }
    }
}

fn push_line(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

fn of_stdout(error: io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::Closed,
        _ => CliError::Output(error),
    }
}
