//! The Bedrock stand-in over HTTP: operations, tokens and names, faults, and jobs whose S3 does not answer.

mod jobs;
pub(crate) mod service_model;

use std::time::Duration;

use aws_sdk_bedrock::Client;
use aws_sdk_bedrock::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_bedrock::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrock::operation::create_model_invocation_job::builders::CreateModelInvocationJobFluentBuilder;
use aws_sdk_bedrock::types::{
    ModelInvocationJobInputDataConfig, ModelInvocationJobOutputDataConfig,
    ModelInvocationJobS3InputDataConfig, ModelInvocationJobS3OutputDataConfig, ModelInvocationJobStatus,
    SortOrder, VpcConfig,
};
use bedrock_vpc_batch::local::bedrock::{
    Fault, JobStatus, NameInUse, Operation, Quotas, StandIn, StandInOptions,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A header that the stand-in takes for a signature.
pub(crate) const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/bedrock/aws4_request, \
                                    SignedHeaders=host, Signature=00";

/// Options with an S3 that refuses every connection, and no retries of it.
pub(crate) fn options() -> StandInOptions {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .endpoint_url("http://127.0.0.1:1")
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    StandInOptions::new(aws_sdk_s3::Client::from_conf(config))
}

/// Options under which a job stays Submitted for the whole test.
fn slow() -> StandInOptions {
    StandInOptions { pace: Duration::from_secs(3600), ..options() }
}

/// The real client, pointed at a stand-in.
pub(crate) fn client(stand_in: &StandIn) -> Client {
    let config = aws_sdk_bedrock::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .endpoint_url(stand_in.endpoint())
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// A good request for a job of this name and token.
pub(crate) fn create(client: &Client, name: &str) -> CreateModelInvocationJobFluentBuilder {
    let input = ModelInvocationJobS3InputDataConfig::builder().s3_uri("s3://in-bucket/a.jsonl");
    let output = ModelInvocationJobS3OutputDataConfig::builder().s3_uri("s3://out-bucket/dir/");
    client
        .create_model_invocation_job()
        .job_name(name)
        .client_request_token(name)
        .role_arn("arn:aws:iam::123456789012:role/r")
        .model_id("amazon.nova-lite-v1:0")
        .input_data_config(ModelInvocationJobInputDataConfig::S3InputDataConfig(input.build().unwrap()))
        .output_data_config(ModelInvocationJobOutputDataConfig::S3OutputDataConfig(output.build().unwrap()))
        .vpc_config(VpcConfig::builder().subnet_ids("subnet-1").security_group_ids("sg-1").build().unwrap())
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends one request as it is given, without any client's help.
pub(crate) async fn send(
    stand_in: &StandIn,
    method: &str,
    path: &str,
    authorization: Option<&str>,
    body: &str,
) -> Answer {
    let raw = exchange(stand_in, method, path, authorization, body).await;
    let (head, body) = raw.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: serde_json::from_str(body).expect("a JSON body") }
}

async fn exchange(
    stand_in: &StandIn,
    method: &str,
    path: &str,
    authorization: Option<&str>,
    body: &str,
) -> String {
    let address = stand_in.endpoint().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let authorization = authorization.map(|value| format!("authorization: {value}\r\n")).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\
         {authorization}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Name and message of the error that the service answered with.
fn refusal<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> (String, String) {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (text(error.code()), text(error.message()))
}

fn statuses(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["detail"]["status"].as_str().unwrap()).collect()
}

/// Waits for events up to the one with this status.
pub(crate) async fn events_until(
    events: &mut tokio::sync::mpsc::UnboundedReceiver<Value>,
    status: &str,
) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    while seen.last().is_none_or(|event| event["detail"]["status"] != status) {
        let next = tokio::time::timeout(Duration::from_secs(60), events.recv()).await;
        seen.push(next.unwrap_or_else(|_| panic!("no {status} after {:?}", statuses(&seen))).unwrap());
    }
    seen
}

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
        // One past the newest of the 13 jobs, and far past it.
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
        let mut body = service_model::good_body(&format!("job-{}", stand_in.requests().len()));
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
async fn only_the_newest_requests_are_kept_if_the_log_is_limited() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    stand_in.limit_log(3);
    for number in 0..5 {
        let path = format!("/model-invocation-jobs?maxResults={number}");
        send(&stand_in, "GET", &path, Some(SIGNATURE), "").await;
    }
    let kept: Vec<_> =
        stand_in.requests().into_iter().map(|request| (request.path, request.status)).collect();
    let expected = [2, 3, 4].map(|number| (format!("/model-invocation-jobs?maxResults={number}"), Some(200)));
    assert_eq!(kept, expected);
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

#[tokio::test]
async fn jobs_that_are_not_there_are_not_found() {
    let stand_in = StandIn::start(options()).await.unwrap();
    for (method, path, status, error_type) in [
        ("GET", "/model-invocation-job/abcdefghijkl", 404, "ResourceNotFoundException"),
        ("POST", "/model-invocation-job/abcdefghijkl/stop", 404, "ResourceNotFoundException"),
        ("GET", "/model-invocation-job/BATCHJOB1234", 400, "ValidationException"),
        ("POST", "/model-invocation-job", 400, "ValidationException"),
        ("DELETE", "/model-invocation-job/abcdefghijkl", 404, "UnknownOperationException"),
        ("POST", "/tagResource", 404, "UnknownOperationException"),
    ] {
        let answer = send(&stand_in, method, path, Some(SIGNATURE), "").await;
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, Some(error_type)), "{path}");
        assert!(answer.body["message"].is_string());
    }
}

