//! Missing objects: entries of the ledger, inputs of jobs, and the version that was dropped.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bedrock_vpc_batch::aws::error::ErrorKind;
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
    // The entry of a job that is still running, and of one that is settled while another job of the drop is
    // not.
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

        // The other job ends, and the put event comes again. Neither creates a job, or a summary without the
        // missing records.
        let completed = world.complete(second).await;
        let submitted = world.submit(event.clone()).await;
        let swept = world.sweep_after(Duration::ZERO).await;
        for error in [completed.unwrap_err(), submitted.unwrap_err(), swept.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Internal);
            assert_eq!(error.to_string(), format!("{key} is missing in the output bucket"));
        }
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
    // The drop's marker, by which the entry would be created again, is gone as well.
    let drop_marker = world.markers().await.into_iter().find(|key| key.ends_with(".drop")).unwrap();
    take_away(&world, &drop_marker).await;
    world.sweep_after(Duration::from_secs(1_800)).await.unwrap();
    let error = world.sweep_after(2 * LEASE_OVER).await.unwrap_err();
    assert!(error.to_string().ends_with("is missing in the output bucket"), "{error}");
}

#[tokio::test]
async fn input_of_a_waiting_job_is_renewed() {
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
    world.complete_next().await;
    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
}

struct Deleted {
    what: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// Bytes added to each record.
    padding: usize,
    count: usize,
    killed_at: usize,
}

/// Small parts are written; S3 copies large ones, as ranges or as the whole file.
const DELETED: &[Deleted] = &[
    Deleted {
        what: "small parts",
        settings: &[("MAX_RECORDS_PER_JOB", "100")],
        padding: 8,
        count: 900,
        killed_at: 9,
    },
    Deleted {
        what: "ranges",
        settings: &[("MAX_RECORDS_PER_JOB", "200")],
        padding: 45_000,
        count: 600,
        killed_at: 2,
    },
    Deleted { what: "the whole file", settings: &[], padding: 8, count: 150, killed_at: 1 },
];

#[tokio::test]
async fn version_deleted_after_acceptance_costs_only_the_parts_without_a_job() {
    for case in DELETED {
        let Deleted { what, settings, padding, count, killed_at } = *case;
        let mut world = World::with(settings).await;
        let body = String::from_utf8(drop_of(count)).unwrap().replace("Was sagt", &"x".repeat(padding));
        let event = world.put("in/a.jsonl", body).await;
        // The function dies before it writes the input with this number. It writes eight at a time.
        let inputs = AtomicUsize::new(0);
        world.faults.set(move |call| {
            let is_begin = ["PutObject", "CopyObject", "CreateMultipartUpload"].contains(&call.operation);
            let is_input = is_begin && call.subject.contains("/input/");
            let is_last = is_input && inputs.fetch_add(1, Ordering::Relaxed) + 1 == killed_at;
            if is_last { Action::StopBefore } else { Action::Pass }
        });
        world.faults.until_stopped(world.submit(event.clone())).await.unwrap_err();
        world.faults.clear();
        let made = job_entries(&world).await.len();

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
