//! Drops that are held: why, that nothing of them is submitted, and what ends it: an operator's approval, a cancellation, or
//! another setting.

use std::time::Duration;

use bedrock_vpc_batch::base::usd::Usd;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::keys::{self, Request};
use bedrock_vpc_batch::ledger::drop::DropState;
use bedrock_vpc_batch::ledger::held::{Held, Reason};
use bedrock_vpc_batch::ledger::status::{Stage, Status};
use bedrock_vpc_batch::local::faults::Action;
use serde_json::{Value, json};

use crate::support::{LEASE_OVER, World, drop_of, ids, invocation};

const KEY: &str = "in/a.jsonl";

/// No drop may cost anything.
const NOTHING: &[(&str, &str)] = &[("MAX_DROP_USD", "0")];

/// A world in which a drop has just been submitted with these settings, and the event of its put.
async fn world_with_a_drop(settings: &[(&str, &str)]) -> (World, Value) {
    let mut world = World::with(settings).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let put = world.put(KEY, drop_of(120)).await;
    world.submit(put.clone()).await.unwrap();
    (world, put)
}

async fn held(world: &World, drop_id: &DropId) -> Held {
    match world.drop_entry(drop_id).await.state {
        DropState::Held(held) => *held,
        other => panic!("it is {}", other.name()),
    }
}

async fn status_of(world: &World, key: &str, put: &Value) -> Status {
    world.read_json(&keys::status(key, &world.drop_id_of(key, put))).await
}

async fn approve(world: &mut World, key: &str, put: &Value) {
    let request = world.ask(&world.approval_of(key, put)).await;
    world.complete(request).await.unwrap();
}

#[tokio::test]
async fn drop_over_its_budget_waits_until_an_operator_approves_it() {
    let (mut world, put) = world_with_a_drop(NOTHING).await;
    let drop_id = world.drop_id_of(KEY, &put);
    let before = held(&world, &drop_id).await;
    assert_eq!(before.reasons, [Reason::DropBudget { max_usd: Usd::default() }]);
    let cost = before.cost.max_usd.unwrap();
    let status = status_of(&world, KEY, &put).await;
    assert_eq!((status.state, status.since), (Stage::Held, before.since));
    assert!(status.message.contains("more than a drop may, which is 0.00 US dollars"), "{}", status.message);
    assert!(status.message.contains(&format!("It costs at most {cost} US dollars: 120 records have")));
    assert!(status.next.contains(&format!("bedrock-vpc-batch approve {drop_id}")), "{}", status.next);

    // The event comes again, and the sweep asks again: nothing changes, and nothing is written.
    let objects = world.objects().await;
    world.submit(put.clone()).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!(world.objects().await, objects);
    assert_eq!((world.creates(), world.markers().await.len()), (0, 1));

    approve(&mut world, KEY, &put).await;
    assert_eq!((world.creates(), world.output_keys_below("requests/").await), (1, vec![]));
    world.complete_next().await;
    let results = world.results().await;
    assert_eq!(results.ids()[0], ids(120));
    results.assert_statuses_are_final();
    assert_eq!(world.markers().await, Vec::<String>::new());
    // An approval that comes late, or of a drop that nobody knows, does nothing.
    approve(&mut world, KEY, &put).await;
    let unknown = keys::request(&Request::Approve(DropId::parse(&"0".repeat(32)).unwrap()));
    let request = world.ask(&unknown).await;
    world.complete(request).await.unwrap();
    assert_eq!((world.creates(), world.output_keys_below("requests/").await), (1, vec![]));
    assert_eq!(world.results().await, results);
}

#[tokio::test]
async fn drop_goes_on_by_itself_when_its_budget_is_raised_and_costs_what_check_says() {
    let (mut world, put) = world_with_a_drop(NOTHING).await;
    let cost = held(&world, &world.drop_id_of(KEY, &put)).await.cost.max_usd.unwrap();
    let less = Usd::from_millionths(cost.millionths() - 1);
    world.reconfigure(&[("MAX_DROP_USD", &less.to_string())]);
    world.sweep_after(Duration::ZERO).await.unwrap();
    let reasons = held(&world, &world.drop_id_of(KEY, &put)).await.reasons;
    assert_eq!(reasons, [Reason::DropBudget { max_usd: less }], "the status says what is in force");
    assert!(status_of(&world, KEY, &put).await.message.contains(&less.to_string()));
    world.reconfigure(&[("MAX_DROP_USD", &cost.to_string())]);
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(world.creates(), 1);
    world.complete_next().await;
    assert_eq!(world.results().await.ids()[0], ids(120));
}

