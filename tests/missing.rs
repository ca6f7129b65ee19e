//! What must be there and is not: entries of the ledger, inputs of jobs, the version that was dropped.

use std::collections::BTreeSet;
use std::time::Duration;

use bedrock_vpc_batch::error::ErrorKind;
use bedrock_vpc_batch::local::bedrock::TerminalStatus;
use bedrock_vpc_batch::local::faults::Action;

use crate::support::{LEASE_OVER, World, drop_of, ids};

const DAY: Duration = Duration::from_secs(86_400);

async fn job_entries(world: &World) -> Vec<String> {
    world.output_keys().await.into_iter().filter(|key| key.starts_with("ledger/jobs/")).collect()
}

async fn take_away(world: &World, key: &str) -> Vec<u8> {
    let bytes = world.read_output(key).await;
    world.own.delete_object().bucket(&world.config.output_bucket).key(key).send().await.unwrap();
    bytes
}

async fn bring_back(world: &World, key: &str, bytes: Vec<u8>) {
    let request = world.own.put_object().bucket(&world.config.output_bucket).key(key);
    request.body(bytes.into()).send().await.unwrap();
}

#[tokio::test]
async fn missing_entry_of_a_job_is_an_error_until_it_is_back() {
    // In flight, and settled while another job of the drop was not.
    for is_settled in [false, true] {
        let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "100")]).await;
        let event = world.put("in/a.jsonl", drop_of(200)).await;
        world.submit(event.clone()).await.unwrap();
        let (first, second) = (world.ended().await, world.ended().await);
        let arn = first["detail"]["batchJobArn"].as_str().unwrap();
        let token =
            world.stand_in.jobs().iter().find(|job| job.arn == arn).unwrap().client_request_token.clone();
        let key = format!("ledger/jobs/{}.json", token.unwrap());
        if is_settled {
            world.complete(first.clone()).await.unwrap();
        }
        let entry = take_away(&world, &key).await;

        // The other job ends, and the put comes again; neither makes a job, nor a summary without those records.
        let completed = world.complete(second).await;
        let submitted = world.submit(event.clone()).await;
        let swept = world.sweep_after(Duration::ZERO).await;
        for error in [submitted.unwrap_err(), swept.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Internal);
            assert_eq!(error.to_string(), format!("{key} is missing in the output bucket"));
        }
        assert_eq!(completed.is_err(), is_settled);
        assert!(!world.results().await.files.keys().any(|key| key.ends_with("/summary.json")));
        assert_eq!(world.stand_in.jobs().len(), 2);

        bring_back(&world, &key, entry).await;
        world.sweep_after(Duration::ZERO).await.unwrap();
        assert_eq!(world.results().await.ids(), [ids(200), BTreeSet::new(), BTreeSet::new()]);
        assert_eq!((world.stand_in.jobs().len(), world.markers().await.len()), (2, 0));
    }
}

#[tokio::test]
async fn marker_of_a_job_may_come_before_its_entry_but_not_for_long() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.faults.set(|call| match call.subject.ends_with(".job") {
        true => Action::StopAfter,
        false => Action::Pass,
    });
    world.faults.until_stopped(world.submit(event)).await.unwrap_err();
    world.faults.clear();
    // What makes the entry is gone as well.
    let drop_marker = world.markers().await.into_iter().find(|key| key.ends_with(".drop")).unwrap();
    take_away(&world, &drop_marker).await;
    world.sweep_after(Duration::from_secs(1_800)).await.unwrap();
    let error = world.sweep_after(2 * LEASE_OVER).await.unwrap_err();
    assert!(error.to_string().ends_with("is missing in the output bucket"), "{error}");
}

#[tokio::test]
async fn input_of_a_job_that_waits_is_kept_alive() {
    let mut world = World::new().await;
    world.stand_in.set_known_roles(Some(vec![]));
    let body = drop_of(150);
    let event = world.put("in/a.jsonl", body.clone()).await;
    world.submit(event).await.unwrap();
    let copies = |world: &World| {
        let calls = world.faults.calls();
        calls
            .iter()
            .filter(|call| call.operation == "CopyObject" && call.subject.starts_with("work/"))
            .count()
    };
    world.faults.reset();
    for days in 1..=6 {
        world.sweep_after(DAY * days).await.unwrap();
    }
    assert_eq!(copies(&world), 0);
    for days in 7..=21 {
        world.sweep_after(DAY * days).await.unwrap();
    }
    assert_eq!(copies(&world), 3, "once a week");
    let input = world.output_keys().await.into_iter().find(|key| key.contains("/input/")).unwrap();
    assert_eq!(world.read_output(&input).await, body);

    world.stand_in.set_known_roles(None);
    world.sweep_after(22 * DAY).await.unwrap();
    let ended = world.ended().await;
    world.complete(ended).await.unwrap();
    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
}

#[tokio::test]
async fn version_deleted_after_it_was_accepted_costs_only_the_parts_that_were_not_made() {
    // Small parts are written, large ones copied by S3: by ranges, or the whole file.
    let long = "x".repeat(40_000);
    let large =
        |count: usize| String::from_utf8(drop_of(count)).unwrap().replace("Was sagt", &long).into_bytes();
    let table: Vec<(&str, Vec<u8>, &[(&str, &str)], usize, usize)> = vec![
        ("small parts", drop_of(900), &[("MAX_RECORDS_PER_JOB", "100")], 900, 800),
        ("ranges", large(1_800), &[("MAX_RECORDS_PER_JOB", "200")], 1_800, 1_600),
        ("the whole file", drop_of(150), &[], 150, 0),
    ];
    for (what, body, settings, count, made) in table {
        let mut world = World::with(settings).await;
        let event = world.put("in/a.jsonl", body).await;
        // Eight parts are made at a time. The function dies before the ninth, or the only one, is begun.
        let inputs = made / 100;
        let kill = world.faults.clone();
        world.faults.set(move |call| {
            let is_input = call.subject.contains("/input/") && call.operation != "UploadPartCopy";
            let before = kill.calls().iter().filter(|call| call.subject.contains("/input/")).count();
            let is_ninth = is_input && before > inputs.max(8) && inputs > 0;
            if is_ninth || (is_input && inputs == 0) { Action::StopBefore } else { Action::Pass }
        });
        let submit = world.faults.until_stopped(world.submit(event.clone())).await;
        assert!(submit.is_err(), "{what}");
        world.faults.clear();
        let made = job_entries(&world).await.len();
        assert!(made < count / 100, "{what}");

        let versions =
            world.own.list_object_versions().bucket(&world.config.input_bucket).send().await.unwrap();
        let version = versions.versions()[0].version_id().unwrap().to_owned();
        let delete = world.own.delete_object().bucket(&world.config.input_bucket).key("in/a.jsonl");
        delete.version_id(version).send().await.unwrap();

        for round in 1..5 {
            world.sweep_after(LEASE_OVER * round).await.unwrap();
            world.all_jobs_over().await;
        }
        assert_eq!(world.markers().await, Vec::<String>::new(), "{what}");
        let summary = world.results().await.summary();
        let records = summary.records;
        assert!(summary.balanced, "{what}: {:?}", summary.mismatches);
        assert!(records.source_deleted > 0, "{what}");
        assert_eq!(records.total, count as u64, "{what}");
        assert_eq!(records.succeeded + records.source_deleted, records.total, "{what}");
        assert_eq!(world.stand_in.jobs().len(), made, "{what}");
        assert!(world.stand_in.jobs().iter().all(|job| job.status == TerminalStatus::Completed.into()));
    }
}
