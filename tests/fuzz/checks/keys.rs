//! Every key fits in S3, and says again what it was made from.

use bedrock_vpc_batch::base::s3_uri::{S3Uri, decode_notification_key};
use bedrock_vpc_batch::base::timestamp::Timestamp;
use bedrock_vpc_batch::drop::hints::{self, Hint};
use bedrock_vpc_batch::drop::identity::{DropId, JobId, RouteId, job_name};
use bedrock_vpc_batch::drop::keys::{self, Open, ResultKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::take_byte;

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html> (read 2026-11)
const MAX_KEY_BYTES: usize = 1_024;

/// The seconds of the years 0 to 9999, which are all that a timestamp's text can say.
const FIRST_SECOND: i64 = -62_167_219_200;
const SECONDS: u64 = 253_402_300_800 + 62_167_219_200;

/// The data is two times, the numbers of a part and of an attempt, and a key.
pub(crate) fn check(mut data: &[u8]) {
    let [first, second] = [(); 2].map(|()| take_time(&mut data));
    let [part, attempt] = [(); 2].map(|()| take_number(&mut data).max(1));
    let text = String::from_utf8_lossy(data);
    check_any_key(&text);
    let drop_id = DropId::parse(&format!("{part:032x}")).expect("these are 32 hex digits");
    let job_id = JobId::derive(&drop_id, part, attempt);
    check_markers([first, second], &drop_id, part, &job_id);
    check_hints(&text, [first, second], &job_id);
    check_names(&job_id, &text);
    assert_eq!(keys::drop_entry(&drop_id), format!("ledger/drops/{}/drop.json", drop_id.as_str()));
    assert_eq!(keys::job_entry(&job_id), format!("ledger/jobs/{}.json", job_id.as_str()));
    assert_eq!(keys::job_input(&job_id), format!("work/{job_id}/input/{job_id}.jsonl"));
    let key = truncated(&text, MAX_KEY_BYTES);
    check_results(key, &drop_id, part, attempt);
    let encoded = utf8_percent_encode(key, NON_ALPHANUMERIC).to_string().replace("%20", "+");
    assert_eq!(decode_notification_key(&encoded).as_deref(), Some(key));
}

fn take_number(data: &mut &[u8]) -> u32 {
    u32::from_le_bytes([(); 4].map(|()| take_byte(data)))
}

fn take_time(data: &mut &[u8]) -> Timestamp {
    let number = u64::from_le_bytes([(); 8].map(|()| take_byte(data)));
    Timestamp::from_secs(FIRST_SECOND.saturating_add_unsigned(number % SECONDS))
}

/// The longest part of a text with at most this many bytes.
fn truncated(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

/// Keys that others wrote are either what ours look like, or nothing.
fn check_any_key(key: &str) {
    let Some(open) = keys::parse_marker(key) else { return };
    let (id, kind, is_id) = match &open {
        Open::Drop(id) => (id.as_str(), "drop", DropId::parse(id.as_str()).is_some()),
        Open::Cancellation(id) => (id.as_str(), "cancel", DropId::parse(id.as_str()).is_some()),
        Open::Erasure(id) => (id.as_str(), "erase", DropId::parse(id.as_str()).is_some()),
        Open::Job(id) => (id.as_str(), "job", JobId::parse(id.as_str()).is_some()),
    };
    assert!(is_id);
    assert!(key.starts_with(keys::OPEN_PREFIX) && key.ends_with(&format!("-{id}.{kind}")), "{key:?}");
}

fn check_markers(times: [Timestamp; 2], drop_id: &DropId, page: u32, job_id: &JobId) {
    let [first, second] = times.map(|time| {
        let (drop, job) = (keys::drop_marker(time, drop_id), keys::job_marker(time, drop_id, page, job_id));
        assert_eq!(keys::parse_marker(&drop), Some(Open::Drop(drop_id.clone())));
        let cancel = keys::cancel_marker(time, drop_id);
        assert_eq!(keys::parse_marker(&cancel), Some(Open::Cancellation(drop_id.clone())));
        let erase = keys::erase_marker(time, drop_id);
        assert_eq!(keys::parse_marker(&erase), Some(Open::Erasure(drop_id.clone())));
        let of_jobs = keys::all_job_markers(time, drop_id);
        assert!(job.starts_with(&of_jobs) && !cancel.starts_with(&of_jobs) && !erase.starts_with(&of_jobs));
        assert_eq!(keys::parse_marker(&job), Some(Open::Job(job_id.clone())));
        assert!(job.starts_with(&keys::job_markers(time, drop_id, page)));
        drop
    });
    assert_eq!(first.cmp(&second), times[0].cmp(&times[1]), "the oldest marker is listed first");
}

/// A hint names its job whatever the model is called, and refused jobs come after the others.
fn check_hints(model_id: &str, times: [Timestamp; 2], job_id: &JobId) {
    let route = RouteId::derive(model_id);
    let [waiting, of_route, refused] =
        [(None, false), (Some(route), false), (None, true)].map(|(route, is_refused)| {
            times.map(|time| {
                let key = hints::key(model_id, route.as_ref(), time, job_id, is_refused);
                let hint = Hint { job_id: job_id.clone(), route: route.clone(), is_refused };
                assert_eq!(hints::parse(&key), Some(hint), "{key:?}");
                assert!(key.starts_with(&hints::of_model(model_id)) && key.len() <= MAX_KEY_BYTES, "{key:?}");
                key
            })
        });
    assert_eq!(waiting[0].cmp(&waiting[1]), times[0].cmp(&times[1]), "the oldest hint is listed first");
    let is_before =
        |some: &[String], others: &[String]| some.iter().all(|one| others.iter().all(|other| one < other));
    assert!(is_before(&waiting, &of_route) && is_before(&of_route, &refused));
}

/// A job is found by its name, and an object by its URI.
fn check_names(job_id: &JobId, text: &str) {
    assert_eq!(JobId::from_job_name(text, &job_name(text, job_id)).as_ref(), Some(job_id));
    if let Some(other) = JobId::from_job_name("demo", text) {
        assert_eq!(job_name("demo", &other), text);
    }
    let uri = S3Uri::new("bucket", text);
    assert_eq!(S3Uri::parse(&uri.to_string()), Some(uri));
    if let Some(uri) = S3Uri::parse(text) {
        assert_eq!(uri.to_string(), text);
    }
}

fn check_results(key: &str, drop_id: &DropId, part: u32, attempt: u32) {
    let folder = keys::results_folder(key, drop_id);
    let shown = folder.strip_prefix("results/").and_then(|rest| rest.strip_suffix(&format!("/{drop_id}/")));
    let shown = shown.expect("a folder is named after the key and the drop");
    assert!(key.starts_with(shown), "{folder:?}");
    assert!(shown.len() == key.len() || (897..=900).contains(&shown.len()), "{folder:?}");

    assert_eq!(keys::summary(key, drop_id), format!("{folder}summary.json"));
    assert_eq!(keys::rejection(key, drop_id), format!("{folder}rejection.json"));
    let first = keys::result_file(key, drop_id, ResultKind::Errors, part, 1);
    assert_eq!(first, format!("{folder}errors/part-{part:05}.jsonl"));

    let mut files = vec![keys::summary(key, drop_id), keys::rejection(key, drop_id)];
    for kind in [ResultKind::Succeeded, ResultKind::Errors, ResultKind::Unprocessed] {
        for (part, attempt) in
            [(part, attempt), (part, attempt.wrapping_add(1)), (part.wrapping_add(1), attempt)]
        {
            files.push(keys::result_file(key, drop_id, kind, part, attempt.max(1)));
        }
    }
    for file in &files {
        assert!(file.len() <= MAX_KEY_BYTES && file.starts_with(&folder), "{file:?}");
        assert!(file.strip_prefix(&folder).is_some_and(keys::is_result_name), "{file:?}");
    }
    let count = files.len();
    files.sort();
    files.dedup();
    assert!(files.len() == count || attempt == u32::MAX, "each file has a name of its own: {files:?}");
}
