//! Each of the five endings, with and without output and manifest: the results are right and no record is
//! lost.

use std::collections::BTreeSet;

use bedrock_vpc_batch::local::bedrock::{Ending, Fault, Operation, Processed, RecordFailure, TerminalStatus};

use crate::support::{World, drop_of, ids};

const COUNT: usize = 120;

/// The ids of the records from number `first` on.
fn from(first: usize) -> BTreeSet<String> {
    (first..COUNT).map(|number| format!("r{number}")).collect()
}

fn failing(positions: &[usize]) -> Vec<RecordFailure> {
    let failure =
        |position: &usize| RecordFailure { position: *position, code: 400, message: "bad request".into() };
    positions.iter().map(failure).collect()
}

#[tokio::test]
async fn every_ending_accounts_for_every_record() {
    use TerminalStatus::{Completed, Expired, Failed, PartiallyCompleted, Stopped};
    let new = Ending::new;
    // The ending, how many of the first records are in the output, and which of them failed.
    let table: Vec<(Ending, usize, Vec<usize>)> = vec![
        (new(Completed), COUNT, vec![]),
        (Ending { failing: failing(&[0, 7, 119]), ..new(Completed) }, COUNT, vec![0, 7, 119]),
        (Ending { write_manifest: false, ..new(Completed) }, COUNT, vec![]),
        (Ending { processed: Processed::First(70), ..new(PartiallyCompleted) }, 70, vec![]),
        (
            Ending {
                processed: Processed::First(70),
                failing: failing(&[3]),
                write_manifest: false,
                ..new(PartiallyCompleted)
            },
            70,
            vec![3],
        ),
        (new(Failed), 0, vec![]),
        (
            Ending {
                processed: Processed::First(5),
                write_output: true,
                write_manifest: true,
                message: Some("Customer doesn't have permissions to invokeModel".into()),
                ..new(Failed)
            },
            5,
            vec![],
        ),
        (Ending { processed: Processed::First(40), ..new(Stopped) }, 40, vec![]),
        (
            Ending { processed: Processed::None, write_output: false, write_manifest: false, ..new(Stopped) },
            0,
            vec![],
        ),
        (Ending { processed: Processed::None, ..new(Stopped) }, 0, vec![]),
        (new(Expired), 0, vec![]),
        (Ending { processed: Processed::None, write_manifest: true, ..new(Expired) }, 0, vec![]),
    ];
    for (ending, processed, failed) in table {
        let what = format!("{ending:?}");
        let mut world = World::with(&[("MAX_ATTEMPTS", "1")]).await;
        let (status, message) = (ending.status, ending.message.clone());
        world.stand_in.script(ending);
        let results = world.run("in/a.jsonl", drop_of(COUNT)).await;

        let failed: BTreeSet<String> = failed.iter().map(|number| format!("r{number}")).collect();
        let succeeded = &(&ids(COUNT) - &from(processed)) - &failed;
        assert_eq!(results.ids(), [succeeded, failed, from(processed)], "{what}");
        let summary = results.summary();
        assert_eq!((summary.records.total, summary.mismatches), (COUNT as u64, vec![]), "{what}");
        assert!(summary.balanced, "{what}");
        let outcome = &summary.jobs[0].outcome;
        assert_eq!(
            (outcome.status.as_str(), &outcome.message),
            (format!("{status:?}").as_str(), &message),
            "{what}"
        );
        assert_eq!(world.markers().await, Vec::<String>::new(), "{what}");
    }
}

#[tokio::test]
async fn unprocessed_lines_are_the_users_own_bytes() {
    let mut world = World::new().await;
    let processed = Processed::First(70);
    world.stand_in.script(Ending { processed, ..Ending::new(TerminalStatus::PartiallyCompleted) });
    let input = drop_of(COUNT);
    let results = world.run("in/a.jsonl", input.clone()).await;

    let lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    let unprocessed = results.files.iter().find(|(key, _)| key.contains("/unprocessed/")).unwrap().1;
    assert_eq!(*unprocessed, lines[70..].concat());
}

#[tokio::test]
async fn records_without_an_id_get_one_that_names_their_line() {
    let mut world = World::new().await;
    let mut input = String::new();
    for number in 0..COUNT {
        let record = crate::support::record(&format!("r{number}"));
        // Every third record has no id. Some have white space, which is kept.
        input.push_str(&match number % 3 {
            0 => format!("  {}\r\n", record.replace(&format!(",\"recordId\":\"r{number}\""), "")),
            _ => format!("{record}\n"),
        });
    }
    world.stand_in.script(Ending { processed: Processed::First(60), ..Ending::new(TerminalStatus::Stopped) });
    let results = world.run("in/a.jsonl", input).await;

    let summary = results.summary();
    let prefix: String = summary.drop_id.as_str().chars().take(12).collect();
    let expected = |numbers: std::ops::Range<usize>| -> BTreeSet<String> {
        let id = |number: usize| match number % 3 {
            0 => format!("{prefix}-line-{}", number + 1),
            _ => format!("r{number}"),
        };
        numbers.map(id).collect()
    };
    assert_eq!(results.ids(), [expected(0..60), BTreeSet::new(), expected(60..COUNT)]);
    assert!(summary.balanced);
}

#[tokio::test]
async fn job_that_bedrock_finds_invalid_leaves_every_record_unprocessed() {
    // The stand-in enforces the minimum of AWS; the pipeline is configured with a lower one.
    let mut world = World::with(&[("MIN_RECORDS_PER_JOB", "100")]).await;
    world.submit = bedrock_vpc_batch::flow::handlers::Submit::new(
        crate::support::config(&[("MIN_RECORDS_PER_JOB", "10")]),
        &world.clients,
    );
    let results = world.run("in/a.jsonl", drop_of(20)).await;
    assert_eq!(results.ids(), [BTreeSet::new(), BTreeSet::new(), ids(20)]);
    let outcome = &results.summary().jobs[0].outcome;
    assert_eq!(outcome.status.as_str(), "Failed");
    assert!(outcome.message.as_deref().is_some_and(|message| !message.is_empty()));
}

#[tokio::test]
async fn output_is_read_only_after_bedrock_says_that_the_job_is_over() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(COUNT)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    // Get may lag behind the event. Here it fails instead.
    let before = world.s3.requests().len();
    world.stand_in.fail_next(Operation::GetModelInvocationJob, Fault::Validation("not yet".into()));
    let error = world.complete(ended.clone()).await.unwrap_err();
    assert!(error.to_string().starts_with("Bedrock GetModelInvocationJob arn:"), "{error}");
    let read: Vec<String> =
        world.s3.requests().split_off(before).into_iter().map(|request| request.operation).collect();
    assert_eq!(read, ["GetObject"]);
    world.complete(ended).await.unwrap();
    assert_eq!(world.results().await.ids(), [ids(COUNT), BTreeSet::new(), BTreeSet::new()]);
}
