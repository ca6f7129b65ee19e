//! Every S3 key that the pipeline writes; [`hints`](crate::drop::hints) has those of hints. Pure.
//!
//! Keys follow from the ids of drops and jobs, so that a step that runs twice writes the same objects.
//!
//! ```text
//! ledger/drops/<drop-id>/drop.json        entry of a drop
//! ledger/drops/<drop-id>/plan-<id>/…      the parts of a large drop, in pages
//! ledger/drops/<drop-id>/tallies/…        what became of each page
//! ledger/jobs/<job-id>.json               entry of a job
//! ledger/open/<time>-<drop-id>.drop       marker: this drop is not done
//! ledger/open/<time>-<drop-id>.cancel     marker: this drop is being cancelled
//! ledger/open/<time>-<drop-id>.erase      marker: this drop is being erased
//! ledger/open/<time>-<drop-id>-<page>-<job-id>.job   marker: this job is not done
//! ledger/waiting/<model>/<time>-<job-id>.json           hint: this job waits for a slot
//! ledger/waiting/<model>/by-route/<route-id>/…          hints of the jobs of a route
//! ledger/waiting/<model>/refused/<time>-<job-id>.json   hint: this job waits until an operator has fixed something
//! ledger/routes.json                      the routes in force
//! ledger/budgets/<day>/<budget>/<nn>.json how much of a sixteenth of a day's budget is reserved, and for which drops
//! ledger/contents/<hash>.json             which drop had this key and content last
//! ledger/sweep.json                       how far the sweep has compared the input bucket with the ledger
//! work/<job-id>/input/<job-id>.jsonl      what Bedrock reads
//! work/<job-id>/output/<bedrock-id>/…     what Bedrock writes
//! results/<key of the drop>/<drop-id>/    what the user came for
//! index/<day>/<time>-<drop-id>/<key of the drop>   the drops of a day
//! config/routes.json                      which drops have other settings than the stack's, as an administrator says
//! config/in-force.json                    which of that is in force, for people
//! requests/approve/<drop-id>              an operator asks for this held drop to be submitted
//! requests/cancel/<drop-id>               an operator asks for this drop to be cancelled
//! requests/erase/<drop-id>                an operator asks for this drop to be erased
//! ```
//!
//! Objects under `work/` expire. Objects under `ledger/` do not: an entry that is missing is an error. Only a hint may
//! be missing, and what is below `ledger/budgets/` and `ledger/contents/` expires once it decides nothing any more.

use crate::base::arn;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::{DropId, JobId, RouteId, digest_hex};
use crate::drop::source::DropSource;

/// The longest key of a drop that is part of its results' keys as a whole. S3 keys have at most 1,024 bytes
/// of UTF-8; the other bytes are for `results/`, the drop-id and the longest file name.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html> (read 2026-11)
const MAX_KEY_BYTES_IN_RESULTS: usize = 900;

/// Returns the key of a drop's ledger entry.
#[must_use]
pub fn drop_entry(drop_id: &DropId) -> String {
    format!("{}drop.json", drop_folder(drop_id))
}

/// Returns the folder of a drop's entry, and of everything else that the ledger has of the drop itself.
#[must_use]
pub fn drop_folder(drop_id: &DropId) -> String {
    format!("ledger/drops/{drop_id}/")
}

/// Returns the key of a page of a drop's plan; pages are counted from 1. Each plan has an id of its own: two invocations
/// may plan the same drop with different settings, and only one plan is accepted.
#[must_use]
pub fn plan_page(drop_id: &DropId, plan_id: &str, page: u32) -> String {
    format!("ledger/drops/{drop_id}/plan-{plan_id}/{page:05}.json")
}

/// Returns the prefix of the tallies of a drop's pages.
#[must_use]
pub fn tallies(drop_id: &DropId) -> String {
    format!("ledger/drops/{drop_id}/tallies/")
}

