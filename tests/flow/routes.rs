//! Routes: which drops have which settings, what a change or a mistake in the file does, and crashes while it is taken over.

use std::time::Duration;

use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::drop::keys;
use bedrock_vpc_batch::local::bedrock::{Fault, JobView, Operation};
use bedrock_vpc_batch::local::faults::Action;
use serde_json::{Value, json};

use crate::support::{LEASE_OVER, MODEL_ID, World, drop_of};

const MICRO: &str = "amazon.nova-micro-v1:0";
const PRO: &str = "amazon.nova-pro-v1:0";

/// A stack whose routes may name two models besides its own.
async fn world() -> World {
    let arn = |model| format!("arn:aws:bedrock:us-east-1::foundation-model/{model}");
    World::with(&[("ROUTE_MODEL_ARNS", &format!("{},{}", arn(MICRO), arn(PRO)))]).await
}

fn routes(routes: &Value) -> String {
    serde_json::to_string_pretty(&json!({ "routes": routes })).unwrap()
}

async fn in_force(world: &World) -> Value {
    world.read_json(keys::ROUTES_IN_FORCE).await
}

/// Drops a file, and returns the job that Bedrock has of it.
async fn job_of(world: &mut World, key: &str) -> JobView {
    let put = world.put(key, drop_of(120)).await;
    let before = world.stand_in.jobs().len();
    world.submit(put).await.unwrap();
    let jobs = world.stand_in.jobs();
    assert_eq!(jobs.len(), before + 1);
    jobs.into_iter().next_back().unwrap()
}

#[tokio::test]
async fn longest_prefix_decides_about_model_tags_and_timeout() {
    let mut world = world().await;
    let file = routes(&json!([
        {"prefix": "in/a/", "model_id": MICRO, "timeout_duration_in_hours": 48, "job_tags": {"team": "a"}},
        {"prefix": "in/a/pro/", "model_id": PRO},
    ]));
    let event = world.put_routes(file).await;
    world.complete(event).await.unwrap();
    for (key, model, hours, tags) in [
        ("in/x.jsonl", MODEL_ID, 24, json!([])),
        ("in/a/x.jsonl", MICRO, 48, json!([{"key": "team", "value": "a"}])),
        ("in/a/pro/x.jsonl", PRO, 24, json!([])),
        ("in/a.jsonl", MODEL_ID, 24, json!([])),
    ] {
        let request = job_of(&mut world, key).await.request;
        assert_eq!(request["modelId"], model, "{key}");
        assert_eq!(request["timeoutDurationInHours"], hours, "{key}");
        assert_eq!(request.get("tags").cloned().unwrap_or_else(|| json!([])), tags, "{key}");
        assert_eq!(request["vpcConfig"]["subnetIds"], json!(world.config.vpc.subnet_ids()), "{key}");
    }
}

/// A drop of a route, for whose job Bedrock first has this fault. Then the route gets another model, and the sweep asks again.
async fn route_changes_after(fault: Fault) -> World {
    let mut world = world().await;
    let event = world.put_routes(routes(&json!([{"prefix": "in/", "model_id": MICRO}]))).await;
    world.complete(event).await.unwrap();
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, fault);
    let drop = world.put("in/x.jsonl", drop_of(120)).await;
    world.submit(drop).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 0);

    let event = world.put_routes(routes(&json!([{"prefix": "in/", "model_id": PRO}]))).await;
    world.complete(event).await.unwrap();
    world.sweep_after(Duration::ZERO).await.unwrap();
    world
}

#[tokio::test]
async fn drop_keeps_its_route_when_the_file_changes_while_it_waits() {
    let mut world = route_changes_after(Fault::ServiceQuotaExceeded).await;
    assert_eq!(world.stand_in.jobs()[0].request["modelId"], MICRO);
    assert_eq!(job_of(&mut world, "in/y.jsonl").await.request["modelId"], PRO);
}

#[tokio::test]
async fn job_that_was_refused_takes_the_route_in_force() {
    let refusal = "the model does not support batch inference";
    let mut world = route_changes_after(Fault::Validation(refusal.into())).await;
    assert_eq!(world.stand_in.jobs()[0].request["modelId"], PRO);
    world.complete_next().await;
    assert_eq!((world.hints().await, world.markers().await), (vec![], vec![]));
}

