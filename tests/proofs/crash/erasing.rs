//! Every crash point while a drop is erased. Whatever happens, the drop is erased as a whole in the end, and neither it nor
//! anything of another drop runs again or is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use bedrock_vpc_batch::drop::keys;
use bedrock_vpc_batch::ledger::drop::{DropEntry, DropState};
use bedrock_vpc_batch::local::bedrock::JobView;
use bedrock_vpc_batch::local::faults::{Action, Call};
use serde_json::Value;

use super::{After, COUNT, KEY, at_every_call, half};
use crate::support::{LEASE_OVER, World, drop_of};

/// What there is of the drop before it is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is finished, with a next attempt.
    Finished,
    /// It is rejected.
    Rejected,
}

async fn run_drop(world: &mut World, kind: Kind) -> Value {
    let records = match kind {
        Kind::Finished => COUNT,
        Kind::Rejected => 99,
    };
    let put = world.put(KEY, drop_of(records)).await;
    world.submit(put.clone()).await.unwrap();
    while !world.markers().await.is_empty() {
        world.complete_next().await;
    }
    put
}

/// Erases a drop until call `hit.0` has the fault `hit.1`, and then does what happens after a crash. Returns the calls.
async fn run(kind: Kind, hit: Option<(u64, Action)>, after: After) -> Vec<Call> {
    let mut world = Box::pin(World::new()).await;
    world.stand_in.script_with(|_, job: &JobView| half(usize::try_from(job.counts.total).unwrap()));
    world.sweep_after(Duration::ZERO).await.unwrap();
    // Another version of the same key stays.
    run_drop(&mut world, kind).await;
    let others = world.objects().await;
    let put = run_drop(&mut world, kind).await;
    let jobs = world.stand_in.jobs().len();
    let request = world.ask(&world.erasure_of(KEY, &put)).await;

    world.faults.reset();
    if let Some((number, action)) = hit.clone() {
        world.faults.set(move |call| if call.number == number { action.clone() } else { Action::Pass });
    }
    let faults = world.faults.clone();
    let work = async {
        world.complete(request.clone()).await?;
        world.sweep_after(LEASE_OVER).await
    };
    let outcome = faults.until_stopped(work).await;
    let calls = world.faults.calls();
    match hit {
        None => assert!(matches!(outcome, Ok(Ok(())))),
        Some((_, Action::LoseAnswer)) => {}
        Some(_) => assert!(outcome.is_err(), "the function died"),
    }
    world.faults.clear();
    if after.other_settings {
        world.reconfigure(&[("MIN_RECORDS_PER_JOB", "5"), ("MAX_ATTEMPTS", "1")]);
    }
    if after.redelivery {
        world.submit(put.clone()).await.unwrap();
        world.complete(request).await.unwrap();
    }
    for round in 2..4 {
        world.sweep_after(LEASE_OVER * round).await.unwrap();
    }
    world.submit(put.clone()).await.unwrap();
    Box::pin(verify(&world, &put, &others, jobs)).await;
    calls
}

async fn verify(world: &World, put: &Value, others: &BTreeMap<String, Vec<u8>>, jobs: usize) {
    let drop_id = world.drop_id_of(KEY, put);
    assert_eq!(world.stand_in.jobs().len(), jobs, "nothing runs again");
    let mut left = world.objects().await;
    for (key, bytes) in others {
        assert_eq!(left.remove(key).as_ref(), Some(bytes), "{key} is of another drop");
    }
    let tombstone: DropEntry = world.read_json(&keys::drop_entry(&drop_id)).await;
    assert_eq!((tombstone.state, tombstone.source.key.as_str()), (DropState::Erased, ""));
    left.remove(&keys::drop_entry(&drop_id));
    assert_eq!(left.len(), jobs / 2, "{:?}", left.keys());
    for (key, bytes) in left {
        assert!(key.starts_with("ledger/jobs/"), "{key}");
        let entry: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(entry["segments"][0]["source"]["key"], "", "{key}");
        assert_eq!(entry["state"]["outcome"]["findings"], Value::Null, "{key}");
    }
    let versions = world.own.list_object_versions().bucket(&world.config.input_bucket).send().await.unwrap();
    assert_eq!((versions.versions().len(), versions.delete_markers().len()), (1, 0));
    assert_ne!(versions.versions()[0].version_id(), put["Records"][0]["s3"]["object"]["versionId"].as_str());
}

async fn every_crash_point_of(kind: Kind) {
    let name = format!("erasing a drop: {kind:?}");
    at_every_call(&name, async |hit, after| Box::pin(run(kind, hit, after)).await).await;
}

#[tokio::test]
async fn erasing_a_finished_drop_survives_every_crash() {
    every_crash_point_of(Kind::Finished).await;
}

#[tokio::test]
async fn erasing_a_rejected_drop_survives_every_crash() {
    every_crash_point_of(Kind::Rejected).await;
}
