//! Counts the calls that a drop makes, from its put to its results. `tools/cost.py` multiplies them with prices.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use bedrock_vpc_batch::aws::store::copying::MIN_COPY_BYTES;
use bedrock_vpc_batch::local::faults::Faults;
use serde_json::{Value, json};

use crate::support::{World, drop_of, record, schedule_event};

/// The file with the counts.
const RECORDED: &str = "tools/calls-per-drop.json";

/// Later than any event may come.
const LATER: Duration = Duration::from_secs(24 * 3_600);

/// How many calls of each operation.
type Counts = BTreeMap<&'static str, u64>;

fn counted(faults: &Faults) -> Counts {
    let mut counts = Counts::new();
    for call in faults.calls() {
        *counts.entry(call.operation).or_default() += 1;
    }
    faults.reset();
    counts
}

/// A pipeline, and the calls that its jobs make with the role of the job.
async fn world(changes: &[(&str, &str)], pace: Option<Duration>) -> (World, Faults) {
    let job = Faults::new();
    let world = Box::pin(World::build(changes, |options| {
        let config = options.s3.config();
        let client = job.wrap(config.http_client().unwrap());
        options.s3 = Client::from_conf(config.to_builder().http_client(client).build());
        if let Some(pace) = pace {
            options.pace = pace;
        }
    }));
    (world.await, job)
}

/// The calls of a sweep, a day after the last one, in which nothing is open.
async fn idle_sweep() -> Counts {
    let (world, _) = world(&[], None).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.faults.reset();
    world.sweep_after(LATER).await.unwrap();
    counted(&world.faults)
}

/// How many more calls a sweep makes while Bedrock runs one job.
async fn sweep_of_a_running_job() -> Counts {
    let (mut world, _) = world(&[], Some(Duration::from_secs(3_600))).await;
    let event = world.put("in/a.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    world.faults.reset();
    world.complete(schedule_event()).await.unwrap();
    counted(&world.faults)
}

/// The calls of a drop by who makes them, with the sweep that later compares it with the ledger.
async fn drop_with(jobs: usize, body: Vec<u8>) -> Value {
    let (mut world, job) = world(&[("MAX_RECORDS_PER_JOB", "100")], None).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.faults.reset();
    let event = world.put("in/a.jsonl", body).await;
    world.submit(event).await.unwrap();
    let submit = counted(&world.faults);
    assert_eq!(world.stand_in.jobs().len(), jobs);
    for _ in 0..jobs {
        world.complete_next().await;
    }
    let complete = counted(&world.faults);
    assert_eq!(world.markers().await, Vec::<String>::new(), "the drop is not finished");
    world.sweep_after(LATER).await.unwrap();
    json!({"submit": submit, "complete": complete, "sweep": counted(&world.faults), "job": counted(&job)})
}

/// Jobs whose inputs and results are large enough for S3 to copy them.
fn large_jobs(jobs: usize) -> Vec<u8> {
    let bytes = usize::try_from(MIN_COPY_BYTES).unwrap() / 80;
    let line = |number: usize| record(&format!("r{number}")).replace("Was sagt", &"w".repeat(bytes)) + "\n";
    (0..jobs * 100).map(line).collect::<String>().into_bytes()
}

#[tokio::test]
async fn recorded_counts_are_right() {
    let found = json!({
        "sweep, nothing open": idle_sweep().await,
        "sweep, one job running": sweep_of_a_running_job().await,
        "drop, one job": drop_with(1, drop_of(100)).await,
        "drop, two large jobs": drop_with(2, large_jobs(2)).await,
        "drop, four large jobs": drop_with(4, large_jobs(4)).await,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/calls-per-drop.json");
    std::fs::write(&target, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
    let recorded: Value =
        serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|_| b"{}".to_vec())).unwrap();
    assert_eq!(
        found, recorded,
        "copy target/calls-per-drop.json to {RECORDED}, and run `make cost`, to take the new counts over"
    );
}