/// Returns the key of the tally of a page, which is counted from 1.
#[must_use]
pub fn tally(drop_id: &DropId, page: u32) -> String {
    format!("{}{page:05}.json", tallies(drop_id))
}

/// Returns the key of a job's ledger entry.
#[must_use]
pub fn job_entry(job_id: &JobId) -> String {
    format!("ledger/jobs/{job_id}.json")
}

/// The prefix of what Bedrock reads and writes for jobs.
pub const WORK_PREFIX: &str = "work/";

/// Returns the folder of what Bedrock reads and writes for a job.
#[must_use]
pub fn work_folder(job_id: &JobId) -> String {
    format!("{WORK_PREFIX}{job_id}/")
}

/// Returns the key of the file that Bedrock reads for a job. Bedrock's pattern for URIs accepts it, whatever
/// the user's key is.
#[must_use]
pub fn job_input(job_id: &JobId) -> String {
    format!("work/{job_id}/input/{job_id}.jsonl")
}

/// Returns the prefix under which Bedrock writes, in a folder named after its own id of the job.
#[must_use]
pub fn job_output_prefix(job_id: &JobId) -> String {
    format!("work/{job_id}/output/")
}

/// Returns the folder in which Bedrock wrote for the job with this ARN.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
#[must_use]
pub fn bedrock_output_folder(job_id: &JobId, job_arn: &str) -> String {
    format!("{}{}/", job_output_prefix(job_id), arn::id_of(job_arn))
}

/// The key of the entry that says how far the sweep has compared the input bucket with the ledger.
pub const SWEEP_ENTRY: &str = "ledger/sweep.json";

/// The key of the file in which an administrator says which drops have other settings than the stack's.
pub const ROUTES_FILE: &str = "config/routes.json";

/// The key of the object that shows people which routes are in force.
pub const ROUTES_IN_FORCE: &str = "config/in-force.json";

/// The key of the entry of the routes in force.
pub const ROUTES_ENTRY: &str = "ledger/routes.json";

/// Returns the key of the entry that says how much of a sixteenth of a budget is reserved on a day. The budget is that of the
/// route with this prefix, or that of the stack.
#[must_use]
pub fn budget_shard(day: &str, route: Option<&str>, shard: u8) -> String {
    let budget = route.map_or_else(|| "stack".to_owned(), |prefix| RouteId::derive(prefix).to_string());
    format!("ledger/budgets/{day}/{budget}/{shard:02}.json")
}

/// Returns the key of the entry that says which drop had this key, `ETag`, and size last.
#[must_use]
pub fn contents(source: &DropSource) -> String {
    let DropSource { bucket, key, etag, size_bytes, .. } = source;
    format!("ledger/contents/{}.json", digest_hex(&[bucket, key, etag, &size_bytes.to_string()]))
}

/// The prefix of the markers, which are the list of open work. The oldest drop comes first.
pub const OPEN_PREFIX: &str = "ledger/open/";

/// Returns the key of an open drop's marker; `time` is when the drop was put.
#[must_use]
pub fn drop_marker(time: Timestamp, drop_id: &DropId) -> String {
    format!("{OPEN_PREFIX}{}-{drop_id}.drop", time.compact())
}

/// Returns the key of the marker of a drop that is being cancelled; `time` is when the drop was put.
#[must_use]
pub fn cancel_marker(time: Timestamp, drop_id: &DropId) -> String {
    format!("{OPEN_PREFIX}{}-{drop_id}.cancel", time.compact())
}

/// Returns the key of the marker of a drop that is being erased; `time` is when the drop was put.
#[must_use]
pub fn erase_marker(time: Timestamp, drop_id: &DropId) -> String {
    format!("{OPEN_PREFIX}{}-{drop_id}.erase", time.compact())
}

/// Returns the prefix of the markers of all jobs of a drop; `time` is when the drop was put.
#[must_use]
pub fn all_job_markers(time: Timestamp, drop_id: &DropId) -> String {
    format!("{OPEN_PREFIX}{}-{drop_id}-", time.compact())
}

