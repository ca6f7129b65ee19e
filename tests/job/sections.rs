//! Results of more than one section.

use bedrock_vpc_batch::aws::job_files::JobFiles;
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::drop::identity::{DropId, JobId};
use bedrock_vpc_batch::drop::keys::bedrock_output_folder;
use bedrock_vpc_batch::job::sections::SectionLimits;
use bedrock_vpc_batch::local::faults::Action;
use bedrock_vpc_batch::local::s3::Fault;

use crate::support::{World, any_drop};

const JOB_ARN: &str = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abc123abc123";
const MEGABYTE: usize = 1_000_000;

/// The output line of a record. Every sixth is about a megabyte long, every fifth has a permanent error, and
/// every 37th has an error that may be tried again.
fn line(number: usize) -> String {
    let text = "é\\n".repeat(number + if number.is_multiple_of(6) { MEGABYTE / 4 } else { 0 });
    let answer = match number {
        number if number.is_multiple_of(37) => r#""error":{"errorCode":503}"#,
        number if number.is_multiple_of(5) => r#""error":{"errorCode":400}"#,
        _ => r#""modelOutput":{"a":1}"#,
    };
    format!(r#"{{"recordId":"{number}","modelInput":{{"a":"{text}"}},{answer}}}"#)
}

fn lines(numbers: impl Iterator<Item = usize>, is_wanted: impl Fn(&str) -> bool) -> String {
    numbers.map(line).filter(|line| is_wanted(line)).map(|line| line + "\n").collect()
}

fn drop_id() -> DropId {
    DropId::derive(&any_drop())
}

fn job_id() -> JobId {
    JobId::derive(&drop_id(), 1, 1)
}

#[tokio::test]
async fn large_results_are_the_lines_of_the_output_even_if_calls_fail() {
    let world = World::new().await;
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    let (job_id, folder) = (job_id(), bedrock_output_folder(&job_id(), JOB_ARN));
    // Two files. The second one does not end with a newline.
    for (name, numbers) in [("1.jsonl.out", 1..400), ("2.jsonl.out", 400..1200)] {
        let mut output = lines(numbers, |_| true);
        if name.starts_with('2') {
            output.pop();
        }
        store.put(&format!("{folder}{name}"), output.into_bytes(), "application/jsonl").await.unwrap();
    }
    let files = JobFiles::list(&store, &job_id, JOB_ARN, 2 * MEGABYTE).await.unwrap();
    let read = files.scan(&drop_id(), 200, &crate::support::invocation()).await.unwrap();
    let expected = [("succeeded", r#""modelOutput":"#), ("errors", r#""errorCode":400"#)]
        .map(|(to, answer)| (to, lines(1..1200, |line| line.contains(answer))));

    let known = world.faults.calls().len();
    world.faults.set(move |call| match (call.operation, call.number % 16) {
        ("UploadPart" | "PutObject", 0) => Action::Refuse { status: 503, code: "SlowDown" },
        ("UploadPart" | "PutObject" | "GetObject", 8) if call.number > known as u64 => Action::LoseAnswer,
        _ => Action::Pass,
    });
    files.write_results(&read, "succeeded", "errors").await.unwrap();
    let calls = world.faults.calls();
    let count = |operation| calls.iter().skip(known).filter(|call| call.operation == operation).count();
    world.faults.set(|_| Action::Pass);
    for (to, lines) in expected {
        assert!(world.read_output(to).await == lines.as_bytes(), "{to}");
    }
    // Parts of 5 MiB, of 200 MB in total; some are sent again.
    assert!(count("UploadPart") > 40, "{calls:?}");
    assert_eq!(count("CreateMultipartUpload"), 2);
}

#[tokio::test]
async fn output_that_changes_after_it_was_read_makes_no_result() {
    let world = World::new().await;
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    let (job_id, key) = (job_id(), format!("{}1.jsonl.out", bedrock_output_folder(&job_id(), JOB_ARN)));
    let put = async |lines: String| store.put(&key, lines.into_bytes(), "application/jsonl").await.unwrap();
    put(lines(4..7, |_| true)).await;
    let files = JobFiles::list(&store, &job_id, JOB_ARN, 2 * MEGABYTE).await.unwrap();
    let read = files.scan(&drop_id(), 200, &crate::support::invocation()).await.unwrap();
    put(lines(4..6, |_| true)).await;
    files.write_results(&read, "succeeded", "errors").await.unwrap_err();
    assert!(!world.output_keys().await.contains(&"succeeded".to_owned()));
}

#[tokio::test]
async fn result_with_lines_far_apart_is_written_even_if_the_output_is_read_slowly() {
    const BYTES_PER_SECOND: u64 = 10_000_000;
    let world = World::with(&[("CALL_TIMEOUT_SECONDS", "1")]).await;
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    let (job_id, folder) = (job_id(), bedrock_output_folder(&job_id(), JOB_ARN));
    // 42 MB in two files. There is an error at the start, in the middle, and at the end. What is between the last two
    // takes 2 s to read: longer than a call may take.
    let line = |number: usize| match number {
        0 | 100 | 209 => format!(r#"{{"recordId":"{number}","error":{{"errorCode":400}}}}"#),
        _ => format!(r#"{{"recordId":"{number}","modelOutput":"{}"}}"#, "x".repeat(200_000)),
    };
    let lines = |numbers: std::ops::Range<usize>| numbers.map(|number| line(number) + "\n");
    for (name, numbers) in [("1.jsonl.out", 0..90), ("2.jsonl.out", 90..210)] {
        let output: String = lines(numbers).collect();
        store.put(&format!("{folder}{name}"), output.into_bytes(), "application/jsonl").await.unwrap();
    }
    let limits = SectionLimits { max_gap_bytes: u64::MAX, max_kept_bytes: 0, ..SectionLimits::default() };
    let write_results = async |limits: SectionLimits| {
        let files = JobFiles::list(&store, &job_id, JOB_ARN, 2 * MEGABYTE).await.unwrap();
        let files = files.with_section_limits(limits);
        let read = files.scan(&drop_id(), 210, &crate::support::invocation()).await.unwrap();
        world.faults.set(|call| match call.operation {
            "GetObject" => Action::Throttle(BYTES_PER_SECOND),
            _ => Action::Pass,
        });
        let written = files.write_results(&read, "succeeded", "errors").await;
        world.faults.set(|_| Action::Pass);
        written
    };
    let known = world.faults.calls().len();
    write_results(limits).await.unwrap();
    let calls = world.faults.calls();
    let count = |operation| calls.iter().skip(known).filter(|call| call.operation == operation).count();
    // The answers: the first file, and in the second one what is before and after the error. Only the 2 MB before it,
    // and what they lack, are read: once for the answers, and all of that file for the errors.
    assert_eq!((count("UploadPartCopy"), count("UploadPart")), (2, 1), "{calls:?}");
    for (to, is_error) in [("succeeded", false), ("errors", true)] {
        let expected: String = lines(0..210).filter(|line| line.contains("errorCode") == is_error).collect();
        assert!(world.read_output(to).await == expected.as_bytes(), "{to}");
    }
}

#[tokio::test]
async fn section_is_not_read_from_a_server_that_ignores_ranges() {
    let world = World::new().await;
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    let (job_id, key) = (job_id(), format!("{}1.jsonl.out", bedrock_output_folder(&job_id(), JOB_ARN)));
    // One longer line before the error, and long lines after it.
    store
        .put(&key, lines([24, 25, 26, 36].into_iter(), |_| true).into_bytes(), "application/jsonl")
        .await
        .unwrap();
    let files = JobFiles::list(&store, &job_id, JOB_ARN, 2 * MEGABYTE).await.unwrap();
    let read = files.scan(&drop_id(), 4, &crate::support::invocation()).await.unwrap();
    world.s3.inject(|request| (request.operation == "GetObject").then_some(Fault::RangeIgnored));
    files.write_results(&read, "succeeded", "errors").await.unwrap_err();
    assert!(!world.output_keys().await.contains(&"errors".to_owned()));
}

#[tokio::test]
async fn long_runs_of_answers_are_copied_and_few_errors_are_kept() {
    let world = World::new().await;
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    let (job_id, folder) = (job_id(), bedrock_output_folder(&job_id(), JOB_ARN));
    let is_error = |number: usize| matches!(number, 0 | 60 | 61 | 140 | 199);
    let line = |number: usize| match is_error(number) {
        true => format!(r#"{{"recordId":"{number}","error":{{"errorCode":400}}}}"#),
        false => format!(r#"{{"recordId":"{number}","modelOutput":"{}"}}"#, "y".repeat(200_000)),
    };
    let output: String = (0..200).map(|number| line(number) + "\n").collect();
    store.put(&format!("{folder}1.jsonl.out"), output.into_bytes(), "application/jsonl").await.unwrap();
    let files = JobFiles::list(&store, &job_id, JOB_ARN, 2 * MEGABYTE).await.unwrap();
    let read = files.scan(&drop_id(), 200, &crate::support::invocation()).await.unwrap();
    let known = world.faults.calls().len();
    files.write_results(&read, "succeeded", "errors").await.unwrap();
    let calls = world.faults.calls();
    let made: Vec<_> = calls.iter().skip(known).map(|call| call.operation).collect();
    let copies = ["UploadPartCopy"; 3];
    let expected =
        [&["CreateMultipartUpload"], &copies[..], &["CompleteMultipartUpload", "PutObject"]].concat();
    assert_eq!(made, expected, "nothing is read again");
    for (to, is_wanted) in [("succeeded", false), ("errors", true)] {
        let wanted = (0..200).filter(|number| is_error(*number) == is_wanted);
        let expected: String = wanted.map(|number| line(number) + "\n").collect();
        assert!(world.read_output(to).await == expected.as_bytes(), "{to}");
    }
}
