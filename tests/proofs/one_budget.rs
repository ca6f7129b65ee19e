//! Many drops at once against one budget, a thousand with `make many`: the sum of what is accepted never exceeds it, nothing that fits is left over, and
//! the calls per drop do not depend on how many there are.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bedrock_vpc_batch::base::usd::Usd;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::ledger::drop::{DropEntry, DropState};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use super::soak::setting;
use crate::support::{World, drop_of, invocation};

/// What a drop may cost, in millionths of a dollar, if the budget is shared evenly. About half of them fit.
const SHARE: u64 = 500;

/// How many records the drop with this number has.
fn records(number: usize) -> usize {
    100 + number % 8 * 25
}

/// What became of the drops of these events.
struct Outcome {
    accepted: Vec<DropId>,
    /// The cost of each that is held, in millionths of a dollar.
    held: BTreeMap<DropId, u64>,
}

async fn outcome(world: &World, puts: &[(String, Value)]) -> Outcome {
    let mut outcome = Outcome { accepted: Vec::new(), held: BTreeMap::new() };
    for (key, put) in puts {
        let DropEntry { drop_id, state, .. } = world.drop_entry(&world.drop_id_of(key, put)).await;
        match state {
            DropState::Held(held) => {
                outcome.held.insert(drop_id, held.cost.max_usd.unwrap().millionths());
            }
            DropState::Accepted { .. } => outcome.accepted.push(drop_id),
            other => panic!("{key} is {}", other.name()),
        }
    }
    outcome
}

/// Calls on the shards of the budget, and all calls on S3.
fn calls(world: &World) -> (usize, usize) {
    let calls = world.faults.calls();
    let on_budget = calls.iter().filter(|call| call.to_string().contains("ledger/budgets/")).count();
    world.faults.reset();
    (on_budget, calls.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drops_at_once_spend_no_more_than_the_budget_and_leave_nothing_that_fits() {
    let drops = setting("DROPS", 300);
    let budget = SHARE * drops as u64;
    let settings = [("MAX_USD_PER_DAY", Usd::from_millionths(budget).to_string())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut world = World::build(&settings, |options| options.pace = Duration::from_secs(3_600)).await;
    world.stand_in.set_max_jobs_in_flight(2 * drops);
    world.sweep_after(Duration::ZERO).await.unwrap();
    let mut puts = Vec::new();
    for number in 0..drops {
        let key = format!("in/{number}.jsonl");
        let put = world.put(&key, drop_of(records(number))).await;
        puts.push((key, put));
    }
    world.faults.reset();
    let started = Instant::now();
    let submitted: Vec<_> = stream::iter(&puts)
        .map(|(_, put)| async { world.submit.handle(put.clone(), &invocation()).await })
        .buffer_unordered(drops)
        .collect()
        .await;
    let busy = submitted.iter().filter(|submitted| submitted.is_err()).count();
    let seconds = started.elapsed().as_secs();
    let (on_budget, all) = calls(&world);
    let at_once = outcome(&world, &puts).await;
    let sum = |reserved: BTreeMap<String, u64>| reserved.into_values().sum::<u64>();
    let reserved_at_once = sum(world.reserved(|_| budget).await);
    assert!(reserved_at_once <= budget);

    // What an invocation was too busy for is Lambda's to deliver again, or the sweep's.
    world.sweep_after(Duration::ZERO).await.unwrap();
    let (swept_on_budget, swept) = calls(&world);
    let after = outcome(&world, &puts).await;
    let reserved = sum(world.reserved(|_| budget).await);
    let left = budget - reserved;
    println!(
        "many: {drops} drops at once in {seconds} s: {} accepted, {} held, {busy} busy; {} of {budget} reserved; {:.1} calls \
         per drop, {:.1} on the budget; after a sweep ({swept} calls, {swept_on_budget} on the budget): {} accepted, {left} left",
        at_once.accepted.len(),
        at_once.held.len(),
        reserved_at_once,
        all as f64 / drops as f64,
        on_budget as f64 / drops as f64,
        after.accepted.len(),
    );
    // What is reserved is exactly what the accepted drops cost.
    let mut costs: BTreeMap<usize, u64> = BTreeMap::new();
    for (number, (key, put)) in puts.iter().enumerate() {
        if let Some(cost) = after.held.get(&world.drop_id_of(key, put)) {
            costs.insert(records(number), *cost);
        }
    }
    assert_eq!(costs.len(), 8, "some of each size are held");
    let accepted = |number: &usize| {
        let (key, put) = &puts[*number];
        after.accepted.contains(&world.drop_id_of(key, put))
    };
    let spent: u64 = (0..drops).filter(accepted).map(|number| costs[&records(number)]).sum();
    assert_eq!(reserved, spent);
    assert!(after.held.values().all(|cost| *cost > left), "{left} is left, and something fits");
    assert!(left <= budget / 16);
    assert_eq!(world.creates(), after.accepted.len());
    assert!(on_budget / drops <= 60 && all / drops <= 100, "{on_budget} {all}");
    assert!(swept_on_budget <= 16 * 10 + 2 * after.accepted.len(), "{swept_on_budget}");
}