/// Returns the prefix of the markers of those jobs of a drop whose parts are on one page of its plan; `time` is when the
/// drop was put.
#[must_use]
pub fn job_markers(time: Timestamp, drop_id: &DropId, page: u32) -> String {
    format!("{}{page:05}-", all_job_markers(time, drop_id))
}

/// Returns the key of an open job's marker.
#[must_use]
pub fn job_marker(time: Timestamp, drop_id: &DropId, page: u32, job_id: &JobId) -> String {
    format!("{}{job_id}.job", job_markers(time, drop_id, page))
}

/// What a marker stands for: something that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// A drop.
    Drop(DropId),
    /// A job.
    Job(JobId),
    /// The cancellation of a drop.
    Cancellation(DropId),
    /// The erasure of a drop.
    Erasure(DropId),
}

/// Parses the key of a marker; `None` if the key is not one of a marker. The first release named the marker of a job
/// `<time>-<job-id>.job`.
#[must_use]
pub fn parse_marker(key: &str) -> Option<Open> {
    let (_, ids_and_kind) = key.strip_prefix(OPEN_PREFIX)?.split_once('-')?;
    let (ids, kind) = ids_and_kind.split_once('.')?;
    let id = ids.rsplit('-').next()?;
    match kind {
        "drop" => DropId::parse(id).map(Open::Drop),
        "job" => JobId::parse(id).map(Open::Job),
        "cancel" => DropId::parse(id).map(Open::Cancellation),
        "erase" => DropId::parse(id).map(Open::Erasure),
        _ => None,
    }
}

/// Returns the drop of the job that a marker stands for; `None` if the key does not say it, as in the first release.
#[must_use]
pub fn drop_of_job_marker(key: &str) -> Option<DropId> {
    let (_, ids) = key.strip_prefix(OPEN_PREFIX)?.strip_suffix(".job")?.split_once('-')?;
    DropId::parse(ids.split_once('-')?.0)
}

/// The prefix of what operators ask for.
pub const REQUESTS_PREFIX: &str = "requests/";

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To submit a drop that is held.
    Approve(DropId),
    /// To cancel a drop.
    Cancel(DropId),
    /// To erase a drop.
    Erase(DropId),
}

/// Returns the key whose object asks for something. What the object contains does not matter.
#[must_use]
pub fn request(request: &Request) -> String {
    match request {
        Request::Approve(drop_id) => format!("{REQUESTS_PREFIX}approve/{drop_id}"),
        Request::Cancel(drop_id) => format!("{REQUESTS_PREFIX}cancel/{drop_id}"),
        Request::Erase(drop_id) => format!("{REQUESTS_PREFIX}erase/{drop_id}"),
    }
}

/// Parses the key of a request; `None` if the key asks for nothing.
#[must_use]
pub fn parse_request(key: &str) -> Option<Request> {
    match key.strip_prefix(REQUESTS_PREFIX)?.split_once('/')? {
        ("approve", id) => DropId::parse(id).map(Request::Approve),
        ("cancel", id) => DropId::parse(id).map(Request::Cancel),
        ("erase", id) => DropId::parse(id).map(Request::Erase),
        _ => None,
    }
}

/// Returns the folder of a drop's results, with its `/`. A key that is too long to be part of another key is
/// truncated at a character boundary; the drop-id keeps the folders distinct.
#[must_use]
pub fn results_folder(key: &str, drop_id: &DropId) -> String {
    format!("{}{drop_id}/", results_of(key))
}

/// Returns the folder of the results of all drops with this key, with its `/`. Other drops may be in folders below it.
#[must_use]
pub fn results_of(key: &str) -> String {
    format!("results/{}/", truncated(key))
}

fn truncated(key: &str) -> &str {
    let mut end = key.len().min(MAX_KEY_BYTES_IN_RESULTS);
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    key.split_at(end).0
}

