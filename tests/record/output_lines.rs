//! Output lines that no document describes: a record whose answer was paid for is never submitted again.

use aws_sdk_s3::primitives::ByteStream;
use bedrock_vpc_batch::local::bedrock::{Ending, RecordFailure, TerminalStatus};

use crate::support::{World, drop_of};

/// The errors that replace what the first lines of the output say.
const ERRORS: [&str; 8] = [
    r#""error":{"errorCode":400,"errorMessage":null,"expired":null}"#,
    r#""error":"text""#,
    r#""error":["of","another","shape"]"#,
    r#""error":{"errorCode":[503]}"#,
    r#""modelOutput":null,"error":{"errorCode":1e400}"#,
    r#""error":{"errorMessage":"\ud83d"},"\ud83d":0"#,
    r#""error":{"errorCode":503},"modelOutput":{"and":"an output"}"#,
    r#""error":true"#,
];
const ANSWERS: [&str; 4] = [
    r#""modelOutput":{},"error":null"#,
    r#""modelOutput":{},"modelOutput":{}"#,
    r#""modelOutput":"\ud83d""#,
    r#""modelOutput":0,"recordId":null,"new":{"a":1,"a":2}"#,
];

#[tokio::test]
async fn record_with_an_answer_of_any_shape_is_not_submitted_again() {
    let mut world = World::with(&[("MIN_RECORDS_PER_JOB", "1"), ("MAX_ATTEMPTS", "3")]).await;
    let failing = |position| RecordFailure { position, code: 400, message: "no".into() };
    world.stand_in.script(Ending {
        failing: (0..ERRORS.len()).map(failing).collect(),
        ..Ending::new(TerminalStatus::Completed)
    });
    let event = world.put("in/a.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;

    let keys = world.output_keys().await;
    let key = keys.iter().find(|key| key.ends_with(".jsonl.out")).unwrap();
    let mut output = b"\xef\xbb\xbf".to_vec();
    for number in 0..100 {
        let said = ERRORS.iter().chain(&ANSWERS).nth(number).unwrap_or(&r#""modelOutput":"?""#);
        output.extend(format!("{{\"recordId\":\"r{number}\",\"modelInput\":{{}},{said}}}\n").bytes());
    }
    // The last answer is not UTF-8.
    let at = output.iter().rposition(|byte| *byte == b'?').unwrap();
    output[at] = 0xff;
    let put = world.own.put_object().bucket(&world.config.output_bucket).key(key);
    put.body(ByteStream::from(output)).send().await.unwrap();

    world.complete(ended).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 1, "records were submitted again");
    let results = world.results().await;
    let records = results.summary().records;
    assert_eq!((records.succeeded, records.failed, records.unprocessed), (92, 8, 0));
    let errors = results.files.iter().find(|(key, _)| key.contains("/errors/part-")).unwrap().1;
    let errors = std::str::from_utf8(errors).unwrap();
    for error in ERRORS {
        assert!(errors.contains(error), "{error}");
    }
}
