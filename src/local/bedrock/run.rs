//! The task of a job, which takes it from Submitted to its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::answer::answer;
use super::ending::{Ending, LieKind, Processed, TerminalStatus};
use super::job::{Counts, JobStatus};
use super::model::Model;
use super::record::{Outcome, Record};
use super::request::CreateRequest;
use super::s3::{INPUT_SUFFIX, InputFile, Location, Storage};
use super::state::Shared;
use crate::local::lock::lock;

/// The name of the object that the service writes to find out whether it may write.
const PROBE: &str = ".write_access_check_file.tmp";

/// The name of the object with the counts.
const MANIFEST: &str = "manifest.json.out";

/// What the task of a job works with.
pub(super) struct Run {
    pub(super) shared: Arc<Shared>,
    pub(super) job_id: String,
    pub(super) request: CreateRequest,
    pub(super) model: Model,
    /// How the job ends, if that was decided when it was created.
    pub(super) ending: Option<Ending>,
    pub(super) stop: watch::Receiver<bool>,
}

/// Why a job does not go on to its planned ending.
enum Interruption {
    /// A person stopped it. The request to stop has already made it Stopping.
    Stopped,
    /// It fails with this message.
    Failed(String),
}

impl From<String> for Interruption {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

/// What validation found.
struct Input {
    files: Vec<InputFile>,
    record_count: usize,
}

impl Run {
    /// Takes the job through its states, and returns when the job has ended.
    pub(super) async fn run(mut self) {
        let mut unfinished = None;
        let ended = match self.stages(&mut unfinished).await {
            Ok(ending) => self.advance(ending.status.into(), ending.message.as_deref()),
            Err(Interruption::Failed(message)) => self.advance(JobStatus::Failed, Some(&message)),
            Err(Interruption::Stopped) => Err(Interruption::Stopped),
        };
        if ended.is_err() {
            self.end_stopping(unfinished).await;
        }
    }

    /// Takes the job to its second-to-last state. `unfinished` holds the input until the results are written.
    async fn stages(&mut self, unfinished: &mut Option<Input>) -> Result<Ending, Interruption> {
        self.stay().await?;
        self.advance(JobStatus::Validating, None)?;
        let input = self.validate().await?;
        let ending = match self.ending.take() {
            Some(ending) => ending,
            None => self.shared.scripted(&self.job_id, input.record_count as u64),
        };
        self.stay().await?;
        self.advance(JobStatus::Scheduled, None)?;
        self.stay().await?;
        if ending.status == TerminalStatus::Expired {
            self.write_results(&input, &ending).await?;
            return Ok(ending);
        }
        self.shared.count(&self.job_id, Counts { total: input.record_count as u64, ..Counts::default() });
        self.advance(JobStatus::InProgress, None)?;
        let input = unfinished.insert(input);
        self.stay().await?;
        if ending.until_stopped {
            // This fails if the stand-in ends.
            let _ = self.stop.wait_for(|stop| *stop).await;
            return Err(Interruption::Stopped);
        }
        self.write_results(input, &ending).await?;
        *unfinished = None;
        if ending.status == TerminalStatus::Stopped {
            self.advance(JobStatus::Stopping, None)?;
            tokio::time::sleep(self.shared.options.pace).await;
        }
        Ok(ending)
    }

    /// Ends a job that a person stopped.
    ///
    /// AWS documents that processed tokens are billed, but not what has been written by then. The stand-in
    /// writes the first half of the output if the job was in progress, and nothing otherwise.
    async fn end_stopping(&mut self, unfinished: Option<Input>) {
        tokio::time::sleep(self.shared.options.pace).await;
        let mut message = None;
        if let Some(input) = unfinished {
            let half = Processed::First(input.record_count / 2);
            let ending = Ending { processed: half, ..Ending::new(TerminalStatus::Stopped) };
            message = self.write_results(&input, &ending).await.err();
        }
        self.shared.advance(&self.job_id, JobStatus::Stopped, message.as_deref());
    }

    /// Keeps the job in its state for the configured pace, unless a person stops it.
    async fn stay(&mut self) -> Result<(), Interruption> {
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => Err(Interruption::Stopped),
            () = tokio::time::sleep(self.shared.options.pace) => Ok(()),
        }
    }

    fn advance(&self, next: JobStatus, message: Option<&str>) -> Result<(), Interruption> {
        if self.shared.advance(&self.job_id, next, message) { Ok(()) } else { Err(Interruption::Stopped) }
    }

    fn storage(&self) -> Storage {
        Storage {
            client: self.shared.options.s3.clone(),
            s3_encryption_key_id: self.request.s3_encryption_key_id.clone(),
        }
    }

    /// Checks what AWS checks before it schedules a job: files, sizes, records, and access, but not the
    /// bodies.
    ///
    /// AWS does not document the messages for an invalid record or an exceeded quota. These are the
    /// stand-in's.
    async fn validate(&self) -> Result<Input, String> {
        let storage = self.storage();
        let quotas = &self.shared.options.quotas;
        let location = Location::parse(&self.request.input_s3_uri);
        let files = storage.input_files(&location).await?;
        if files.is_empty() {
            return Err(format!("No file that ends in {INPUT_SUFFIX} at {}", self.request.input_s3_uri));
        }
        let mut record_count = 0;
        let mut job_bytes = 0;
        for file in &files {
            let uri = format!("s3://{}/{}", file.location.bucket, file.location.key);
            let mut lines = storage.read(&file.location).await?;
            job_bytes += lines.size_bytes;
            quotas.check_sizes(&uri, lines.size_bytes, job_bytes)?;
            let mut number = 0_u64;
            while let Some(line) = lines.next().await? {
                number += 1;
                Record::parse(line)
                    .map_err(|problem| format!("Invalid record at line {number} of {uri}: {problem}"))?;
                record_count += 1;
            }
        }
        quotas.check_record_count(record_count)?;
        let probe = Location::parse(&self.request.output_s3_uri).join(PROBE);
        storage.put(&probe, Vec::new()).await?;
        Ok(Input { files, record_count })
    }