/// Returns the key of a drop in the index of the day on which it was put, in UTC: `index/2026-11-23/`. One list of a day
/// names its drops in order. `time` is when the drop was put.
#[must_use]
pub fn index(key: &str, time: Timestamp, drop_id: &DropId) -> String {
    format!("{}-{drop_id}/{}", index_from(time), truncated(key))
}

/// Returns the start of the keys in the index of all drops that were put at this time. Those of later drops come after it.
#[must_use]
pub fn index_from(time: Timestamp) -> String {
    format!("{INDEX_PREFIX}{}/{}", time.day(), time.compact())
}

/// The prefix of the index, which has a folder for each day.
pub const INDEX_PREFIX: &str = "index/";

/// What a key in the index says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// When the drop was put.
    pub time: Timestamp,
    /// The drop.
    pub drop_id: DropId,
    /// Its key, as long as it is in the keys of its results.
    pub key: String,
}

/// Parses a key of the index; `None` if it is another key.
#[must_use]
pub fn parse_index(key: &str) -> Option<Indexed> {
    let (_, rest) = key.strip_prefix(INDEX_PREFIX)?.split_once('/')?;
    let (time_and_id, key) = rest.split_once('/')?;
    let (time, drop_id) = time_and_id.split_once('-')?;
    let time = Timestamp::parse_compact(time)?;
    Some(Indexed { time, drop_id: DropId::parse(drop_id)?, key: key.to_owned() })
}

/// The kinds of files in a drop's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    /// Records with the model's output, as Bedrock wrote them.
    Succeeded,
    /// Records that Bedrock refused for a reason that will not change.
    Errors,
    /// Input lines that were never processed, ready to be dropped again.
    Unprocessed,
}

impl ResultKind {
    const ALL: [Self; 3] = [Self::Succeeded, Self::Errors, Self::Unprocessed];

    /// Returns the folder's name.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Errors => "errors",
            Self::Unprocessed => "unprocessed",
        }
    }
}

/// Returns the key of the result file of one kind, part and attempt. Parts and attempts are counted from 1.
#[must_use]
pub fn result_file(key: &str, drop_id: &DropId, kind: ResultKind, part: u32, attempt: u32) -> String {
    format!("{}{}", results_folder(key, drop_id), result_name(kind, part, attempt))
}

/// Returns the name of such a file within the folder of the drop's results.
#[must_use]
pub fn result_name(kind: ResultKind, part: u32, attempt: u32) -> String {
    let attempt = if attempt > 1 { format!(".attempt-{attempt}") } else { String::new() };
    format!("{}/part-{part:05}{attempt}.jsonl", kind.folder())
}

/// Returns whether an object with this name in the folder of a drop's results belongs to that drop. The key of another drop
/// may start like the folder, and then has its results there, in a folder that is named after its id.
#[must_use]
pub fn is_result_name(name: &str) -> bool {
    match name.split_once('/') {
        None => true,
        Some((folder, file)) => {
            ResultKind::ALL.iter().any(|kind| kind.folder() == folder) && !file.contains('/')
        }
    }
}

/// Returns the key of the file that says where the drop stands.
#[must_use]
pub fn status(key: &str, drop_id: &DropId) -> String {
    format!("{}status.json", results_folder(key, drop_id))
}

/// Returns the key of the summary: counts, tokens and jobs. It is written last.
#[must_use]
pub fn summary(key: &str, drop_id: &DropId) -> String {
    format!("{}summary.json", results_folder(key, drop_id))
}

/// Returns the key of the page that says the same as the summary or the rejection, for people.
#[must_use]
pub fn report(key: &str, drop_id: &DropId) -> String {
    format!("{}report.html", results_folder(key, drop_id))
}

