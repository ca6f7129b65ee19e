//! Drops whose plan has several pages.

use std::collections::BTreeSet;

use bedrock_vpc_batch::drop::plan::PARTS_PER_PAGE;
use bedrock_vpc_batch::local::faults::Call;

use crate::support::{World, drop_of, ids};

/// What it takes to complete a job.
#[derive(Debug, Clone, Copy)]
struct Cost {
    calls: usize,
    /// The bytes of all objects in the ledger that the calls read or write.
    ledger_bytes: u64,
}

/// Adds up the calls since the last reset. A listing counts as 300 bytes per key.
async fn cost(world: &World) -> Cost {
    let calls = world.faults.calls();
    let mut ledger_bytes = 0;
    for Call { subject, operation, .. } in &calls {
        if !subject.starts_with("ledger/") {
            continue;
        }
        ledger_bytes += match *operation {
            "ListObjectsV2" => 300 * world.output_keys_below(subject).await.len() as u64,
            "GetObject" | "PutObject" => {
                let head = world.own.head_object().bucket(&world.config.output_bucket).key(subject);
                head.send().await.map_or(0, |head| head.content_length().unwrap_or_default() as u64)
            }
            _ => 0,
        };
    }
    Cost { calls: calls.len(), ledger_bytes }
}

/// `PARTS` sets the number of parts.
#[expect(clippy::disallowed_methods, reason = "the number of parts can be set for a measurement")]
#[tokio::test]
async fn work_per_job_depends_on_its_page_and_not_on_the_drop() {
    let parts: usize = std::env::var("PARTS").map_or(250, |parts| parts.parse().unwrap());
    let settings = [("MIN_RECORDS_PER_JOB", "1"), ("MAX_RECORDS_PER_JOB", "1")];
    let mut world = World::build(&settings, |options| options.quotas.max_jobs_in_flight = parts).await;
    let event = world.put("in/a.jsonl", drop_of(parts)).await;
    world.submit(event).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), parts);

    let mut costs = Vec::new();
    for _ in 0..parts {
        let event = world.ended().await;
        world.faults.reset();
        world.complete(event).await.unwrap();
        costs.push(cost(&world).await);
    }
    assert_eq!(world.results().await.ids(), [ids(parts), BTreeSet::new(), BTreeSet::new()]);
    assert_eq!(world.markers().await, Vec::<String>::new());

    let (first, last) = (costs[0], costs[parts - 1]);
    let mut calls: Vec<usize> = costs.iter().map(|cost| cost.calls).collect();
    calls.sort_unstable();
    let median = calls[parts / 2];
    let sum: u64 = costs.iter().map(|cost| cost.ledger_bytes).sum();
    println!(
        "parts: {parts} parts: first job {} calls, {} ledger bytes; median {median} calls, {} ledger bytes on average; \
         last {} calls, {} ledger bytes",
        first.calls,
        first.ledger_bytes,
        sum / parts as u64,
        last.calls,
        last.ledger_bytes
    );
    let (page, pages) = (PARTS_PER_PAGE as usize, parts.div_ceil(PARTS_PER_PAGE as usize));
    // The last job of a page reads the page's jobs, and the last one of the drop the tallies of all pages.
    let ends_a_page = calls.iter().filter(|calls| **calls > median + 5).count();
    assert!(ends_a_page <= pages, "{ends_a_page} jobs made more calls than usual: {calls:?}");
    assert!(last.calls <= median + page + pages + 5, "{last:?}");
}