    /// Writes the correct output some time after the job has ended.
    fn write_later(&self, storage: &Storage, location: &Location, output: Vec<Vec<u8>>, pause: Duration) {
        let (storage, location, shared, job_id) =
            (storage.clone(), location.clone(), self.shared.clone(), self.job_id.clone());
        lock(&self.shared.tasks).spawn(async move {
            while !shared.is_over(&job_id) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(pause).await;
            // If this fails, the wrong output stays, as with a lie that is never corrected.
            let _written = storage.write_lines(&location, output).await;
        });
    }

    /// Answers the records, writes what `ending` says, and updates the counters on the way.
    async fn write_results(&self, input: &Input, ending: &Ending) -> Result<(), String> {
        let storage = self.storage();
        let folder = Location::parse(&self.request.output_s3_uri).join(&self.job_id);
        let last = ending.processed.of(input.record_count);
        let mut tally = Tally::new(input.record_count);
        let failing: HashMap<_, _> =
            ending.failing.iter().map(|failure| (failure.position, failure)).collect();
        let mut random = fastrand::Rng::with_seed(self.shared.options.seed);
        let mut position = 0;
        let mut lies_left = ending.lie.map_or(0, |lie| lie.records);
        for file in &input.files {
            let mut output = Vec::new();
            if position < last {
                let mut lines = storage.read(&file.location).await?;
                while position < last
                    && let Some(line) = lines.next().await?
                {
                    let record = Record::parse(line)?;
                    let outcome = match failing.get(&position) {
                        Some(failure) => {
                            Outcome::Error { code: failure.code, message: failure.message.clone() }
                        }
                        None => {
                            let readable = &self.shared.options.s3_location_prefixes;
                            answer(&record, position, &self.model, self.request.invocation_type, readable)
                        }
                    };
                    tally.add(&outcome);
                    if ending.write_output {
                        output.push(record.output_line(position, &outcome));
                    }
                    position += 1;
                    self.shared.count(&self.job_id, tally.counts);
                }
            }
            if ending.write_output {
                // AWS does not promise to keep the order of the input, so the stand-in does not.
                random.shuffle(&mut output);
                let location = folder.join(&format!("{}.out", file.name));
                if let Some(lie) = ending.lie {
                    let lies = lies_left.min(output.len());
                    lies_left -= lies;
                    let untrue = untrue(&output, lie.kind, lies);
                    if let Some(pause) = lie.truth_after {
                        self.write_later(&storage, &location, output, pause);
                    }
                    output = untrue;
                }
                storage.write_lines(&location, output).await?;
            }
        }
        if ending.write_manifest {
            storage.put(&folder.join(MANIFEST), tally.manifest()).await?;
        }
        Ok(())
    }
}

/// The lines of an output, with the first `count` lines wrong in this way.
fn untrue(output: &[Vec<u8>], kind: LieKind, count: usize) -> Vec<Vec<u8>> {
    let (wrong, right) = output.split_at(count.min(output.len()));
    let wrong = wrong.iter().filter_map(|line| match kind {
        LieKind::Hidden => None,
        LieKind::Garbled => {
            let (half, _) = line.split_at(line.len() / 2);
            Some([half, b"\n"].concat())
        }
        LieKind::Renamed => {
            let line = String::from_utf8_lossy(line);
            Some(line.replacen("{\"recordId\":\"", "{\"recordId\":\"another ", 1).into_bytes())
        }
    });
    wrong.chain(right.iter().cloned()).collect()
}

/// The counts of a job so far.
struct Tally {
    counts: Counts,
    input_tokens: u64,
    output_tokens: u64,
}

impl Tally {
    fn new(record_count: usize) -> Self {
        let counts = Counts { total: record_count as u64, ..Counts::default() };
        Self { counts, input_tokens: 0, output_tokens: 0 }
    }

    fn add(&mut self, outcome: &Outcome) {
        self.counts.processed += 1;
        match outcome {
            Outcome::Answer { input_tokens, output_tokens, .. } => {
                self.counts.success += 1;
                self.input_tokens += input_tokens;
                self.output_tokens += output_tokens;
            }
            Outcome::Error { .. } => self.counts.error += 1,
        }
    }

    fn manifest(&self) -> Vec<u8> {
        let manifest = json!({
            "totalRecordCount": self.counts.total,
            "processedRecordCount": self.counts.processed,
            "successRecordCount": self.counts.success,
            "errorRecordCount": self.counts.error,
            "inputTokenCount": self.input_tokens,
            "outputTokenCount": self.output_tokens,
        });
        manifest.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_manifest_has_the_six_counts() {
        let mut tally = Tally::new(5);
        tally.add(&Outcome::Answer { model_output: json!({}), input_tokens: 7, output_tokens: 3 });
        tally.add(&Outcome::Answer { model_output: json!({}), input_tokens: 1, output_tokens: 0 });
        tally.add(&Outcome::Error { code: 400, message: String::new() });
        assert_eq!(
            serde_json::from_slice::<Value>(&tally.manifest()).unwrap(),
            json!({
                "totalRecordCount": 5,
                "processedRecordCount": 3,
                "successRecordCount": 2,
                "errorRecordCount": 1,
                "inputTokenCount": 8,
                "outputTokenCount": 3,
            })
        );
    }
}
