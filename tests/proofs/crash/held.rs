//! Every crash point of a drop that is held, and of what ends that. Whatever happens, it is submitted once, not before somebody or
//! something has released it, and no more is reserved than the budget has.

use std::time::Duration;

use bedrock_vpc_batch::base::usd::Usd;
use bedrock_vpc_batch::ledger::drop::DropState;
use bedrock_vpc_batch::local::faults::{Action, Call};
use serde_json::Value;

use super::{After, KEY, at_every_call, records};
use crate::support::{LEASE_OVER, World, drop_of};

/// What holds the drop, and what ends that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// It costs more than a drop may, and an operator approves it.
    Approved,
    /// It costs more than a drop may, and an operator cancels it.
    Cancelled,
    /// Another drop has left too little of the budget, and the next day has a new one.
    NextDay,
    /// It is the same file as an earlier drop, and an operator approves it.
    Duplicate,
}

/// Later than any time of the same day.
const NEXT_DAY: Duration = Duration::from_secs(86_400);

/// The most that a drop of 120 records costs, in millionths of a dollar.
async fn cost() -> u64 {
    let mut world = World::with(&[("MAX_DROP_USD", "0")]).await;
    let put = world.put(KEY, drop_of(120)).await;
    world.submit(put.clone()).await.unwrap();
    let DropState::Held(held) = world.drop_entry(&world.drop_id_of(KEY, &put)).await.state else {
        panic!("it is not held")
    };
    held.cost.max_usd.unwrap().millionths()
}

/// Runs a story until call `hit.0` has the fault `hit.1`, and then what happens after a crash. Returns the calls.
async fn run(story: Story, cost: u64, hit: Option<(u64, Action)>, after: After) -> Vec<Call> {
    // Room for one drop, which has to take something from each shard.
    let budget = cost + cost / 2;
    let usd = Usd::from_millionths(budget).to_string();
    let settings: &[(&str, &str)] = match story {
        Story::Approved | Story::Cancelled => &[("MAX_DROP_USD", "0")],
        Story::NextDay => &[("MAX_USD_PER_DAY", &usd)],
        Story::Duplicate => &[("DUPLICATE_DROPS", "hold")],
    };
    let mut world = Box::pin(World::with(settings)).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let has_first = matches!(story, Story::NextDay | Story::Duplicate);
    if has_first {
        let key = if story == Story::Duplicate { KEY } else { "in/first.jsonl" };
        let first = world.put(key, drop_of(120)).await;
        world.submit(first).await.unwrap();
        world.complete_next().await;
        assert_eq!(world.markers().await, Vec::<String>::new());
    }
    let put = world.put(KEY, drop_of(120)).await;
    let drop_id = world.drop_id_of(KEY, &put);
    let key = match story {
        Story::Cancelled => world.cancellation_of(KEY, &put),
        Story::Approved | Story::Duplicate | Story::NextDay => world.approval_of(KEY, &put),
    };
    world.faults.reset();
    if let Some((number, action)) = hit.clone() {
        world.faults.set(move |call| if call.number == number { action.clone() } else { Action::Pass });
    }
    let faults = world.faults.clone();
    let submitted = faults.until_stopped(world.submit(put.clone())).await;
    assert_eq!(world.creates(), usize::from(has_first), "nothing has released it");
    let mut is_hit = !matches!(submitted, Ok(Ok(())));
    if !is_hit {
        let ended = match story {
            Story::NextDay => faults.until_stopped(world.sweep_after(NEXT_DAY)).await,
            Story::Approved | Story::Cancelled | Story::Duplicate => {
                let request = world.ask(&key).await;
                faults.until_stopped(world.complete(request)).await
            }
        };
        is_hit = !matches!(ended, Ok(Ok(())));
    }
    let calls = world.faults.calls();
    world.faults.clear();
    match hit {
        None => assert!(!is_hit),
        Some((_, Action::LoseAnswer)) => {}
        Some(_) => assert!(is_hit, "the function died"),
    }
    Box::pin(recover(&mut world, story, &put, &key, after)).await;

    // Each drop is submitted once, or was refused as a whole.
    let jobs = world.stand_in.jobs();
    let is_refused = matches!(world.drop_entry(&drop_id).await.state, DropState::Rejected { .. });
    assert_eq!(is_refused, story == Story::Cancelled);
    assert_eq!(jobs.len(), usize::from(has_first) + usize::from(!is_refused));
    let results = world.results().await;
    results.assert_statuses_are_final();
    for (name, bytes) in &results.files {
        if name.contains("/succeeded/") {
            assert_eq!(records(bytes).len(), 120, "{name}");
        }
    }
    let succeeded = results.files.keys().filter(|name| name.contains("/succeeded/")).count();
    assert_eq!(succeeded, jobs.len());
    // No more than the budget is reserved, and what was accepted by it is.
    let reserved = world.reserved(|_| budget).await;
    let days = match story {
        Story::NextDay if after.other_settings => 1,
        Story::NextDay => 2,
        Story::Approved | Story::Cancelled | Story::Duplicate => 0,
    };
    assert!(reserved.values().filter(|sum| **sum >= cost).count() >= days, "{reserved:?}");
    calls
}

/// Delivers the event of the put again, or not, and then sweeps. An operator asks again until the drop is over. In half of the
/// cases, the budget is raised meanwhile.
async fn recover(world: &mut World, story: Story, put: &Value, key: &str, after: After) {
    if after.other_settings && story != Story::Cancelled {
        world.reconfigure(&[("MAX_ATTEMPTS", "2")]);
    }
    if after.redelivery {
        world.submit(put.clone()).await.unwrap_or_else(assert_is_passing);
    }
    for round in 1..10 {
        world.all_jobs_over().await;
        if round > 1 && world.markers().await.is_empty() {
            return;
        }
        if story != Story::NextDay {
            world.ask(key).await;
        }
        let day = if story == Story::NextDay { NEXT_DAY } else { Duration::ZERO };
        world.sweep_after(day + LEASE_OVER * round).await.unwrap_or_else(assert_is_passing);
    }
    panic!("still open: {:?}", world.markers().await);
}

#[expect(clippy::needless_pass_by_value, reason = "`unwrap_or_else` passes it")]
fn assert_is_passing(error: bedrock_vpc_batch::aws::error::Error) {
    assert_eq!(error.kind(), bedrock_vpc_batch::aws::error::ErrorKind::Unavailable, "{error:?}");
}

async fn every_crash_point_of(story: Story) {
    let cost = cost().await;
    let name = format!("{story:?}");
    at_every_call(&name, async |hit, after| Box::pin(run(story, cost, hit, after)).await).await;
}

#[tokio::test]
async fn approval_survives_every_crash() {
    every_crash_point_of(Story::Approved).await;
}

#[tokio::test]
async fn cancellation_of_a_held_drop_survives_every_crash() {
    every_crash_point_of(Story::Cancelled).await;
}

#[tokio::test]
async fn budget_of_the_next_day_survives_every_crash() {
    every_crash_point_of(Story::NextDay).await;
}

#[tokio::test]
async fn duplicate_survives_every_crash() {
    every_crash_point_of(Story::Duplicate).await;
}
