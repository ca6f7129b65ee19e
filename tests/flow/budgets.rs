//! The budgets of a day: what is reserved for which drop, what is given back, and that the next day has a budget of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use bedrock_vpc_batch::base::usd::Usd;
use bedrock_vpc_batch::drop::keys;
use bedrock_vpc_batch::ledger::budget::{SHARDS, cap};
use bedrock_vpc_batch::ledger::drop::DropState;
use bedrock_vpc_batch::ledger::held::Reason;
use bedrock_vpc_batch::ledger::status::Status;
use bedrock_vpc_batch::local::faults::Service;
use serde_json::{Value, json};

use crate::support::{World, drop_of, invocation_after};

/// Later than any time of the same day.
const NEXT_DAY: Duration = Duration::from_secs(86_400);

/// What a drop of this number of records costs at most, in millionths of a dollar.
async fn cost_of(records: usize) -> u64 {
    let mut world = World::with(&[("MAX_DROP_USD", "0")]).await;
    let put = world.put("in/a.jsonl", drop_of(records)).await;
    world.submit(put.clone()).await.unwrap();
    let DropState::Held(held) = world.drop_entry(&world.drop_id_of("in/a.jsonl", &put)).await.state else {
        panic!("it is not held")
    };
    held.cost.max_usd.unwrap().millionths()
}

fn usd(millionths: u64) -> Usd {
    Usd::from_millionths(millionths)
}

fn today() -> String {
    invocation_after(Duration::ZERO).started.day()
}

/// Drops a file, and returns the event of its put, and why it is held; `None` if it is submitted.
async fn drop_into(world: &mut World, key: &str) -> (Value, Option<Vec<Reason>>) {
    let put = world.put(key, drop_of(120)).await;
    world.submit(put.clone()).await.unwrap();
    (put.clone(), reasons(world, key, &put).await)
}

async fn reasons(world: &World, key: &str, put: &Value) -> Option<Vec<Reason>> {
    match world.drop_entry(&world.drop_id_of(key, put)).await.state {
        DropState::Held(held) => Some(held.reasons),
        _ => None,
    }
}