/// Returns the key of the report on a rejected drop. It is among the results because that is where users
/// look, and what they may read.
#[must_use]
pub fn rejection(key: &str, drop_id: &DropId) -> String {
    format!("{}rejection.json", results_folder(key, drop_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bedrock_folder_is_named_after_the_end_of_the_arn() {
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
    fn results_of_another_drop_in_the_folder_are_told_apart() {
        let (id, other) = ["a", "b"].map(|digit| DropId::parse(&digit.repeat(32)).unwrap()).into();
        let folder = results_folder("in/a.jsonl", &id);
        let name = |key: &str| key.strip_prefix(&folder).map(str::to_owned).unwrap();
        let kinds = ResultKind::ALL.map(|kind| result_file("in/a.jsonl", &id, kind, 7, 2));
        let files = [status, summary, report, rejection].map(|file| file("in/a.jsonl", &id));
        for own in kinds.iter().chain(&files) {
            assert!(is_result_name(&name(own)), "{own}");
        }
        for end in ["", "/", "/b.jsonl", "/succeeded", "/succeeded/", "/errors/part-00001.jsonl", "//"] {
            let key = format!("in/a.jsonl/{id}{end}");
            let kinds = ResultKind::ALL.map(|kind| result_file(&key, &other, kind, 1, 1));
            let files = [status, summary, report, rejection].map(|file| file(&key, &other));
            for foreign in kinds.iter().chain(&files) {
                assert!(!is_result_name(&name(foreign)), "{foreign}");
            }
        }
    }

    #[test]
    fn marker_says_what_is_open_and_sorts_by_time() {
        let (drop_id, job_id) =
            (DropId::parse(&"a".repeat(32)).unwrap(), JobId::parse(&"0".repeat(32)).unwrap());
        let old = drop_marker(Timestamp::from_secs(0), &drop_id);
        let new = job_marker(Timestamp::from_secs(1_000_000_000), &drop_id, 1, &job_id);
        let first_release = format!("ledger/open/20260101T000000Z-{job_id}.job");
        assert_eq!(parse_marker(&first_release), Some(Open::Job(job_id.clone())));
        assert!(old < new);
        assert_eq!(drop_of_job_marker(&new), Some(drop_id.clone()));
        assert_eq!([&old, &first_release].map(|key| drop_of_job_marker(key)), [None, None]);
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

    #[test]
    fn index_says_what_was_put_when() {
        let drop_id = DropId::parse(&"a".repeat(32)).unwrap();
        let time = Timestamp::from_secs(1_795_446_300);
        for drop in ["a.jsonl", "a/b//c.jsonl", "/", "\u{1b}[2J\n"] {
            let key = index(drop, time, &drop_id);
            let expected = Indexed { time, drop_id: drop_id.clone(), key: drop.into() };
            assert_eq!(parse_index(&key), Some(expected), "{key}");
        }
        for other in
            ["", "index/", "index/2026-11-23/", "index/2026-11-23/20261123T150500Z-a/b", "results/a/b/c"]
        {
            assert_eq!(parse_index(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn result_keys_fit_in_a_key(key in "\\PC{1,1024}") {
            let id = DropId::parse(&"0".repeat(32)).unwrap();
            let file = result_file(&key, &id, ResultKind::Unprocessed, u32::MAX, u32::MAX);
            let index = index(&key, Timestamp::from_secs(0), &id);
            prop_assert!(file.len() <= 1024 && index.len() <= 1024);
        }

        /// The template lets a reader of a route read what is below `results/` and their tag, which has at most 256 characters.
        #[test]
        fn results_below_a_prefix_are_of_its_keys_and_of_the_file_that_is_called_like_it(
            key in "[ab/]{1,5}x{0,1100}",
            tag in "[ab/]{1,5}/",
        ) {
            let id = DropId::parse(&"0".repeat(32)).unwrap();
            let is_open = summary(&key, &id).starts_with(&format!("results/{tag}"));
            prop_assert_eq!(is_open, key.starts_with(&tag) || format!("{key}/") == tag);
        }
    }
}
