//! The request on the wire, checked with AWS's own service model.

use serde_json::json;

use crate::support::service_model::violations;
use crate::support::{World, drop_of};

#[tokio::test]
async fn every_field_of_the_request_follows_from_the_environment() {
    let mut world = World::with(&[
        (
            "S3_ENCRYPTION_KEY_ID",
            "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        ),
        ("JOB_TAGS", r#"{"team":"data","cost center":"42"}"#),
        ("TIMEOUT_DURATION_IN_HOURS", "72"),
        ("MODEL_INVOCATION_TYPE", "InvokeModel"),
    ])
    .await;
    let event = world.put("in/a.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();

    let requests = world.stand_in.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    let job = request.body["clientRequestToken"].as_str().unwrap();
    assert!(job.len() == 32 && job.bytes().all(|byte| byte.is_ascii_hexdigit()), "{job}");
    let bucket = &world.config.output_bucket;
    assert_eq!(
        request.body,
        json!({
            "clientRequestToken": job,
            "jobName": format!("demo-{job}"),
            "modelId": crate::support::MODEL_ID,
            "modelInvocationType": "InvokeModel",
            "roleArn": "arn:aws:iam::123456789012:role/demo-batch",
            "inputDataConfig": {"s3InputDataConfig": {
                "s3InputFormat": "JSONL",
                "s3Uri": format!("s3://{bucket}/work/{job}/input/{job}.jsonl"),
            }},
            "outputDataConfig": {"s3OutputDataConfig": {
                "s3EncryptionKeyId": "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
                "s3Uri": format!("s3://{bucket}/work/{job}/output/"),
            }},
            "vpcConfig": {
                "subnetIds": ["subnet-0b", "subnet-0a", "subnet-0c"],
                "securityGroupIds": ["sg-02", "sg-01"],
            },
            "timeoutDurationInHours": 72,
            "tags": [{"key": "cost center", "value": "42"}, {"key": "team", "value": "data"}],
        })
    );
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/model-invocation-job"));
    assert_eq!(violations("CreateModelInvocationJob", &request.body), Vec::<String>::new());
}

#[tokio::test]
async fn most_subnets_and_longest_prefix_still_match_the_service_model() {
    let subnets: Vec<String> = (0..16).map(|number| format!("subnet-{number:017x}")).collect();
    let groups: Vec<String> = (0..5).map(|number| format!("sg-{number:017x}")).collect();
    let mut world = World::with(&[
        ("SUBNET_IDS", &subnets.join(",")),
        ("SECURITY_GROUP_IDS", &groups.join(" , ")),
        ("JOB_NAME_PREFIX", "a23456789-123456789-123456789-"),
        ("MODEL_INVOCATION_TYPE", "Converse"),
    ])
    .await;
    let event = world.put("in/a.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    let body = &world.stand_in.requests()[0].body;
    assert_eq!(body["vpcConfig"], json!({"subnetIds": subnets, "securityGroupIds": groups}));
    assert_eq!(body["jobName"].as_str().unwrap().len(), 63);
    assert_eq!(body.get("tags"), None);
    assert_eq!(violations("CreateModelInvocationJob", body), Vec::<String>::new());
}