#[tokio::test]
async fn drop_that_fits_is_submitted_at_once() {
    let (mut world, put) = world_with_a_drop(&[("MAX_DROP_USD", "5"), ("DUPLICATE_DROPS", "hold")]).await;
    assert_eq!(world.creates(), 1);
    world.complete_next().await;
    assert_eq!(world.results().await.ids()[0], ids(120));
    // Its own entry of the content does not hold it.
    world.submit(put).await.unwrap();
    assert_eq!((world.creates(), world.output_keys_below("ledger/contents/").await.len()), (1, 1));
    assert_eq!(world.output_keys_below("ledger/budgets/").await, Vec::<String>::new());
}

#[tokio::test]
async fn model_without_a_price_is_held_by_any_budget() {
    for budget in ["MAX_DROP_USD", "MAX_USD_PER_DAY"] {
        let model = ("MODEL_ID", "amazon.unheard-of-v1:0");
        let (mut world, put) = world_with_a_drop(&[(budget, "1000"), model]).await;
        assert_eq!(held(&world, &world.drop_id_of(KEY, &put)).await.reasons, [Reason::CostUnknown]);
        let message = status_of(&world, KEY, &put).await.message;
        assert!(message.ends_with("There is no price for the model amazon.unheard-of-v1:0."), "{message}");
        assert_eq!(world.creates(), 0);
        approve(&mut world, KEY, &put).await;
        assert_eq!(world.creates(), 1);
    }
}

#[tokio::test]
async fn estimate_that_the_file_brings_along_counts_for_nothing() {
    let mut world = World::with(NOTHING).await;
    let none = "{\"input_tokens\":[0,0],\"output_tokens\":[0,0]}";
    let request = world.own.put_object().bucket(&world.config.input_bucket).key(KEY);
    request.metadata("estimate", none).body(drop_of(120).into()).send().await.unwrap();
    world.sweep_after(Duration::ZERO).await.unwrap();
    let put = world.put(KEY, drop_of(120)).await;
    world.submit(put.clone()).await.unwrap();
    assert!(held(&world, &world.drop_id_of(KEY, &put)).await.cost.max_usd.unwrap() > Usd::default());
}

#[tokio::test]
async fn drop_that_is_still_being_read_is_approved_once_it_is_held() {
    let mut world = World::with(NOTHING).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let put = world.put(KEY, drop_of(120)).await;
    world.faults.set(|call| {
        let is_read = call.operation == "GetObject" && call.to_string().contains(KEY);
        if is_read { Action::StopBefore } else { Action::Pass }
    });
    let faults = world.faults.clone();
    assert!(faults.until_stopped(world.submit(put.clone())).await.is_err());
    world.faults.clear();
    approve(&mut world, KEY, &put).await;
    assert_eq!(world.output_keys_below("requests/").await.len(), 1, "the request stays");
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!((status_of(&world, KEY, &put).await.state, world.creates()), (Stage::Held, 0));
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!((world.creates(), world.output_keys_below("requests/").await), (1, vec![]));
}

#[tokio::test]
async fn held_drop_that_is_cancelled_is_refused_and_can_be_erased() {
    let (mut world, put) = world_with_a_drop(NOTHING).await;
    // It is not over, so it is not erased yet.
    let erasure = world.ask(&world.erasure_of(KEY, &put)).await;
    world.complete(erasure.clone()).await.unwrap();
    assert_eq!(status_of(&world, KEY, &put).await.state, Stage::Held);

    let request = world.ask(&world.cancellation_of(KEY, &put)).await;
    let notice = world.complete.handle(request, &invocation()).await.unwrap().unwrap();
    assert_eq!((notice.drops.len(), notice.drops[0].state), (1, "Rejected"));
    let results = world.results().await;
    results.assert_statuses_are_final();
    assert_eq!(results.rejection().problems[0].code.as_str(), "cancelled");
    assert!(results.status().message.contains("cancelled while it was held"), "{}", results.status().message);
    assert_eq!((world.markers().await, world.creates()), (vec![], 0));
    assert_eq!(world.output_keys_below("work/").await, Vec::<String>::new());

    // Whatever comes late: nothing is submitted.
    approve(&mut world, KEY, &put).await;
    world.submit(put.clone()).await.unwrap();
    world.reconfigure(&[]);
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!(world.creates(), 0);
    let state = world.drop_entry(&world.drop_id_of(KEY, &put)).await.state;
    assert_eq!(state, DropState::Erased, "the sweep has answered the request to erase it");
}

