//! The Bedrock stand-in over HTTP.

mod http;
mod jobs;
mod operations;
mod service_model;

use std::time::Duration;

use aws_sdk_bedrock::Client;
use aws_sdk_bedrock::config::retry::RetryConfig;
use aws_sdk_bedrock::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_bedrock::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrock::operation::create_model_invocation_job::builders::CreateModelInvocationJobFluentBuilder;
use aws_sdk_bedrock::types::{
    ModelInvocationJobInputDataConfig, ModelInvocationJobOutputDataConfig,
    ModelInvocationJobS3InputDataConfig, ModelInvocationJobS3OutputDataConfig, VpcConfig,
};
use bedrock_vpc_batch::local::bedrock::{StandIn, StandInOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A header that the stand-in accepts as a signature.
pub(crate) const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/bedrock/aws4_request, \
                                    SignedHeaders=host, Signature=00";

/// Options with an S3 that refuses every connection, and without retries.
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

/// A good request for a job with this name and token.
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

/// Sends one request exactly as given, without an HTTP client.
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

/// The name and the message of the service's error.
fn refusal<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> (String, String) {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (text(error.code()), text(error.message()))
}

fn statuses(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["detail"]["status"].as_str().unwrap()).collect()
}

/// Receives events up to the one with this status.
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

/// A whole request, with every member set.
fn good_body(job_name: &str) -> Value {
    json!({
        "jobName": job_name,
        "roleArn": "arn:aws:iam::123456789012:role/r",
        "modelId": "amazon.nova-lite-v1:0",
        "clientRequestToken": job_name,
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bkt/a.jsonl", "s3InputFormat": "JSONL"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://out/dir/"}},
        "vpcConfig": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]},
        "timeoutDurationInHours": 24,
        "tags": [{"key": "k", "value": "v"}],
        "modelInvocationType": "InvokeModel",
    })
}