#[tokio::test]
async fn bad_file_is_refused_whole_with_its_lines_and_the_last_good_one_stays() {
    let mut world = world().await;
    let good = routes(&json!([{"prefix": "in/a/", "model_id": MICRO}]));
    let event = world.put_routes(&good).await;
    world.complete(event).await.unwrap();
    let first = in_force(&world).await;
    assert_eq!(first["routes"], json!([{"prefix": "in/a/", "model_id": MICRO}]));
    assert_eq!(first.get("refused"), None);

    let bad = "{\"routes\": [\n {\"prefix\": \"in/b/\", \"model_id\": \"amazon.nova-pro-v1:0\"},\n \
               {\"prefix\": \"in/c/\", \"model_id\": \"anthropic.claude-3-haiku-20240307-v1:0\"}\n]}";
    let event = world.put_routes(bad).await;
    world.complete(event).await.unwrap();
    let refused = in_force(&world).await;
    assert_eq!((&refused["routes"], &refused["since"]), (&first["routes"], &first["since"]));
    let problems = refused["refused"]["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0]["line"], 3);
    assert!(
        problems[0]["what"].as_str().unwrap().starts_with("model_id is not a model that the stack allows")
    );
    assert_eq!(job_of(&mut world, "in/b/x.jsonl").await.request["modelId"], MODEL_ID);
    assert_eq!(job_of(&mut world, "in/a/x.jsonl").await.request["modelId"], MICRO);

    // The sweep finds the file whose event was lost, and the one that is gone.
    world.put_routes(routes(&json!([{"prefix": "in/b/", "model_id": PRO}]))).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(in_force(&world).await.get("refused"), None);
    assert_eq!(job_of(&mut world, "in/b/y.jsonl").await.request["modelId"], PRO);
    let event = world.delete_routes().await;
    world.complete(event).await.unwrap();
    assert_eq!(in_force(&world).await["routes"], json!([]));
    assert_eq!(job_of(&mut world, "in/b/z.jsonl").await.request["modelId"], MODEL_ID);
}

#[tokio::test]
async fn refused_file_is_judged_again_when_the_stack_has_changed() {
    let mut world = world().await;
    let file = routes(&json!([{"prefix": "in/", "model_id": MICRO}]));
    world.reconfigure(&[]);
    let event = world.put_routes(&file).await;
    world.complete(event.clone()).await.unwrap();
    let refused = world.read_output(keys::ROUTES_ENTRY).await;
    world.complete(event.clone()).await.unwrap();
    assert_eq!(world.read_output(keys::ROUTES_ENTRY).await, refused, "nothing new is not recorded");
    world.reconfigure(&[("ROUTE_MODEL_ARNS", MICRO)]);
    world.sweep_after(Duration::ZERO).await.unwrap();
    let now = in_force(&world).await;
    assert_eq!((now.get("refused"), now["routes"].as_array().unwrap().len()), (None, 1));
    assert_eq!(job_of(&mut world, "in/x.jsonl").await.request["modelId"], MICRO);
}

#[tokio::test]
async fn file_that_is_too_large_is_not_read() {
    let world = world().await;
    world.faults.reset();
    let event = world.put_routes(" ".repeat(300_000)).await;
    world.complete(event).await.unwrap();
    let what = in_force(&world).await["refused"]["problems"][0]["what"].clone();
    assert_eq!(what, "the file has 300000 bytes; at most 262144 are allowed");
    let is_read = |call: &&bedrock_vpc_batch::local::faults::Call| {
        call.operation == "GetObject" && call.subject == keys::ROUTES_FILE
    };
    assert_eq!(world.faults.calls().iter().find(is_read), None);
}

#[tokio::test]
async fn drop_waits_if_its_route_names_a_model_that_the_stack_allows_no_more() {
    let mut world = world().await;
    let event = world.put_routes(routes(&json!([{"prefix": "in/a/", "model_id": MICRO}]))).await;
    world.complete(event).await.unwrap();
    world.reconfigure(&[]);
    // Drops without this route go on.
    assert_eq!(job_of(&mut world, "in/x.jsonl").await.request["modelId"], MODEL_ID);
    let late = world.put("in/a/x.jsonl", drop_of(120)).await;
    let error = world.submit(late).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(
        error.to_string().starts_with("route \"in/a/\": model_id is not a model that the stack allows"),
        "{error}"
    );
    assert_eq!(world.stand_in.jobs().len(), 1);
    // The error of a sweep is only logged if a drop has ended, too.
    drop(world.sweep_after(LEASE_OVER).await);
    assert_eq!(world.stand_in.jobs().len(), 1);

    let event = world.put_routes(routes(&json!([]))).await;
    world.complete(event).await.unwrap();
    world.sweep_after(2 * LEASE_OVER).await.unwrap();
    assert_eq!(world.stand_in.jobs()[1].request["modelId"], MODEL_ID);
}

#[tokio::test]
async fn every_crash_while_routes_are_taken_over_leaves_the_old_or_the_new_ones() {
    let old = routes(&json!([{"prefix": "in/", "model_id": MICRO}]));
    let new = routes(&json!([{"prefix": "in/", "model_id": PRO}]));
    let mut number = 0;
    loop {
        number += 1;
        let mut tried = 0;
        for action in [Action::StopBefore, Action::StopAfter, Action::LoseAnswer] {
            let mut world = world().await;
            let event = world.put_routes(&old).await;
            world.complete(event).await.unwrap();
            let event = world.put_routes(&new).await;
            world.faults.reset();
            let fault = action.clone();
            world.faults.set(move |call| if call.number == number { fault.clone() } else { Action::Pass });
            let faults = world.faults.clone();
            let _ = faults.until_stopped(world.complete(event)).await;
            if (world.faults.calls().len() as u64) < number {
                continue;
            }
            tried += 1;
            world.faults.clear();
            let model = job_of(&mut world, "in/x.jsonl").await.request["modelId"].clone();
            assert!([MICRO, PRO].contains(&model.as_str().unwrap()), "{model}");
            world.sweep_after(Duration::ZERO).await.unwrap();
            assert_eq!(
                in_force(&world).await["routes"],
                json!([{"prefix": "in/", "model_id": PRO}]),
                "{number} {action:?}"
            );
            assert_eq!(job_of(&mut world, "in/y.jsonl").await.request["modelId"], PRO);
        }
        if tried == 0 {
            break;
        }
    }
    assert!(number > 5, "{number}");
}