/// Drops a file, and returns why it is held; `None` if it is submitted.
async fn reasons(world: &mut World, key: &str, body: Vec<u8>) -> (Value, Option<Vec<Reason>>) {
    let put = world.put(key, body).await;
    world.submit(put.clone()).await.unwrap();
    let state = world.drop_entry(&world.drop_id_of(key, &put)).await.state;
    let reasons = match state {
        DropState::Held(held) => Some(held.reasons),
        _ => None,
    };
    (put, reasons)
}

#[tokio::test]
async fn file_that_is_dropped_twice_is_held_the_second_time() {
    let (mut world, first) = world_with_a_drop(&[("DUPLICATE_DROPS", "hold")]).await;
    let of = world.drop_id_of(KEY, &first);
    let (second, held) = reasons(&mut world, KEY, drop_of(120)).await;
    let put = world.drop_entry(&of).await.source.last_modified;
    assert_eq!(held, Some(vec![Reason::Duplicate { of: of.clone(), put }]));
    let told = status_of(&world, KEY, &second).await;
    assert!(told.message.contains(&format!("the same file was dropped at {put}, as drop {of}")), "{told:?}");
    assert!(told.next.contains("Until then, none of its records is submitted."), "{told:?}");
    // Other content, and another key.
    assert_eq!(reasons(&mut world, KEY, drop_of(121)).await.1, None);
    assert_eq!(reasons(&mut world, "in/b.jsonl", drop_of(120)).await.1, None);
    assert_eq!(world.creates(), 3);
    approve(&mut world, KEY, &second).await;
    assert_eq!(world.creates(), 4);
}

#[tokio::test]
async fn file_may_be_dropped_again_after_the_first_drop_was_cancelled_or_erased() {
    for is_erased in [false, true] {
        let (mut world, first) =
            world_with_a_drop(&[("DUPLICATE_DROPS", "hold"), ("MAX_DROP_USD", "0")]).await;
        let request = world.ask(&world.cancellation_of(KEY, &first)).await;
        world.complete(request).await.unwrap();
        if is_erased {
            let request = world.ask(&world.erasure_of(KEY, &first)).await;
            world.complete(request).await.unwrap();
        }
        let (_, held) = reasons(&mut world, KEY, drop_of(120)).await;
        assert_eq!(held, Some(vec![Reason::DropBudget { max_usd: Usd::default() }]));
    }
    // One that was cancelled while Bedrock had it.
    let mut world = World::with(&[("DUPLICATE_DROPS", "hold")]).await;
    world.stand_in.script_with(|_, _| bedrock_vpc_batch::local::bedrock::Ending {
        until_stopped: true,
        ..Default::default()
    });
    let (first, _) = reasons(&mut world, KEY, drop_of(120)).await;
    world.jobs_in_progress().await;
    let request = world.ask(&world.cancellation_of(KEY, &first)).await;
    world.complete(request).await.unwrap();
    assert!(reasons(&mut world, KEY, drop_of(120)).await.1.is_some(), "it is still being stopped");
    world.complete_next().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(world.creates(), 2, "the second one has gone on by itself");
}

#[tokio::test]
async fn route_holds_what_the_stack_accepts() {
    let mut world = World::new().await;
    let file = json!({"routes": [
        {"prefix": "in/poor/", "max_drop_usd": 0},
        {"prefix": "in/once/", "duplicate_drops": "hold"},
    ]});
    let event = world.put_routes(file).await;
    world.complete(event).await.unwrap();
    let (put, held) = reasons(&mut world, "in/poor/a.jsonl", drop_of(120)).await;
    assert_eq!(held, Some(vec![Reason::DropBudget { max_usd: Usd::default() }]));
    assert_eq!(reasons(&mut world, "in/once/a.jsonl", drop_of(120)).await.1, None);
    assert!(reasons(&mut world, "in/once/a.jsonl", drop_of(120)).await.1.is_some());
    assert_eq!(reasons(&mut world, KEY, drop_of(120)).await.1, None);
    assert_eq!(reasons(&mut world, KEY, drop_of(120)).await.1, None);
    // Without the route, nothing holds its drop any more.
    let event = world.delete_routes().await;
    world.complete(event).await.unwrap();
    let before = world.creates();
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(world.creates(), before + 2);
    let state = world.drop_entry(&world.drop_id_of("in/poor/a.jsonl", &put)).await.state;
    assert!(matches!(state, DropState::Accepted { .. }), "{}", state.name());
}
