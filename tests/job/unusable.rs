//! Answers that Bedrock counts as successes and nobody can use, and errors: the summary says so, and where they are.

use aws_sdk_s3::primitives::ByteStream;
use bedrock_vpc_batch::job::findings::ErrorGroup;
use bedrock_vpc_batch::job::summary::Place;
use bedrock_vpc_batch::local::bedrock::{Ending, RecordFailure, TerminalStatus};

use crate::support::{Results, World, assert_is_plain, drop_of};

/// How many records each drop has.
const COUNT: usize = 100;

/// Takes a drop of [`COUNT`] records to its results, with other lines than the stand-in's in the output. Those with
/// these numbers have an error.
async fn results_of(failing: &[usize], line: impl Fn(usize) -> String) -> (World, Results) {
    let mut world = World::with(&[("MAX_ATTEMPTS", "1")]).await;
    let failure = |position: &usize| RecordFailure { position: *position, code: 400, message: "no".into() };
    world.stand_in.script(Ending {
        failing: failing.iter().map(failure).collect(),
        message: Some("Some records \u{1b}[2J failed.".into()),
        ..Ending::new(TerminalStatus::Completed)
    });
    let event = world.put("in/a.jsonl", drop_of(COUNT)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    let keys = world.output_keys().await;
    let key = keys.iter().find(|key| key.ends_with(".jsonl.out")).unwrap();
    let output: String = (0..COUNT)
        .map(|number| format!("{{\"recordId\":\"r{number}\",\"modelInput\":{{}},{}}}\n", line(number)))
        .collect();
    let put = world.own.put_object().bucket(&world.config.output_bucket).key(key);
    put.body(ByteStream::from(output.into_bytes())).send().await.unwrap();
    world.complete(ended).await.unwrap();
    let results = world.results().await;
    (world, results)
}

/// The lines of the result file that the summary names.
fn lines_at<'a>(results: &'a Results, places: &[Place]) -> Vec<&'a str> {
    let line = |place: &Place| {
        let (_, file) = results.files.iter().find(|(key, _)| key.ends_with(&place.file)).unwrap();
        let number = usize::try_from(place.line).unwrap();
        std::str::from_utf8(file).unwrap().lines().nth(number - 1).unwrap()
    };
    places.iter().map(line).collect()
}

#[tokio::test]
async fn unusable_answers_are_counted_among_the_succeeded_and_found() {
    let is_failing = |number: usize| number.is_multiple_of(10);
    let failing: Vec<usize> = (0..COUNT).filter(|number| is_failing(*number)).collect();
    let (_world, results) = results_of(&failing, |number| match number {
        _ if is_failing(number) => r#""error":{"errorCode":400,"errorMessage":"no"}"#.to_owned(),
        1 | 99 => r#""modelOutput":{"content":[],"stop_reason":"refusal"}"#.to_owned(),
        _ if number % 2 == 1 => r#""modelOutput":{"content":[],"stop_reason":"max_tokens"}"#.to_owned(),
        _ => r#""modelOutput":{"content":[],"stop_reason":"end_turn"}"#.to_owned(),
    })
    .await;
    let summary = results.summary();
    let records = summary.records;
    assert_eq!((records.succeeded, records.failed, records.unprocessed), (90, 10, 0));
    assert_eq!((records.truncated, records.refused), (48, 2));
    assert!(summary.balanced, "{:?}", summary.mismatches);

    let truncated = lines_at(&results, &summary.unusable.truncated.first);
    assert_eq!((truncated.len(), summary.unusable.truncated.more), (20, 28));
    assert!(truncated.iter().all(|line| line.contains("max_tokens")), "{truncated:?}");
    let refused = lines_at(&results, &summary.unusable.refused.first);
    assert_eq!((refused.len(), summary.unusable.refused.more), (2, 0));
    assert!(refused.iter().all(|line| line.contains("refusal")), "{refused:?}");
}

#[tokio::test]
async fn summary_starts_with_what_went_wrong() {
    let failing: Vec<usize> = (0..40).collect();
    let (world, results) = results_of(&failing, |number| match number {
        0..25 => format!(r#""error":{{"errorCode":400,"errorMessage":"{number}1 tokens > 9"}}"#),
        25..35 => r#""error":{"errorCode":503,"errorMessage":"busy \u001b[2J"}"#.to_owned(),
        35..40 => format!(r#""error":{{"errorMessage":"{}"}}"#, "abcde".get(..number - 34).unwrap()),
        _ => r#""modelOutput":{"stopReason":"end_turn"}"#.to_owned(),
    })
    .await;
    let summary = results.summary();
    let group = |code: Option<&str>, message: &str, count, retryable, numbers: &[usize]| ErrorGroup {
        code: code.map(Into::into),
        message: message.into(),
        count,
        retryable,
        sample_ids: numbers.iter().map(|number| format!("r{number}")).collect(),
    };
    let expected = [
        group(Some("400"), "# tokens > #", 25, false, &[0, 1, 2]),
        group(Some("503"), r"busy \u{1b}[#J", 10, true, &[25, 26, 27]),
        group(None, "a", 1, false, &[35]),
        group(None, "ab", 1, false, &[36]),
        group(None, "abc", 1, false, &[37]),
    ];
    assert_eq!((&summary.largest_errors[..], summary.other_errors), (&expected[..], 2));
    let messages: Vec<_> = summary.messages.iter().map(|said| (said.message.as_str(), said.jobs)).collect();
    assert_eq!(messages, [(r"Some records \u{1b}[2J failed.", 1)]);

    let key = world.output_keys().await.into_iter().find(|key| key.ends_with("/summary.json")).unwrap();
    let json = String::from_utf8(world.read_output(&key).await).unwrap();
    assert_is_plain(&json);
    let first: Vec<_> = ["\"version\"", "\"messages\"", "\"largest_errors\"", "\"drop_id\""]
        .map(|member| json.find(member).unwrap())
        .into();
    assert!(first.is_sorted(), "{json}");
}