#[tokio::test]
async fn budget_of_a_day_is_spent_and_the_next_day_has_another_one() {
    let cost = cost_of(120).await;
    let budget = 2 * cost + cost / 2;
    let mut world = World::with(&[("MAX_USD_PER_DAY", &usd(budget).to_string())]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let of_stack = |day: String| format!("{day}/stack");
    for key in ["in/a.jsonl", "in/b.jsonl"] {
        assert_eq!(drop_into(&mut world, key).await.1, None, "a drop takes from several shards");
    }
    let (third, held) = drop_into(&mut world, "in/c.jsonl").await;
    assert_eq!(held, Some(vec![Reason::DayBudget { route: None, max_usd: usd(budget) }]));
    let reserved = world.reserved(|_| budget).await;
    assert_eq!(reserved, BTreeMap::from([(of_stack(today()), 2 * cost)]));
    let drop_id = world.drop_id_of("in/c.jsonl", &third);
    let status: Status = world.read_json(&keys::status("in/c.jsonl", &drop_id)).await;
    assert!(status.message.contains("more than is left today of the stack's"), "{}", status.message);
    assert!(status.next.ends_with("it goes on by itself on a day (UTC) whose budget has room for it."));

    let entry = world.drop_entry(&drop_id).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!((world.drop_entry(&drop_id).await, world.creates()), (entry, 2));
    assert_eq!(world.reserved(|_| budget).await, reserved);
    world.sweep_after(NEXT_DAY).await.unwrap();
    assert_eq!((world.creates(), reasons(&world, "in/c.jsonl", &third).await), (3, None));
    let tomorrow = invocation_after(NEXT_DAY).started.day();
    let expected = BTreeMap::from([(of_stack(today()), 2 * cost), (of_stack(tomorrow), cost)]);
    assert_eq!(world.reserved(|_| budget).await, expected);
}

#[tokio::test]
async fn drop_that_costs_more_than_a_day_needs_an_approval_which_takes_nothing_from_the_budget() {
    let cost = cost_of(120).await;
    let mut world = World::with(&[("MAX_USD_PER_DAY", &usd(cost - 1).to_string())]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let (put, held) = drop_into(&mut world, "in/a.jsonl").await;
    assert!(held.is_some());
    world.sweep_after(NEXT_DAY).await.unwrap();
    assert_eq!(world.creates(), 0);
    let drop_id = world.drop_id_of("in/a.jsonl", &put);
    let status: Status = world.read_json(&keys::status("in/a.jsonl", &drop_id)).await;
    assert!(status.next.ends_with("Until then, none of its records is submitted."), "{}", status.next);
    let request = world.ask(&world.approval_of("in/a.jsonl", &put)).await;
    world.complete(request).await.unwrap();
    assert_eq!((world.creates(), world.reserved(|_| cost - 1).await), (1, BTreeMap::new()));
}

#[tokio::test]
async fn what_the_stack_refuses_is_given_back_to_the_route() {
    let cost = cost_of(120).await;
    // The route has room for three, and the stack for two.
    let (of_route, of_stack) = (3 * cost, 2 * cost);
    let mut world = World::with(&[("MAX_USD_PER_DAY", &usd(of_stack).to_string())]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let routes = json!({"routes": [{"prefix": "in/team/", "max_usd_per_day": usd(of_route)}]});
    let event = world.put_routes(routes).await;
    world.complete(event).await.unwrap();
    for key in ["in/team/a.jsonl", "in/b.jsonl"] {
        assert_eq!(drop_into(&mut world, key).await.1, None);
    }
    let (third, held) = drop_into(&mut world, "in/team/c.jsonl").await;
    assert_eq!(held, Some(vec![Reason::DayBudget { route: None, max_usd: usd(of_stack) }]));
    let budget = |name: &str| if name.ends_with("/stack") { of_stack } else { of_route };
    let sums: Vec<u64> = world.reserved(budget).await.into_values().collect();
    assert_eq!(sums.iter().sum::<u64>(), 3 * cost, "{sums:?}");
    assert_eq!(*sums.iter().min().unwrap(), cost, "the route has the cost of one drop: {sums:?}");

    // A drop of the route that the route itself refuses.
    world.reconfigure(&[("MAX_USD_PER_DAY", "1000")]);
    let routes = json!({"routes": [{"prefix": "in/team/", "max_usd_per_day": usd(cost)}]});
    let event = world.put_routes(routes).await;
    world.complete(event).await.unwrap();
    world.sweep_after(Duration::ZERO).await.unwrap();
    let route = Some("in/team/".to_owned());
    let expected = vec![Reason::DayBudget { route, max_usd: usd(cost) }];
    assert_eq!(reasons(&world, "in/team/c.jsonl", &third).await, Some(expected));
    // Without a budget of the route, it goes on.
    let event = world.delete_routes().await;
    world.complete(event).await.unwrap();
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!((reasons(&world, "in/team/c.jsonl", &third).await, world.creates()), (None, 3));
}

#[tokio::test]
async fn cancelled_drop_gives_back_what_a_crash_has_left() {
    let cost = cost_of(120).await;
    let mut world = World::with(&[("MAX_USD_PER_DAY", &usd(2 * cost).to_string())]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let put = world.put("in/a.jsonl", drop_of(120)).await;
    // The function dies before it accepts the drop: after the marker, the entry, the status, and the verdict.
    let entry = keys::drop_entry(&world.drop_id_of("in/a.jsonl", &put));
    let writes = std::sync::atomic::AtomicU32::new(0);
    world.faults.set(move |call| {
        let is_write = call.operation == "PutObject" && call.to_string().contains(&entry);
        let count = if is_write { writes.fetch_add(1, std::sync::atomic::Ordering::SeqCst) } else { 0 };
        if count == 2 {
            bedrock_vpc_batch::local::faults::Action::StopBefore
        } else {
            bedrock_vpc_batch::local::faults::Action::Pass
        }
    });
    let faults = world.faults.clone();
    assert!(faults.until_stopped(world.submit(put.clone())).await.is_err());
    world.faults.clear();
    assert_eq!(world.reserved(|_| 2 * cost).await.into_values().sum::<u64>(), cost);
    let request = world.ask(&world.cancellation_of("in/a.jsonl", &put)).await;
    world.complete(request).await.unwrap();
    assert_eq!(world.reserved(|_| 2 * cost).await.into_values().sum::<u64>(), 0);
    assert_eq!((world.creates(), world.markers().await), (0, vec![]));
}

#[tokio::test]
async fn drop_that_fits_into_one_shard_costs_six_calls_and_one_that_is_refused_sixteen_reads() {
    let cost = cost_of(120).await;
    let calls = |world: &World| {
        let on_budgets = |call: &&bedrock_vpc_batch::local::faults::Call| {
            call.service == Service::S3 && call.to_string().contains("ledger/budgets/")
        };
        world.faults.calls().iter().filter(on_budgets).count()
    };
    let large = u64::from(SHARDS) * cost;
    let mut world = World::with(&[("MAX_USD_PER_DAY", &usd(large).to_string())]).await;
    world.faults.reset();
    drop_into(&mut world, "in/a.jsonl").await;
    // One read and one write of the shard, one write of the entry, and a look at the routes in force; 19 without a budget.
    let all = world.faults.calls().iter().filter(|call| call.service == Service::S3).count();
    assert_eq!((calls(&world), all), (2, 19 + 4));
    assert!(cap(large, 0) == cost);

    let mut world = World::with(&[("MAX_USD_PER_DAY", &usd(cost - 1).to_string())]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.faults.reset();
    for key in ["in/a.jsonl", "in/b.jsonl"] {
        drop_into(&mut world, key).await;
    }
    assert_eq!(calls(&world), 2 * (1 + usize::from(SHARDS)));
    // A sweep asks once for all drops that are held.
    world.faults.reset();
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(calls(&world), usize::from(SHARDS));
}
