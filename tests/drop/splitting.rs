//! A drop beyond the quotas of one job becomes several jobs: as few and as even as the quotas allow. It is
//! cut at line ends, and S3 copies the parts that are large.

use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::local::bedrock::{Ending, Processed, TerminalStatus};
use sha2::{Digest, Sha256};

use crate::support::{World, drop_of, ids, out_of_time, record};

const CREATE: &str = "CreateModelInvocationJob";

/// Delivers every state change until the drop is finished, and checks that the summary is balanced.
async fn complete_all(world: &mut World) {
    while !world.markers().await.is_empty() {
        world.complete_next().await;
    }
    let summary = world.results().await.summary();
    assert!(summary.balanced, "{:?}", summary.mismatches);
}

/// The inputs of the first jobs, in the order of the drop.
async fn inputs(world: &World) -> Vec<Vec<u8>> {
    let summary = world.results().await.summary();
    let mut inputs = Vec::new();
    for job in world.stand_in.jobs() {
        let uri = job.request["inputDataConfig"]["s3InputDataConfig"]["s3Uri"].as_str().unwrap();
        let place = summary.jobs.iter().find(|one| uri.contains(one.job_id.as_str())).unwrap();
        if place.attempt == 1 {
            inputs.push((place.part, world.read_output(S3Uri::parse(uri).unwrap().key()).await));
        }
    }
    inputs.sort();
    inputs.into_iter().map(|(_, input)| input).collect()
}

fn record_counts(inputs: &[Vec<u8>]) -> Vec<usize> {
    inputs.iter().map(|input| input.iter().filter(|byte| **byte == b'\n').count()).collect()
}

#[tokio::test]
async fn parts_of_a_small_drop_are_its_lines() {
    let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "300")]).await;
    let body = drop_of(1_000);
    let event = world.put("a.jsonl", body.clone()).await;
    world.submit(event.clone()).await.unwrap();
    world.submit(event).await.unwrap();
    complete_all(&mut world).await;
    let inputs = inputs(&world).await;
    assert_eq!(record_counts(&inputs), [250; 4]);
    assert_eq!(inputs.concat(), body);
    assert_eq!(world.results().await.ids()[0], ids(1_000));
    assert_eq!(world.stand_in.jobs().len(), 4);
}

#[tokio::test]
async fn generated_ids_name_the_line_of_the_drop_in_every_part() {
    let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "150")]).await;
    let without_id = record("x").replace(",\"recordId\":\"x\"", "") + "\n";
    assert!(!without_id.contains("recordId"));
    // Two hundred records with an id and two hundred without. The last line has no newline.
    let mut body = drop_of(200);
    body.extend(without_id.repeat(200).into_bytes());
    body.pop();
    let event = world.put("a.jsonl", body).await;
    world.submit(event).await.unwrap();
    complete_all(&mut world).await;
    let inputs = inputs(&world).await;
    assert_eq!(record_counts(&inputs), [134, 133, 133]);
    let answered = &world.results().await.ids()[0];
    assert_eq!(answered.len(), 400);
    let given =
        answered.iter().filter_map(|id| id.rsplit_once("-line-")).map(|(_, line)| line.parse().unwrap());
    let mut lines: Vec<u32> = given.collect();
    lines.sort_unstable();
    assert_eq!(lines, (201..=400).collect::<Vec<_>>());
}

#[tokio::test]
async fn large_parts_are_made_by_s3() {
    let mut world = World::with(&[("MAX_INPUT_FILE_BYTES", "11000000")]).await;
    let padding = "y".repeat(20_000);
    let line = |number: usize| record(&format!("r{number}")).replace("Was sagt", &padding) + "\n";
    let body: String = (0..2_000).map(line).collect();
    let event = world.put("a b/ü.jsonl", body.clone()).await;
    world.submit(event).await.unwrap();
    let calls = world.faults.calls();
    let of = |operation| calls.iter().filter(move |call| call.operation == operation);
    assert_eq!((of("UploadPartCopy").count(), world.stand_in.jobs().len()), (4, 4));
    // The function itself sends only small JSON objects.
    let puts: Vec<_> = of("PutObject").map(|call| call.subject.as_str()).collect();
    assert!(
        puts.iter().all(|key| {
            key.starts_with("index/") || [".json", ".job", ".drop"].iter().any(|end| key.ends_with(end))
        }),
        "{puts:?}"
    );
    assert_eq!(
        (of("UploadPart").count(), of("GetObject").filter(|call| call.subject.contains("ü")).count()),
        (0, 1)
    );
    complete_all(&mut world).await;
    let inputs = inputs(&world).await;
    assert!(inputs.iter().all(|input| input.len() <= 11_000_000));
    assert_eq!(Sha256::digest(inputs.concat()), Sha256::digest(&body));
}

#[tokio::test]
async fn parts_beyond_the_job_quota_are_submitted_as_slots_become_free() {
    let mut world =
        World::build(&[("MAX_RECORDS_PER_JOB", "100")], |stand_in| stand_in.quotas.max_jobs_in_flight = 3)
            .await;
    let event = world.put("a.jsonl", drop_of(1_200)).await;
    world.submit(event).await.unwrap();
    let asked = world.faults.calls().iter().filter(|call| call.operation == CREATE).count();
    let refused = asked - world.stand_in.jobs().len();
    assert!(refused <= 8, "{refused} refusals: the function kept asking after Bedrock had refused");
    complete_all(&mut world).await;
    assert_eq!(world.stand_in.jobs().len(), 12);
    assert_eq!(world.results().await.ids()[0], ids(1_200));
}

#[tokio::test]
async fn work_per_job_does_not_grow_with_the_number_of_parts() {
    let mut most = Vec::new();
    for parts in [3, 30] {
        let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "100")]).await;
        let event = world.put("a.jsonl", drop_of(parts * 100)).await;
        world.submit(event).await.unwrap();
        let mut calls = Vec::new();
        for _ in 1..parts {
            let ended = world.ended().await;
            world.faults.reset();
            world.complete(ended).await.unwrap();
            calls.push(world.faults.calls().len());
        }
        most.push(*calls.iter().max().unwrap());
        complete_all(&mut world).await;
    }
    assert!(most[1] <= most[0] + 5, "calls of the busiest completion with 3 and with 30 parts: {most:?}");
}

#[tokio::test]
async fn each_part_has_its_own_ending_and_attempts() {
    let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "300"), ("MAX_ATTEMPTS", "2")]).await;
    let partly =
        Ending { processed: Processed::First(100), ..Ending::new(TerminalStatus::PartiallyCompleted) };
    world.stand_in.script(partly);
    world.stand_in.script(Ending { processed: Processed::None, ..Ending::new(TerminalStatus::Stopped) });
    let event = world.put("a.jsonl", drop_of(900)).await;
    world.submit(event).await.unwrap();
    complete_all(&mut world).await;
    let records = world.results().await.summary().records;
    assert_eq!((records.total, records.succeeded, records.unprocessed), (900, 600, 300));
}

#[tokio::test]
async fn function_that_runs_out_of_time_says_so_and_the_next_one_continues() {
    let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "100")]).await;
    let event = world.put("a.jsonl", drop_of(1_000)).await;
    let error = world.submit.handle(event.clone(), &out_of_time()).await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("bytes were read in ") && error.contains("before the time ran out"), "{error}");
    assert_eq!(world.stand_in.jobs().len(), 0);
    // The first function released its lease.
    world.submit(event).await.unwrap();
    complete_all(&mut world).await;
    assert_eq!(world.results().await.ids()[0], ids(1_000));
}
