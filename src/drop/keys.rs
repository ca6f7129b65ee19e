//! Every name that the pipeline gives: drop-id, job-id, job name, and each S3 key that it writes.
//!
//! Names are derived, never drawn: whatever runs twice names the same thing twice.
//!
//! ```text
//! ledger/drops/<drop-id>/drop.json        entry of a drop
//! ledger/jobs/<job-id>.json               entry of a job
//! ledger/open/<time>-<id>.drop or .job    marker: this drop or job is not done
//! ledger/sweep.json                       how far the sweep has compared the input bucket with the ledger
//! work/<job-id>/input/<job-id>.jsonl      what Bedrock reads
//! work/<job-id>/output/<bedrock-id>/…     what Bedrock writes
//! results/<key of the drop>/<drop-id>/    what the user came for
//! ```
//!
//! What is below `work/` expires, what is below `ledger/` never does: an entry that is missing is an error.

use crate::base::arn;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::{DropId, JobId};

/// The longest key of a drop that is repeated whole in the keys of its results. S3 keys are at most 1,024
/// bytes of UTF-8; the rest is for `results/`, the drop-id and the longest file name.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html> (read 2026-11)
const MAX_KEY_BYTES_IN_RESULTS: usize = 900;

/// The ledger entry of a drop.
#[must_use]
pub fn drop_entry(drop_id: &DropId) -> String {
    format!("ledger/drops/{drop_id}/drop.json")
}

/// The ledger entry of a job.
#[must_use]
pub fn job_entry(job_id: &JobId) -> String {
    format!("ledger/jobs/{job_id}.json")
}

/// What Bedrock reads for a job: a key that its URI pattern accepts, whatever the user's key was.
#[must_use]
pub fn job_input(job_id: &JobId) -> String {
    format!("work/{job_id}/input/{job_id}.jsonl")
}

/// Below this Bedrock writes, in a folder with its own id of the job.
#[must_use]
pub fn job_output_prefix(job_id: &JobId) -> String {
    format!("work/{job_id}/output/")
}

/// The folder that Bedrock made for the job with this ARN.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
#[must_use]
pub fn bedrock_output_folder(job_id: &JobId, job_arn: &str) -> String {
    format!("{}{}/", job_output_prefix(job_id), arn::id_of(job_arn))
}

/// How far the sweep has compared the input bucket with the ledger.
pub const SWEEP_ENTRY: &str = "ledger/sweep.json";

/// Below this is the work list, oldest drop first.
pub const OPEN_PREFIX: &str = "ledger/open/";

/// What the markers of everything that came of a drop put at `time` start with.
#[must_use]
pub fn markers_of(time: Timestamp) -> String {
    format!("{OPEN_PREFIX}{}-", time.compact())
}

/// The marker of an open drop.
#[must_use]
pub fn drop_marker(time: Timestamp, drop_id: &DropId) -> String {
    format!("{}{drop_id}.drop", markers_of(time))
}

/// The marker of an open job; `time` is that of its drop.
#[must_use]
pub fn job_marker(time: Timestamp, job_id: &JobId) -> String {
    format!("{}{job_id}.job", markers_of(time))
}

/// What a marker says is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// A drop.
    Drop(DropId),
    /// A job.
    Job(JobId),
}

/// Reads the key of a marker; `None` if it is none.
#[must_use]
pub fn parse_marker(key: &str) -> Option<Open> {
    let (_, id_and_kind) = key.strip_prefix(OPEN_PREFIX)?.split_once('-')?;
    let (id, kind) = id_and_kind.split_once('.')?;
    match kind {
        "drop" => DropId::parse(id).map(Open::Drop),
        "job" => JobId::parse(id).map(Open::Job),
        _ => None,
    }
}

/// The folder of a drop's results, ending in `/`. A key too long to be part of another key is cut at a
/// character boundary; the drop-id keeps the folders apart.
#[must_use]
pub fn results_folder(key: &str, drop_id: &DropId) -> String {
    let mut end = key.len().min(MAX_KEY_BYTES_IN_RESULTS);
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, _) = key.split_at(end);
    format!("results/{shown}/{drop_id}/")
}

/// The kinds of files in a drop's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    /// Records with their answers, as Bedrock wrote them.
    Succeeded,
    /// Records that Bedrock refused for good.
    Errors,
    /// Input lines that were never processed, ready to be dropped again.
    Unprocessed,
}

impl ResultKind {
    /// The folder's name.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Errors => "errors",
            Self::Unprocessed => "unprocessed",
        }
    }
}

/// The result file of one kind, part and attempt, both counted from 1.
#[must_use]
pub fn result_file(key: &str, drop_id: &DropId, kind: ResultKind, part: u32, attempt: u32) -> String {
    format!("{}{}", results_folder(key, drop_id), result_name(kind, part, attempt))
}

/// The same, relative to the drop's results.
#[must_use]
pub fn result_name(kind: ResultKind, part: u32, attempt: u32) -> String {
    let attempt = if attempt > 1 { format!(".attempt-{attempt}") } else { String::new() };
    format!("{}/part-{part:05}{attempt}.jsonl", kind.folder())
}

/// Counts, tokens, jobs; written last.
#[must_use]
pub fn summary(key: &str, drop_id: &DropId) -> String {
    format!("{}summary.json", results_folder(key, drop_id))
}

/// Why a drop was refused. It is among the results because that is where its user looks, and may read.
#[must_use]
pub fn rejection(key: &str, drop_id: &DropId) -> String {
    format!("{}rejection.json", results_folder(key, drop_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bedrock_folder_is_the_end_of_the_arn() {
        let id = JobId::parse(&"0".repeat(32)).unwrap();
        let arn = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghwxyz";
        assert_eq!(bedrock_output_folder(&id, arn), format!("work/{id}/output/abcdefghwxyz/"));
    }

    #[test]
    fn later_attempts_have_files_of_their_own() {
        let id = DropId::parse(&"0".repeat(32)).unwrap();
        assert_eq!(
            result_file("in/a.jsonl", &id, ResultKind::Errors, 1, 2),
            format!("results/in/a.jsonl/{id}/errors/part-00001.attempt-2.jsonl")
        );
    }

    #[test]
    fn marker_says_what_it_is_of_and_sorts_by_time() {
        let (drop_id, job_id) =
            (DropId::parse(&"a".repeat(32)).unwrap(), JobId::parse(&"0".repeat(32)).unwrap());
        let old = drop_marker(Timestamp::from_secs(0), &drop_id);
        let new = job_marker(Timestamp::from_secs(1_000_000_000), &job_id);
        assert!(old < new);
        assert_eq!(parse_marker(&old), Some(Open::Drop(drop_id)));
        assert_eq!(parse_marker(&new), Some(Open::Job(job_id)));
        for other in [
            "ledger/open/",
            "ledger/open/x",
            "ledger/open/20260101T000000Z-abc.job",
            "open/20260101T000000Z-0.job",
        ] {
            assert_eq!(parse_marker(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn result_keys_fit_in_a_key(key in "\\PC{1,1024}") {
            let id = DropId::parse(&"0".repeat(32)).unwrap();
            let file = result_file(&key, &id, ResultKind::Unprocessed, u32::MAX, u32::MAX);
            prop_assert!(file.len() <= 1024);
        }
    }
}