#[tokio::test]
async fn unsigned_requests_are_refused() {
    let stand_in = StandIn::start(options()).await.unwrap();
    let body = service_model::good_body("job-1").to_string();
    for (authorization, error_type) in [
        (None, "MissingAuthenticationTokenException"),
        (Some("Bearer token".to_owned()), "MissingAuthenticationTokenException"),
        (Some(SIGNATURE.replace("Signature=00", "")), "MissingAuthenticationTokenException"),
        (Some(SIGNATURE.replace("/bedrock/", "/s3/")), "InvalidSignatureException"),
        (Some(SIGNATURE.replace("us-east-1", "us-east-2")), "InvalidSignatureException"),
    ] {
        let answer = send(&stand_in, "POST", "/model-invocation-job", authorization.as_deref(), &body).await;
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (403, Some(error_type)));
    }
    assert_eq!(stand_in.jobs(), []);
}

#[tokio::test]
async fn faults_hit_the_next_requests_of_their_operation() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    let create_job = Operation::CreateModelInvocationJob;
    for (fault, status, error_type, message) in [
        (
            Fault::Throttling,
            429,
            "ThrottlingException",
            "Too many requests, please wait before trying again.",
        ),
        (Fault::InternalServer, 500, "InternalServerException", "The server encountered an internal error."),
        (
            Fault::ServiceUnavailable,
            503,
            "ServiceUnavailableException",
            "Service unavailable, please try again.",
        ),
        (Fault::ServiceQuotaExceeded, 400, "ServiceQuotaExceededException", "The service quota is exceeded."),
        (Fault::AccessDenied("no".to_owned()), 403, "AccessDeniedException", "no"),
        (Fault::Validation("bad".to_owned()), 400, "ValidationException", "bad"),
    ] {
        stand_in.fail_next(create_job, fault);
        let list = send(&stand_in, "GET", "/model-invocation-jobs", Some(SIGNATURE), "").await;
        assert_eq!(list.status, 200);
        let body = service_model::good_body("job-1").to_string();
        let answer = send(&stand_in, "POST", "/model-invocation-job", Some(SIGNATURE), &body).await;
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, Some(error_type)));
        assert_eq!(answer.body, json!({"message": message}));
    }
    assert_eq!(stand_in.jobs(), []);
}

#[tokio::test]
async fn the_sdk_retries_throttling_with_the_same_token() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::Throttling);
    stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceUnavailable);
    create(&client(&stand_in), "job-1").send().await.unwrap();
    let requests = stand_in.requests();
    assert_eq!(requests.iter().map(|request| request.status.unwrap()).collect::<Vec<_>>(), [429, 503, 200]);
    let tokens: Vec<_> = requests.iter().map(|request| &request.body["clientRequestToken"]).collect();
    assert_eq!(tokens, ["job-1"; 3]);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_job_behind() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::LoseAnswer);
    let body = service_model::good_body("job-1").to_string();
    let lost = exchange(&stand_in, "POST", "/model-invocation-job", Some(SIGNATURE), &body).await;
    assert_eq!(lost, "");
    let answer = send(&stand_in, "POST", "/model-invocation-job", Some(SIGNATURE), &body).await;
    let jobs = stand_in.jobs();
    assert_eq!(jobs.len(), 1);
    assert_eq!(answer.body, json!({"jobArn": jobs[0].arn}));
    assert_eq!(jobs[0].request, serde_json::from_str::<Value>(&body).unwrap());
    let statuses: Vec<_> = stand_in.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, Some(200)]);
}

#[tokio::test]
async fn a_dropped_stand_in_ends_hanging_connections() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    stand_in.fail_next(Operation::ListModelInvocationJobs, Fault::Hang);
    let address = stand_in.endpoint().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET /model-invocation-jobs HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let taken = async {
        while stand_in.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), taken).await.unwrap();
    assert_eq!(stand_in.requests()[0].status, None);
    let mut answer = Vec::new();
    let waiting = tokio::time::timeout(Duration::from_millis(100), stream.read_to_end(&mut answer)).await;
    assert!(waiting.is_err(), "a hanging request was answered");
    drop(stand_in);
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the connection outlived the stand-in");
    assert_eq!(answer, b"");
    assert!(TcpStream::connect(&address).await.is_err());
}
