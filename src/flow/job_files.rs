//! What Bedrock wrote for a job, streamed: to counts, to the result files, to what was never processed.
//!
//! Everything here follows from objects that no longer change, so it can be done twice, by two at once,
//! with the same objects as result.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::object_lines::{each_line, rewrite_lines};
use crate::aws::store::Store;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys;
use crate::job::answers::{Answers, LineVerdict, Matched};
use crate::job::ending::Manifest;
pub use crate::job::sections::SectionLimits;
use crate::job::sections::{Place, Sections, Selection};
use crate::ledger::lease::Invocation;
use crate::record::input::InputReader;
use crate::record::lines::{Line, LineSplitter};
use crate::record::output::Answer;

/// What is kept back of the invocation's time when output is read.
const TIME_FOR_THE_REST: Duration = Duration::from_secs(5);

/// How many lines of the input are read between two looks at the clock.
const LINES_PER_LOOK: u64 = 10_000;

/// What is below a job's output prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFiles {
    /// The keys of the `….jsonl.out` files. A job that failed may have none.
    pub records: Vec<String>,
    /// The key of `manifest.json.out`.
    pub manifest: Option<String>,
}

/// The input and the output of one job.
#[derive(Debug)]
pub struct JobFiles<'a> {
    store: &'a Store,
    input: String,
    output: OutputFiles,
    max_input_line_bytes: usize,
    section_limits: SectionLimits,
}

/// What a pass over the output came to.
#[derive(Debug)]
pub struct Reading {
    /// What it says.
    pub answers: Answers,
    /// The lines that are results.
    succeeded: Sections,
    /// The lines of records that Bedrock refused for good.
    failed: Sections,
}

impl Reading {
    /// Takes in a line, given how many bytes the files before its own have.
    fn judge(&mut self, file: usize, bytes_before: u64, line: &Line<'_>) {
        let bytes_before = bytes_before + line.byte;
        let place = Place { file, byte: line.byte, line: self.answers.verdicts().len() };
        let bytes = line.bytes.unwrap_or_default();
        let line_bytes = bytes.len() as u64 + 1;
        match self.answers.judge(bytes) {
            LineVerdict::Answered(Answer::Succeeded) => self.succeeded.add(place, bytes_before, line_bytes),
            LineVerdict::Answered(Answer::Failed) => self.failed.add(place, bytes_before, line_bytes),
            LineVerdict::Answered(Answer::Retryable) | LineVerdict::Repeated | LineVerdict::Unreadable => {}
        }
    }
}

