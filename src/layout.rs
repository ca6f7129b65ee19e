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

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::timestamp::Timestamp;

/// The longest key of a drop that is repeated whole in the keys of its results. S3 keys are at most 1,024
/// bytes of UTF-8; the rest is for `results/`, the drop-id and the longest file name.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html> (read 2026-11)
const MAX_KEY_BYTES_IN_RESULTS: usize = 900;

/// One version of one object that a user put into the input bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropSource {
    /// The input bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version id; none in a bucket without versioning.
    pub version_id: Option<String>,
    /// The `ETag` with its quotes, as S3 returns it.
    pub etag: String,
    /// When this version was put.
    pub last_modified: Timestamp,
    /// Its size in bytes.
    pub size_bytes: u64,
}

impl DropSource {
    /// All of its bytes.
    #[must_use]
    pub fn whole(&self) -> Range<u64> {
        0..self.size_bytes
    }
}

#[cfg(test)]
impl DropSource {
    /// One for unit tests to which it does not matter.
    pub(crate) fn example() -> Self {
        Self {
            bucket: "in".into(),
            key: "a.jsonl".into(),
            version_id: None,
            etag: "\"e\"".into(),
            last_modified: Timestamp::from_secs(0),
            size_bytes: 1,
        }
    }
}

impl fmt::Display for DropSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Names a drop: 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropId(String);

/// Names one attempt at one part of a drop: 32 hex digits. Also the job's client request token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobId(String);

impl DropId {
    /// Derives the id from bucket, key and version id; without versioning from the `ETag` and the
    /// modification time of the object.
    #[must_use]
    pub fn derive(source: &DropSource) -> Self {
        let modified = source.last_modified.to_string();
        let identity: &[&str] = match &source.version_id {
            Some(version_id) => &[&source.bucket, &source.key, version_id],
            None => &[&source.bucket, &source.key, &source.etag, &modified],
        };
        Self(digest_hex(identity))
    }

    /// Its hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JobId {
    /// Derives the id of an attempt, counted from 1, at a part, counted from 1.
    #[must_use]
    pub fn derive(drop_id: &DropId, part: u32, attempt: u32) -> Self {
        Self(digest_hex(&[&drop_id.0, &part.to_string(), &attempt.to_string()]))
    }

    /// The id in a job name that [`job_name`] made with the same prefix; `None` for any other name.
    #[must_use]
    pub fn from_job_name(prefix: &str, name: &str) -> Option<Self> {
        let id = name.strip_prefix(prefix)?.strip_prefix('-')?;
        is_id(id).then(|| Self(id.to_owned()))
    }

    /// Its hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DropId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first 32 hex digits of SHA-256 over the fields, each with its length before it, so that no two
/// lists of fields read the same.
fn digest_hex(fields: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// `<prefix>-<job-id>`: at most 63 characters for a prefix of at most 30.
#[must_use]
pub fn job_name(prefix: &str, job_id: &JobId) -> String {
    format!("{prefix}-{job_id}")
}

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
    let bedrock_id = job_arn.rsplit('/').next().unwrap_or(job_arn);
    format!("{}{bedrock_id}/", job_output_prefix(job_id))
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
        "drop" if is_id(id) => Some(Open::Drop(DropId(id.to_owned()))),
        "job" if is_id(id) => Some(Open::Job(JobId(id.to_owned()))),
        _ => None,
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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

    fn source(key: &str, version_id: Option<&str>) -> DropSource {
        DropSource {
            bucket: "in".into(),
            key: key.into(),
            version_id: version_id.map(Into::into),
            etag: "\"e\"".into(),
            last_modified: Timestamp::from_secs(0),
            size_bytes: 1,
        }
    }

    #[test]
    fn drop_id_follows_the_version_and_nothing_else() {
        let first = source("a.jsonl", Some("v1"));
        let same = DropSource { etag: "\"other\"".into(), size_bytes: 9, ..first.clone() };
        assert_eq!(DropId::derive(&first), DropId::derive(&same));
        assert_ne!(DropId::derive(&first), DropId::derive(&source("a.jsonl", Some("v2"))));
        assert_ne!(DropId::derive(&first), DropId::derive(&source("b.jsonl", Some("v1"))));
        assert_eq!(DropId::derive(&first).as_str(), "2050a70013d5d720729623d293298b8c");
    }

    #[test]
    fn unversioned_drop_id_follows_etag_and_time() {
        let first = source("a.jsonl", None);
        let later = DropSource { last_modified: Timestamp::from_secs(1), ..first.clone() };
        let other = DropSource { etag: "\"f\"".into(), ..first.clone() };
        assert_ne!(DropId::derive(&first), DropId::derive(&later));
        assert_ne!(DropId::derive(&first), DropId::derive(&other));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        assert_ne!(digest_hex(&["ab", "c"]), digest_hex(&["a", "bc"]));
    }

    #[test]
    fn job_name_gives_the_job_id_back() {
        let id = JobId::derive(&DropId::derive(&source("a.jsonl", Some("v1"))), 1, 1);
        let name = job_name("demo-x", &id);
        assert_eq!(JobId::from_job_name("demo-x", &name), Some(id));
        for other in ["demo", "demo-x-", "demo-x-123", "other-0123456789abcdef0123456789abcdef"] {
            assert_eq!(JobId::from_job_name("demo-x", other), None, "{other}");
        }
    }

    #[test]
    fn bedrock_folder_is_the_end_of_the_arn() {
        let id = JobId("0".repeat(32));
        let arn = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghwxyz";
        assert_eq!(bedrock_output_folder(&id, arn), format!("work/{id}/output/abcdefghwxyz/"));
    }

    #[test]
    fn later_attempts_have_files_of_their_own() {
        let id = DropId("0".repeat(32));
        assert_eq!(
            result_file("in/a.jsonl", &id, ResultKind::Errors, 1, 2),
            format!("results/in/a.jsonl/{id}/errors/part-00001.attempt-2.jsonl")
        );
    }

    #[test]
    fn marker_says_what_it_is_of_and_sorts_by_time() {
        let (drop_id, job_id) = (DropId("a".repeat(32)), JobId("0".repeat(32)));
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
            let id = DropId("0".repeat(32));
            let file = result_file(&key, &id, ResultKind::Unprocessed, u32::MAX, u32::MAX);
            prop_assert!(file.len() <= 1024);
        }
    }
}
