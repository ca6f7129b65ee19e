//! Jobs that have one of our names: those of other programs are left alone, and ours are recognized by their
//! token.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_bedrock::types::VpcConfig;
use bedrock_vpc_batch::aws::config::Config;
use bedrock_vpc_batch::aws::job_request::{new_request, to_request};
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::drop::identity::{DropId, JobId};
use bedrock_vpc_batch::job::request::JobRequest;
use bedrock_vpc_batch::ledger::status::Stage;
use bedrock_vpc_batch::local::faults::Action;

use crate::support::{LEASE_OVER, World, drop_of, ids};

/// The request for the first job of the drop.
async fn request(world: &World, config: &Config) -> JobRequest {
    let store = Store::new(world.clients.s3.clone(), &config.output_bucket);
    let source = store.head(&S3Uri::new(&config.input_bucket, "in/a.jsonl"), None).await.unwrap().unwrap();
    new_request(config, &config.settings(), &JobId::derive(&DropId::derive(&source), 1, 1))
}

/// Creates a job as another program would, with the name of our first one. It has an input, so it runs.
async fn take_the_name(world: &World) -> String {
    let request = request(world, &world.config).await;
    let body = drop_of(120);
    let put = world.own.put_object().bucket(&world.config.output_bucket).key("elsewhere/x.jsonl");
    put.body(body.into()).send().await.unwrap();
    let foreign = JobRequest {
        client_request_token: "of-another".into(),
        input_s3_uri: format!("s3://{}/elsewhere/x.jsonl", world.config.output_bucket),
        output_s3_uri: format!("s3://{}/elsewhere/", world.config.output_bucket),
        ..request
    };
    to_request(&foreign).unwrap().send_with(&world.clients.bedrock).await.unwrap().job_arn
}

#[tokio::test]
async fn name_taken_by_another_program_costs_an_attempt() {
    for (attempts, expected) in [("3", [ids(150), BTreeSet::new()]), ("1", [BTreeSet::new(), ids(150)])] {
        let mut world = World::with(&[("MAX_ATTEMPTS", attempts)]).await;
        let event = world.put("in/a.jsonl", drop_of(150)).await;
        let foreign = take_the_name(&world).await;
        world.submit(event).await.unwrap();
        // The end of that job does not concern us, at any time.
        let ended = world.ended().await;
        world.complete(ended.clone()).await.unwrap();
        for round in 1..4 {
            world.sweep_after(LEASE_OVER * round).await.unwrap();
            world.all_jobs_over().await;
        }
        world.complete(ended).await.unwrap();
        assert_eq!(world.markers().await, Vec::<String>::new());
        let results = world.results().await;
        let [succeeded, _, unprocessed] = results.ids();
        assert_eq!([succeeded, unprocessed], expected);
        let summary = results.summary();
        assert!(summary.balanced, "{:?}", summary.mismatches);
        let first = &summary.jobs[0];
        assert_eq!((first.outcome.status.as_str(), first.attempt), ("NameInUse", 1));
        assert!(first.outcome.message.as_ref().unwrap().starts_with(&foreign));
        assert_eq!(summary.jobs.len(), usize::from(attempts == "3") + 1);
    }
}

#[tokio::test]
async fn end_of_another_programs_job_with_our_name_is_not_an_error() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    take_the_name(&world).await;
    // When the other job ends, ours is waiting for its role.
    world.stand_in.set_known_roles(Some(vec![]));
    world.submit(event).await.unwrap();
    world.complete_next().await;
    let results = world.results().await;
    assert_eq!((results.files.len(), results.status().state), (1, Stage::Waiting));
    assert_eq!(world.stand_in.jobs().len(), 1);
}

#[tokio::test]
async fn job_with_our_token_is_followed_even_if_it_differs() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    // The function dies after it has recorded that it is submitting the job.
    world.faults.set(|call| match call.operation {
        "CreateModelInvocationJob" => Action::StopBefore,
        _ => Action::Pass,
    });
    world.faults.until_stopped(world.submit(event)).await.unwrap_err();
    world.faults.clear();
    // The job exists, but its subnets differ from the recorded ones.
    let request = request(&world, &world.config).await;
    let vpc = VpcConfig::builder().subnet_ids("subnet-0a").security_group_ids("sg-01").build().unwrap();
    let create = to_request(&request).unwrap().vpc_config(vpc);
    let job_arn = create.send_with(&world.clients.bedrock).await.unwrap().job_arn;

    world.sweep_after(LEASE_OVER).await.unwrap();
    world.ended().await;
    world.sweep_after(LEASE_OVER + Duration::from_secs(60)).await.unwrap();
    let results = world.results().await;
    assert_eq!(results.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
    assert_eq!(results.summary().jobs[0].job_arn, job_arn);
    assert_eq!(world.stand_in.jobs().len(), 1);
}
