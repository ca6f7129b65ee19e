//! The operations of the stand-in: what each accepts, refuses, and answers.

use std::time::Duration;

use aws_sdk_bedrock::types::{ModelInvocationJobStatus, SortOrder, VpcConfig};
use bedrock_vpc_batch::local::bedrock::{JobStatus, NameInUse, Quotas, StandIn, StandInOptions};
use serde_json::json;

use super::{SIGNATURE, client, create, events_until, good_body, options, refusal, send, slow, statuses};

#[tokio::test]
async fn a_job_is_created_and_read_back_by_arn_and_by_id() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    let client = client(&stand_in);
    let job_arn = create(&client, "job-1").send().await.unwrap().job_arn;
    assert_eq!(patterns_problems(&job_arn), Vec::<String>::new());
    let by_arn = client.get_model_invocation_job().job_identifier(&job_arn).send().await.unwrap();
    let job_id = job_arn.rsplit('/').next().unwrap();
    let by_id = client.get_model_invocation_job().job_identifier(job_id).send().await.unwrap();
    assert_eq!(by_arn.job_arn, job_arn);
    assert_eq!(by_arn.status, Some(ModelInvocationJobStatus::Submitted));
    assert_eq!(by_arn.model_id, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0");
    assert_eq!(by_arn.vpc_config, by_id.vpc_config);
    assert_eq!(by_arn.submit_time, by_id.submit_time);
    assert_eq!(by_arn.total_record_count, Some(0));
    assert_eq!(by_arn.end_time, None);
    let requests = stand_in.requests();
    let operations: Vec<_> = requests.iter().map(|request| request.operation.unwrap().as_str()).collect();
    assert_eq!(operations, ["CreateModelInvocationJob", "GetModelInvocationJob", "GetModelInvocationJob"]);
    assert_eq!(
        requests[0].body["vpcConfig"],
        json!({"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]})
    );
    let encoded = job_arn.replace(':', "%3A").replace('/', "%2F");
    assert_eq!(requests[1].path, format!("/model-invocation-job/{encoded}"));
    assert_eq!(requests.iter().map(|request| request.status).collect::<Vec<_>>(), [Some(200); 3]);
}

fn patterns_problems(job_arn: &str) -> Vec<String> {
    bedrock_vpc_batch::local::bedrock::patterns::JOB_ARN.problems(job_arn)
}

#[tokio::test]
async fn a_repeated_token_makes_no_second_job() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    let client = client(&stand_in);
    let first = create(&client, "job-1").send().await.unwrap().job_arn;
    let second = create(&client, "job-1").send().await.unwrap().job_arn;
    assert_eq!(first, second);
    let other = create(&client, "job-2").client_request_token("job-1").send().await.unwrap_err();
    assert_eq!(refusal(&other).0, "ConflictException");
    assert_eq!(other.raw_response().unwrap().status().as_u16(), 400);
    let names: Vec<_> = stand_in.jobs().into_iter().map(|job| job.name).collect();
    assert_eq!(names, ["job-1"]);
}

#[tokio::test]
async fn a_name_is_used_once() {
    for (name_in_use, code) in
        [(NameInUse::Conflict, "ConflictException"), (NameInUse::Validation, "ValidationException")]
    {
        let stand_in = StandIn::start(StandInOptions { name_in_use, ..slow() }).await.unwrap();
        let client = client(&stand_in);
        create(&client, "job-1").send().await.unwrap();
        let again = create(&client, "job-1").client_request_token("other").send().await.unwrap_err();
        let expected = (code.to_owned(), "The provided job name is currently in use.".to_owned());
        assert_eq!(refusal(&again), expected);
    }
}

#[tokio::test]
async fn unknown_resources_are_refused() {
    let known = |id: &str| Some(vec![id.to_owned()]);
    let options = StandInOptions {
        roles: known("arn:aws:iam::123456789012:role/r"),
        subnet_ids: known("subnet-1"),
        security_group_ids: known("sg-1"),
        ..slow()
    };
    let stand_in = StandIn::start(options).await.unwrap();
    let client = client(&stand_in);
    let vpc = |subnet: &str, group: &str| {
        VpcConfig::builder().subnet_ids(subnet).security_group_ids(group).build().unwrap()
    };
    let role = create(&client, "job-1").role_arn("arn:aws:iam::123456789012:role/other").send().await;
    assert_eq!(
        refusal(&role.unwrap_err()),
        (
            "AccessDeniedException".to_owned(),
            "User: arn:aws:iam::123456789012:user/caller is not authorized to perform: iam:PassRole on \
             resource: arn:aws:iam::123456789012:role/other"
                .to_owned()
        )
    );
    let subnet = create(&client, "job-1").vpc_config(vpc("subnet-2", "sg-1")).send().await.unwrap_err();
    let group = create(&client, "job-1").vpc_config(vpc("subnet-1", "sg-2")).send().await.unwrap_err();
    let model = create(&client, "job-1").model_id("anthropic.claude-opus-5").send().await.unwrap_err();
    for (error, message) in [
        (subnet, "The subnet ID 'subnet-2' does not exist"),
        (group, "The security group 'sg-2' does not exist"),
        (model, "Batch inference is not supported for model anthropic.claude-opus-5 in region us-east-1"),
    ] {
        assert_eq!(refusal(&error), ("ValidationException".to_owned(), message.to_owned()));
    }
    create(&client, "job-1").send().await.unwrap();
}

#[tokio::test]
async fn jobs_in_flight_are_limited_per_model() {
    let quotas = Quotas { max_jobs_in_flight: 2, ..Quotas::default() };
    let stand_in = StandIn::start(StandInOptions { quotas, ..slow() }).await.unwrap();
    let client = client(&stand_in);
    create(&client, "job-1").send().await.unwrap();
    create(&client, "job-2").send().await.unwrap();
    let third = create(&client, "job-3").send().await.unwrap_err();
    assert_eq!(refusal(&third).0, "ServiceQuotaExceededException");
    assert_eq!(third.raw_response().unwrap().status().as_u16(), 400);
    create(&client, "job-4").model_id("amazon.nova-micro-v1:0").send().await.unwrap();
    create(&client, "job-1").send().await.expect("a repeated token needs no quota");
}

#[tokio::test]
async fn lists_in_pages_by_name_status_and_time() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    let client = client(&stand_in);
    let all_names: Vec<_> = (0..12).map(|number| format!("job-{number:02}")).collect();
    for name in &all_names {
        create(&client, name).send().await.unwrap();
    }
    let names = |summaries: &[aws_sdk_bedrock::types::ModelInvocationJobSummary]| -> Vec<String> {
        summaries.iter().map(|summary| summary.job_name.clone()).collect()
    };
    let first = client.list_model_invocation_jobs().send().await.unwrap();
    let newest_first: Vec<_> = all_names.iter().rev().cloned().collect();
    assert_eq!(names(first.invocation_job_summaries()), newest_first[..10]);
    create(&client, "job-12").send().await.unwrap();
    let token = first.next_token.unwrap();
    let second = client.list_model_invocation_jobs().next_token(token).send().await.unwrap();
    assert_eq!(names(second.invocation_job_summaries()), newest_first[10..]);
    assert_eq!(second.next_token, None);
    let mut ascending = Vec::new();
    let list = client.list_model_invocation_jobs().sort_order(SortOrder::Ascending).name_contains("job-0");
    let mut pages = list.into_paginator().page_size(3).send();
    while let Some(page) = pages.next().await {
        ascending.extend(names(page.unwrap().invocation_job_summaries()));
    }
    assert_eq!(ascending, all_names[..10]);
    let job = client.get_model_invocation_job().job_identifier(&stand_in.jobs()[0].arn).send().await.unwrap();
    let before =
        client.list_model_invocation_jobs().submit_time_before(job.submit_time).send().await.unwrap();
    assert_eq!(names(before.invocation_job_summaries()), Vec::<String>::new());
    let failed = ModelInvocationJobStatus::Failed;
    let failed = client.list_model_invocation_jobs().status_equals(failed).send().await.unwrap();
    assert_eq!(names(failed.invocation_job_summaries()), Vec::<String>::new());
    for query in [
        "maxResults=0",
        "maxResults=1001",
        "maxResults=x",
        "statusEquals=Done",
        "sortBy=Name",
        "sortOrder=Up",
        "nameContains=a_b",
        "nextToken=zz",
        // The offset just past the last of the 13 jobs, and offsets far past it.
        "nextToken=13",
        "nextToken=13&sortOrder=Ascending",
        "nextToken=99999999999999999999",
        "submitTimeAfter=today",
        "more=1",
    ] {
        let path = format!("/model-invocation-jobs?{query}");
        let answer = send(&stand_in, "GET", &path, Some(SIGNATURE), "").await;
        assert_eq!(
            (answer.status, answer.header("x-amzn-errortype")),
            (400, Some("ValidationException")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn tags_that_aws_refuses_are_refused() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    let of = |keys: &[&str]| {
        let mut body = good_body(&format!("job-{}", stand_in.requests().len()));
        body["tags"] = keys.iter().map(|key| json!({"key": key, "value": "v"})).collect();
        body.to_string()
    };
    for (keys, problem) in [
        (&["a", "A", "aws", "xaws:y"][..], None),
        (&["aws:cloudformation:stack-name"], Some("Member must not begin with the reserved aws:")),
        (&["a", "AWS:x"], Some("Member must not begin with the reserved aws:")),
        (&["a", "b", "a"], Some("Member must be unique among the keys of the tags")),
    ] {
        let answer = send(&stand_in, "POST", "/model-invocation-job", Some(SIGNATURE), &of(keys)).await;
        let message = answer.body["message"].as_str().unwrap_or_default();
        let Some(problem) = problem else {
            assert_eq!(answer.status, 200, "{keys:?}: {message}");
            continue;
        };
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (400, Some("ValidationException")));
        let place = format!("at 'tags.{}.member.key'", keys.len());
        assert!(message.contains(problem) && message.contains(&place), "{keys:?}: {message}");
    }
}

#[tokio::test]
async fn a_stopped_job_goes_through_stopping() {
    let stand_in =
        StandIn::start(StandInOptions { pace: Duration::from_millis(300), ..options() }).await.unwrap();
    let mut events = stand_in.subscribe();
    let client = client(&stand_in);
    let job_arn = create(&client, "job-1").send().await.unwrap().job_arn;
    client.stop_model_invocation_job().job_identifier(&job_arn).send().await.unwrap();
    let events = events_until(&mut events, "Stopped").await;
    assert_eq!(statuses(&events), ["Submitted", "Stopping", "Stopped"]);
    let again = client.stop_model_invocation_job().job_identifier(&job_arn).send().await.unwrap_err();
    assert_eq!(
        refusal(&again),
        ("ConflictException".to_owned(), "The job cannot be stopped, its status is Stopped.".to_owned())
    );
    let job = client.get_model_invocation_job().job_identifier(&job_arn).send().await.unwrap();
    assert_eq!(job.status, Some(ModelInvocationJobStatus::Stopped));
    assert_eq!(job.end_time, job.last_modified_time);
}

#[tokio::test]
async fn a_job_whose_input_cannot_be_read_fails() {
    let stand_in = StandIn::start(options()).await.unwrap();
    let mut events = stand_in.subscribe();
    let client = client(&stand_in);
    let job_arn = create(&client, "job-1").send().await.unwrap().job_arn;
    let events = events_until(&mut events, "Failed").await;
    assert_eq!(statuses(&events), ["Submitted", "Validating", "Failed"]);
    let message = events[2]["detail"]["failureMessage"].as_str().unwrap();
    let start = "Could not validate GetObject permissions to access Amazon S3 bucket in-bucket: ";
    assert!(message.starts_with(start) && message.contains("onnection refused"), "{message}");
    assert!(!message.contains(['{', '"']), "{message}");
    let job = client.get_model_invocation_job().job_identifier(&job_arn).send().await.unwrap();
    assert_eq!(job.message(), Some(message));
    assert_eq!(stand_in.jobs()[0].status, JobStatus::Failed);
}
