//! The input and the output of one job, and the result files made from them. All of it is streamed.
//!
//! The input and the output of a job that is over do not change any more. So everything here can be done again, even by
//! two invocations at once, and gives the same objects.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::result_file::{OutputFile, Selection};
use crate::aws::store::lines::{each_line, rewrite_lines};
use crate::aws::store::objects::{JSONL_TYPE, Store};
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys;
use crate::job::answers::{Answers, LineVerdict, Matched};
use crate::job::ending::Manifest;
use crate::job::sections::{Runs, SectionLimits};
use crate::ledger::lease::Invocation;
use crate::record::input::InputReader;
use crate::record::lines::{Line, LineSplitter};
use crate::record::parsed::Answer;

/// How much of the invocation's time is reserved when output is read.
const TIME_FOR_THE_REST: Duration = Duration::from_secs(5);

/// After how many lines of the input the clock is read again.
const LINES_PER_LOOK: u64 = 10_000;

/// The files below a job's output prefix that the pipeline uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFiles {
    /// The keys of the `….jsonl.out` files. A job that failed may not have any.
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

/// The result of one pass over the output.
#[derive(Debug)]
pub struct OutputScan {
    /// What the output says.
    pub answers: Answers,
    /// The files that were read.
    files: Vec<OutputFile>,
    /// The lines with answers.
    succeeded: Runs,
    /// The lines of records that Bedrock refused for good.
    failed: Runs,
    /// These lines themselves, unless there are too many of them.
    errors: Option<Bytes>,
    /// What will be `errors`, while the output is read.
    kept: Option<Vec<u8>>,
    limits: SectionLimits,
}

impl OutputScan {
    fn new(answers: Answers, limits: SectionLimits) -> Self {
        let (succeeded, failed) = (Runs::default(), Runs::default());
        let kept = Some(Vec::new());
        Self { answers, files: Vec::new(), succeeded, failed, errors: None, kept, limits }
    }

    /// Judges a line of the file that was opened last.
    fn judge(&mut self, line: &Line<'_>, lacks_newline: bool) {
        let file = self.files.len().saturating_sub(1);
        let bytes = line.bytes.unwrap_or_default();
        let end = line.byte + bytes.len() as u64 + u64::from(!lacks_newline);
        match self.answers.judge(bytes) {
            LineVerdict::Answered(Answer::Succeeded) => {
                self.succeeded.add(file, line.byte..end, lacks_newline);
            }
            LineVerdict::Answered(Answer::Failed) => {
                self.failed.add(file, line.byte..end, lacks_newline);
                self.keep(bytes);
            }
            LineVerdict::Answered(Answer::Retryable) | LineVerdict::Repeated | LineVerdict::Unreadable => {}
        }
    }

    fn keep(&mut self, line: &[u8]) {
        let Some(kept) = &mut self.kept else { return };
        let (length, most) = (kept.len() + line.len() + 1, self.limits.max_kept_bytes);
        if length > most {
            self.kept = None;
            return;
        }
        if length > kept.capacity() {
            // Growing by itself, the vector could take twice as much as it may.
            let capacity = length.max(2 * kept.capacity()).min(most);
            kept.reserve_exact(capacity - kept.len());
        }
        push_line(kept, line);
    }
}

impl<'a> JobFiles<'a> {
    /// Lists what Bedrock wrote for the job with this ARN. Other files, such as the one with which Bedrock tests
    /// whether it can write, are left out.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
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

    /// Returns the same files with other limits for sections.
    #[must_use]
    pub fn with_section_limits(self, section_limits: SectionLimits) -> Self {
        Self { section_limits, ..self }
    }

    /// An output line repeats the input, in which a JSON writer may have escaped every character, and adds the answer.
    fn max_output_line_bytes(&self) -> usize {
        4 * self.max_input_line_bytes + (16 << 20)
    }

    /// Reads the manifest; `None` if Bedrock wrote none.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn manifest(&self) -> Result<Option<Manifest>, Error> {
        match &self.output.manifest {
            None => Ok(None),
            Some(key) => Ok(self.store.get(key).await?.map(|(bytes, _)| Manifest::parse(&bytes))),
        }
    }

    /// Reads all of the output of a job that has `records` records of a drop.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, and [`Error::OutOfTime`] if the invocation is about to end.
    pub async fn scan(&self, drop_id: &DropId, records: u64, by: &Invocation) -> Result<OutputScan, Error> {
        let answers = Answers::with_capacity(drop_id.record_hasher(), records);
        let mut scan = OutputScan::new(answers, self.section_limits);
        for key in &self.output.records {
            let mut reader = self.store.read(key).await?;
            scan.files.push(OutputFile { key: key.clone(), etag: reader.etag().map(Into::into) });
            let mut lines = LineSplitter::new(self.max_output_line_bytes());
            let mut judge = |line: Line<'_>| {
                scan.judge(&line, false);
                Ok::<(), Error>(())
            };
            while let Some(chunk) = reader.next().await? {
                lines.feed(&chunk, &mut judge)?;
                in_time(by, key)?;
            }
            let unreadable = scan.answers.unreadable();
            lines.finish(|line| {
                scan.judge(&line, true);
                Ok::<(), Error>(())
            })?;
            // `finish` sees only a last line without a newline.
            scan.answers.forgive_cut_line(unreadable);
        }
        scan.errors = scan.kept.take().map(Bytes::from);
        Ok(scan)
    }

    /// Reads the job's input, and counts its records by what the output says about them.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, [`Error::OutOfTime`] if the invocation is about to end, and
    /// [`Error::Internal`] if the input is not what was put there.
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

    /// Writes the files `succeeded` and `errors`. S3 copies what it can of the answers. The errors are usually few, and
    /// were kept when they were read.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, as it does if the output is not the one that was read.
    pub async fn write_results(&self, scan: &OutputScan, succeeded: &str, errors: &str) -> Result<(), Error> {
        if scan.answers.is_empty() {
            return Ok(());
        }
        if let ([key], true) = (self.output.records.as_slice(), scan.answers.is_all_success()) {
            return self.store.copy(key, succeeded).await;
        }
        let files: Arc<[OutputFile]> = scan.files.as_slice().into();
        Selection::write(self.store, &files, &scan.succeeded, self.section_limits, succeeded).await?;
        match &scan.errors {
            Some(lines) if lines.is_empty() => Ok(()),
            Some(lines) => self.store.put_body(errors, lines.clone().into(), JSONL_TYPE).await,
            None => Selection::write(self.store, &files, &scan.failed, self.section_limits, errors).await,
        }
    }

    /// Writes the input lines of the remaining records. If these are all records, S3 copies the input.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, and [`Error::Internal`] if the input is not what was put there.
    pub async fn write_remaining(&self, answers: &Answers, to: &str) -> Result<(), Error> {
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
            Error::Internal(format!("line {} of {} is not a record with an id", line.number, self.input))
        })
    }
}

/// Ends a reading with an error before Lambda would end it without one. Nothing has been recorded, so the next
/// invocation starts over.
fn in_time(by: &Invocation, key: &str) -> Result<(), Error> {
    if by.has_time_at(now(), TIME_FOR_THE_REST) {
        return Ok(());
    }
    Err(Error::OutOfTime(format!(
        "{key} could not be read in time; give the function more memory, which also gives it more processor time"
    )))
}

fn push_line(to: &mut Vec<u8>, line: &[u8]) {
    to.extend_from_slice(line);
    to.push(b'\n');
}
