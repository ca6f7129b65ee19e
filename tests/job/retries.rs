//! Records that were not processed go to a next attempt, over only those records, while attempts are left.

use std::collections::BTreeSet;

use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::local::bedrock::{Ending, Operation, Processed, RecordFailure, TerminalStatus};
use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{Results, World, drop_of, ids};

/// The ids from `r<from>` to `r<to - 1>`.
fn span(from: usize, to: usize) -> BTreeSet<String> {
    &ids(to) - &ids(from)
}

fn partly(status: TerminalStatus, processed: usize) -> Ending {
    Ending {
        processed: Processed::First(processed),
        write_output: true,
        write_manifest: true,
        ..Ending::new(status)
    }
}

fn failing(positions: std::ops::Range<usize>, code: i64) -> Vec<RecordFailure> {
    positions.map(|position| RecordFailure { position, code, message: "no".into() }).collect()
}

/// Drops a file and delivers every state change, until the drop is finished.
async fn run_to_the_end(world: &mut World, count: usize) -> Results {
    let event = world.put("in/a.jsonl", drop_of(count)).await;
    world.submit(event).await.unwrap();
    loop {
        world.complete_next().await;
        let results = world.results().await;
        if results.files.keys().any(|key| key.ends_with("/summary.json")) {
            assert!(results.summary().balanced, "{:?}", results.summary().mismatches);
            assert_eq!(world.markers().await, Vec::<String>::new());
            return results;
        }
    }
}

/// The record ids in the input of each job, in the order in which the jobs were created.
async fn inputs(world: &World) -> Vec<BTreeSet<String>> {
    let mut inputs = Vec::new();
    for job in world.stand_in.jobs() {
        let uri = job.request["inputDataConfig"]["s3InputDataConfig"]["s3Uri"].as_str().unwrap();
        let input = world.read_output(S3Uri::parse(uri).unwrap().key()).await;
        let lines = input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let id = |line: &[u8]| {
            serde_json::from_slice::<Value>(line).unwrap()["recordId"].as_str().unwrap().to_owned()
        };
        inputs.push(lines.map(id).collect());
    }
    inputs
}

#[tokio::test]
async fn only_the_rest_is_tried_again() {
    use TerminalStatus::{Completed, Expired, Failed, PartiallyCompleted};
    // The ending of the first attempt, and which of the 300 records it leaves.
    let table: Vec<(Ending, BTreeSet<String>)> = vec![
        (partly(PartiallyCompleted, 180), span(180, 300)),
        (Ending::new(Expired), span(0, 300)),
        (partly(Failed, 40), span(40, 300)),
        (Ending { failing: failing(0..150, 503), ..Ending::new(Completed) }, span(0, 150)),
        (Ending { failing: failing(100..200, 429), ..Ending::new(Completed) }, span(100, 200)),
        (
            Ending { failing: failing(0..50, 500), ..partly(PartiallyCompleted, 200) },
            &span(0, 50) | &span(200, 300),
        ),
    ];
    for (ending, rest) in table {
        let what = format!("{:?} {:?}", ending.status, ending.processed);
        let mut world = World::new().await;
        world.stand_in.script(ending);
        let results = run_to_the_end(&mut world, 300).await;
        assert_eq!(results.ids(), [ids(300), BTreeSet::new(), BTreeSet::new()], "{what}");
        assert_eq!(inputs(&world).await, [ids(300), rest.clone()], "{what}");
        let summary = results.summary();
        assert_eq!(summary.records.total, 300);
        let jobs: Vec<_> = summary
            .jobs
            .iter()
            .map(|job| (job.attempt, job.outcome.records.retried, job.outcome.records.succeeded))
            .collect();
        let rest = rest.len() as u64;
        assert_eq!(jobs, [(1, rest, 300 - rest), (2, 0, rest)], "{what}");
    }
}

#[tokio::test]
async fn attempts_run_out_and_the_rest_is_handed_back() {
    let mut world = World::with(&[("MAX_ATTEMPTS", "3")]).await;
    for _ in 0..3 {
        world.stand_in.script(partly(TerminalStatus::PartiallyCompleted, 10));
    }
    let results = run_to_the_end(&mut world, 200).await;
    assert_eq!(results.ids(), [span(0, 30), BTreeSet::new(), span(30, 200)]);
    assert_eq!(inputs(&world).await, [ids(200), span(10, 200), span(20, 200)]);
    let files = results.summary().files;
    assert_eq!(
        files,
        [
            "succeeded/part-00001.jsonl",
            "succeeded/part-00001.attempt-2.jsonl",
            "succeeded/part-00001.attempt-3.jsonl",
            "unprocessed/part-00001.attempt-3.jsonl",
        ]
    );
}

#[tokio::test]
async fn what_cannot_succeed_is_not_tried_again() {
    use TerminalStatus::{Completed, Failed, PartiallyCompleted, Stopped};
    // The ending, and how many records succeed, fail permanently, and are handed back.
    let table: Vec<(Ending, [usize; 3])> = vec![
        (partly(Stopped, 10), [10, 0, 290]),
        (Ending::new(Failed), [0, 0, 300]),
        (Ending { failing: failing(0..200, 400), ..Ending::new(Completed) }, [100, 200, 0]),
        (Ending { failing: failing(0..200, 424), ..Ending::new(Completed) }, [100, 200, 0]),
        // The rest is too small for a job, with and without errors.
        (partly(PartiallyCompleted, 201), [201, 0, 99]),
        (Ending { failing: failing(0..99, 503), ..Ending::new(Completed) }, [201, 0, 99]),
    ];
    for (ending, expected) in table {
        let what = format!("{ending:?}");
        let mut world = World::new().await;
        world.stand_in.script(ending);
        let results = run_to_the_end(&mut world, 300).await;
        assert_eq!(results.ids().map(|ids| ids.len()), expected, "{what}");
        assert_eq!(world.stand_in.jobs().len(), 1, "{what}");
    }
}

#[tokio::test]
async fn complete_twenty_times_at_once_makes_one_next_attempt() {
    for _ in 0..5 {
        let mut world = World::new().await;
        world.stand_in.script(partly(TerminalStatus::PartiallyCompleted, 150));
        let event = world.put("in/a.jsonl", drop_of(300)).await;
        world.submit(event).await.unwrap();
        let ended = world.ended().await;
        for delivered in join_all((0..20).map(|_| world.complete(ended.clone()))).await {
            delivered.unwrap();
        }
        assert_eq!(inputs(&world).await, [ids(300), span(150, 300)]);
        let ended = world.ended().await;
        for delivered in join_all((0..20).map(|_| world.complete(ended.clone()))).await {
            delivered.unwrap();
        }
        let results = world.results().await;
        assert_eq!(results.ids(), [ids(300), BTreeSet::new(), BTreeSet::new()]);
        let is_create =
            |operation: &Option<Operation>| *operation == Some(Operation::CreateModelInvocationJob);
        assert_eq!(
            world.stand_in.requests().iter().filter(|request| is_create(&request.operation)).count(),
            2
        );
        assert_eq!(world.markers().await, Vec::<String>::new());
    }
}