impl<'a> JobFiles<'a> {
    /// Lists what Bedrock wrote for the job with this ARN. It also leaves other files, such as its write
    /// probe.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn list(
        store: &'a Store,
        job_id: &JobId,
        job_arn: &str,
        max_input_line_bytes: usize,
    ) -> Result<Self, Error> {
        let keys = store.list(&keys::bedrock_output_folder(job_id, job_arn)).await?;
        let manifest = keys.iter().find(|key| key.ends_with("/manifest.json.out")).cloned();
        let records = keys.into_iter().filter(|key| key.ends_with(".jsonl.out")).collect();
        let output = OutputFiles { records, manifest };
        let (input, section_limits) = (keys::job_input(job_id), SectionLimits::default());
        Ok(Self { store, input, output, max_input_line_bytes, section_limits })
    }

    /// The same, with other bounds for the sections of results.
    #[must_use]
    pub fn with_section_limits(self, section_limits: SectionLimits) -> Self {
        Self { section_limits, ..self }
    }

    /// The output echoes the input, in which a JSON writer may have escaped every character, and answers.
    fn max_output_line_bytes(&self) -> usize {
        4 * self.max_input_line_bytes + (16 << 20)
    }

    /// Reads the manifest; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn manifest(&self) -> Result<Option<Manifest>, Error> {
        match &self.output.manifest {
            None => Ok(None),
            Some(key) => Ok(self.store.get(key).await?.map(|(bytes, _)| Manifest::parse(&bytes))),
        }
    }

    /// Reads all of the output of a job that has `records` records of a drop.
    ///
    /// # Errors
    /// [`Error::Call`]; [`Error::OutOfTime`].
    pub async fn read(&self, drop_id: &DropId, records: u64, by: &Invocation) -> Result<Reading, Error> {
        let answers = Answers::with_capacity(drop_id.record_hasher(), records);
        let sections = || Sections::new(self.section_limits);
        let mut reading = Reading { answers, succeeded: sections(), failed: sections() };
        let mut bytes_before = 0;
        for (file, key) in self.output.records.iter().enumerate() {
            let mut reader = self.store.read(key).await?;
            let file_bytes = reader.bytes();
            let mut lines = LineSplitter::new(self.max_output_line_bytes());
            let mut judge = |line: Line<'_>| {
                reading.judge(file, bytes_before, &line);
                Ok::<(), Error>(())
            };
            while let Some(chunk) = reader.next().await? {
                lines.feed(&chunk, &mut judge)?;
                in_time(by, key)?;
            }
            let unreadable = reading.answers.unreadable();
            lines.finish(|line| {
                reading.judge(file, bytes_before, &line);
                Ok::<(), Error>(())
            })?;
            // Only a last line without a newline is left to `finish`.
            reading.answers.forgive_cut_line(unreadable);
            bytes_before += file_bytes;
        }
        Ok(reading)
    }

    /// Reads the job's input and counts its records by what the output says of them.
    ///
    /// # Errors
    /// [`Error::Call`]; [`Error::OutOfTime`]; [`Error::Internal`] if the input is not what was put there.
    pub async fn match_input(&self, answers: &Answers, by: &Invocation) -> Result<Matched, Error> {
        let mut matched = Matched::default();
        let mut records = InputReader::default();
        let reader = self.store.read(&self.input).await?;
        each_line(reader, self.max_input_line_bytes, |line| {
            if line.number.is_multiple_of(LINES_PER_LOOK) {
                in_time(by, &self.input)?;
            }
            answers.match_record(&self.record_id(&mut records, &line)?, &mut matched);
            Ok(())
        })
        .await?;
        Ok(matched)
    }

    /// Writes `succeeded` and `errors`. Without an error the results are a copy of the output, made by S3.
    ///
    /// # Errors
    /// [`Error::Call`]; [`Error::Internal`] if the output is not what was read.
    pub async fn write_results(&self, read: &Reading, succeeded: &str, errors: &str) -> Result<(), Error> {
        if read.answers.is_empty() {
            return Ok(());
        }
        if let ([key], true) = (self.output.records.as_slice(), read.answers.is_all_success()) {
            return self.store.copy(key, succeeded).await;
        }
        let files: Arc<[String]> = self.output.records.as_slice().into();
        let verdicts: Arc<[LineVerdict]> = read.answers.verdicts().into();
        let results =
            [(succeeded, Answer::Succeeded, &read.succeeded), (errors, Answer::Failed, &read.failed)];
        for (to, answer, sections) in results {
            let (store, files, verdicts) = (self.store.clone(), files.clone(), verdicts.clone());
            let max_line_bytes = self.max_output_line_bytes();
            let selection = Selection { store, files, verdicts, answer, max_line_bytes };
            selection.write(sections, to).await?;
        }
        Ok(())
    }

    /// Writes the lines of the input that are still to be processed. If all are, it is a copy of the input,
    /// made by S3.
    ///
    /// # Errors
    /// [`Error::Call`]; [`Error::Internal`] if the input is not what was put there.
    pub async fn write_rest(&self, answers: &Answers, to: &str) -> Result<(), Error> {
        if answers.is_empty() {
            return self.store.copy(&self.input, to).await;
        }
        let mut records = InputReader::default();
        let reader = self.store.read(&self.input).await?;
        rewrite_lines(reader, self.max_input_line_bytes, self.store, to, |line, out| {
            if answers.leaves(&self.record_id(&mut records, &line)?) {
                push_line(out, line.bytes.unwrap_or_default());
            }
            Ok(())
        })
        .await
    }

    fn record_id<'l>(&self, records: &mut InputReader, line: &Line<'l>) -> Result<Cow<'l, str>, Error> {
        let record = line.bytes.and_then(|bytes| records.read(bytes).ok());
        record.and_then(|record| record.record_id).ok_or_else(|| {
            Error::Internal(format!("line {} of {} is no record with an id", line.number, self.input))
        })
    }
}

/// Ends a reading that Lambda would end, with a word about it. Nothing has been recorded, so it begins anew.
fn in_time(by: &Invocation, key: &str) -> Result<(), Error> {
    if by.has_time_at(now(), TIME_FOR_THE_REST) {
        return Ok(());
    }
    Err(Error::OutOfTime(format!(
        "{key} could not be read in time; give the function more memory, and so more processor time"
    )))
}

fn push_line(to: &mut Vec<u8>, line: &[u8]) {
    to.extend_from_slice(line);
    to.push(b'\n');
}
