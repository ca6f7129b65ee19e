//! Whose turn it is: routes share the slots by weight, and one that is paused has no turns.

use std::time::Duration;

use bedrock_vpc_batch::drop::hints;
use bedrock_vpc_batch::drop::identity::{JobId, RouteId};
use bedrock_vpc_batch::drop::keys::ROUTES_ENTRY;
use bedrock_vpc_batch::local::bedrock::{Fault, Operation};
use bedrock_vpc_batch::local::faults::Action;
use serde_json::{Value, json};

use crate::support::{MODEL_ID, World, drop_of};

/// Puts these routes, and has them taken over.
async fn route(world: &World, routes: Value) {
    let event = world.put_routes(json!({ "routes": routes })).await;
    world.complete(event).await.unwrap();
}

async fn submit(world: &mut World, key: &str) {
    let put = world.put(key, drop_of(100)).await;
    world.submit(put).await.unwrap();
}

async fn status(world: &World, key: &str) -> Value {
    let statuses = world.output_keys_below(&format!("results/{key}/")).await;
    world.read_json(statuses.iter().find(|key| key.ends_with("/status.json")).unwrap()).await
}

/// The jobs of a route that wait.
async fn waiting_of(world: &World, prefix: &str) -> Vec<JobId> {
    let hints = world.output_keys_below(&hints::of_route(MODEL_ID, &RouteId::derive(prefix))).await;
    hints.iter().map(|hint| hints::parse(hint).unwrap().job_id).collect()
}

#[tokio::test]
async fn free_slots_go_to_the_routes_by_weight() {
    let mut world = World::new().await;
    route(&world, json!([{"prefix": "in/a/", "weight": 3}, {"prefix": "in/b/"}])).await;
    submit(&mut world, "in/first.jsonl").await;
    let ended = world.ended().await;
    world.stand_in.set_max_jobs_in_flight(0);
    for number in 0..24 {
        submit(&mut world, &format!("in/a/{number:02}.jsonl")).await;
        submit(&mut world, &format!("in/b/{number:02}.jsonl")).await;
    }
    let (of_a, of_b) = (waiting_of(&world, "in/a/").await, waiting_of(&world, "in/b/").await);
    assert_eq!((of_a.len(), of_b.len(), world.stand_in.jobs().len()), (24, 24, 1));
    world.stand_in.set_max_jobs_in_flight(100);
    for accepted in 1..=24 {
        world.free_one_slot();
        world.complete(ended.clone()).await.unwrap();
        assert_eq!(world.stand_in.jobs().len(), 1 + accepted);
    }
    let left = (waiting_of(&world, "in/a/").await, waiting_of(&world, "in/b/").await);
    // 18 and 6 are expected. Fewer than 8, or no job of the second route, come once in 100,000 runs or less.
    let (a, b) = (of_a.len() - left.0.len(), of_b.len() - left.1.len());
    assert!(a >= 8 && b >= 1 && a + b == 24, "{a} {b}");
}

#[tokio::test]
async fn route_that_is_paused_has_no_turns_and_holds_nobody_else_up() {
    let paused = |is_paused: bool| json!([{"prefix": "in/a/", "paused": is_paused}]);
    let mut world = World::new().await;
    route(&world, paused(true)).await;
    submit(&mut world, "in/a/x.jsonl").await;
    assert_eq!((world.creates(), waiting_of(&world, "in/a/").await.len()), (0, 1));
    let told = status(&world, "in/a/x.jsonl").await;
    assert_eq!(told["message"], "1 job to be submitted, but the route of the file is paused.");

    // Neither a sweep nor a completion asks for it, and a drop without a route does not queue up behind it.
    world.sweep_after(Duration::ZERO).await.unwrap();
    submit(&mut world, "in/b.jsonl").await;
    world.complete_next().await;
    assert_eq!((world.creates(), world.stand_in.jobs().len()), (1, 1));

    route(&world, paused(false)).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!((world.stand_in.jobs().len(), world.hints().await), (2, vec![]));
    assert_eq!(status(&world, "in/a/x.jsonl").await["state"], "Running");
    world.complete_next().await;
    assert_eq!(world.markers().await, Vec::<String>::new());
}

#[tokio::test]
async fn job_that_was_refused_is_not_tried_while_its_route_is_paused() {
    let mut world = World::new().await;
    route(&world, json!([{"prefix": "in/a/"}])).await;
    let denied = Fault::AccessDenied("not authorized to perform: iam:PassRole".into());
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, denied);
    submit(&mut world, "in/a/x.jsonl").await;
    route(&world, json!([{"prefix": "in/a/", "paused": true}])).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    submit(&mut world, "in/b.jsonl").await;
    world.complete_next().await;
    assert_eq!(world.creates(), 2, "it was asked for only once, and the other drop, too");
    route(&world, json!([])).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!((world.creates(), world.hints().await), (3, vec![]));
}

#[tokio::test]
async fn routes_that_cannot_be_read_have_no_turns() {
    let mut world = World::build(&[], |options| options.quotas.max_jobs_in_flight = 0).await;
    route(&world, json!([{"prefix": "in/a/"}])).await;
    submit(&mut world, "in/a/x.jsonl").await;
    submit(&mut world, "in/b.jsonl").await;
    world.stand_in.set_max_jobs_in_flight(10);
    world.faults.set(|call| match call.operation {
        "GetObject" if call.subject == ROUTES_ENTRY => Action::Refuse { status: 403, code: "AccessDenied" },
        _ => Action::Pass,
    });
    world.sweep_after(Duration::ZERO).await.unwrap_err();
    assert_eq!((world.stand_in.jobs().len(), waiting_of(&world, "in/a/").await.len()), (1, 1));
    world.faults.clear();
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!((world.stand_in.jobs().len(), world.hints().await), (2, vec![]));
}
