//! The stand-in's patterns, verdicts, and answers are those of AWS's own service model.

use std::time::Duration;

use super::good_body;
use crate::support::service_model::{BEDROCK, RUNTIME, output_violations, violations};
use bedrock_vpc_batch::local::bedrock::{StandIn, patterns};
use serde_json::{Map, Value, json};

use crate::local::bedrock::{SIGNATURE, options, send};

#[test]
fn every_constant_of_the_stand_in_is_that_of_the_service_model() {
    let number = |shape: &Map<String, Value>, name: &str| {
        shape.get(name).and_then(Value::as_u64).map(|number| usize::try_from(number).unwrap())
    };
    for text in patterns::TEXTS {
        let shape = BEDROCK.shape(text.shape);
        let expected = (number(shape, "min"), number(shape, "max"), shape["pattern"].as_str());
        assert_eq!((text.min, text.max, Some(text.pattern)), expected, "{}", text.shape);
    }
    for span in patterns::SPANS {
        let shape = BEDROCK.shape(span.shape);
        let expected = (number(shape, "min"), number(shape, "max"));
        assert_eq!((Some(span.min), Some(span.max)), expected, "{}", span.shape);
    }
    for choice in patterns::CHOICES {
        assert_eq!(json!(choice.values), BEDROCK.shape(choice.shape)["enum"], "{}", choice.shape);
    }
    for members in [&patterns::CONVERSE, &patterns::CONTENT_BLOCK] {
        let mut expected = RUNTIME.shape(members.shape)["members"].as_object().unwrap().clone();
        // Converse has the model in its path, and a record has only the body.
        expected.remove("modelId");
        let mut names = members.names.to_vec();
        names.sort_unstable();
        assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{}", members.shape);
    }
}

/// Checks the other direction: the stand-in has a constant for everything that the model constrains.
#[test]
fn every_constraint_on_the_request_has_a_constant() {
    let mut names = vec!["CreateModelInvocationJobRequest", "ListModelInvocationJobsRequest"];
    let mut constrained = Vec::new();
    let mut next = 0;
    while next < names.len() {
        let name = names[next];
        let shape = BEDROCK.shape(name);
        let members = shape.get("members").and_then(Value::as_object).into_iter().flat_map(Map::values);
        for member in members.chain(shape.get("member")) {
            let member = member["shape"].as_str().unwrap();
            if !names.contains(&member) {
                names.push(member);
            }
        }
        if ["min", "max", "pattern", "enum"].iter().any(|rule| shape.contains_key(*rule)) {
            constrained.push(name);
        }
        next += 1;
    }
    let texts = patterns::TEXTS.iter().map(|text| text.shape);
    let spans = patterns::SPANS.iter().map(|span| span.shape);
    let choices = patterns::CHOICES.iter().map(|choice| choice.shape);
    let held: Vec<_> = texts.chain(spans).chain(choices).collect();
    constrained.retain(|name| !held.contains(name));
    assert_eq!(constrained, Vec::<&str>::new());
}

#[test]
fn errors_have_the_service_models_status() {
    for (name, status) in [
        ("AccessDeniedException", 403),
        ("ConflictException", 400),
        ("InternalServerException", 500),
        ("ResourceNotFoundException", 404),
        ("ServiceQuotaExceededException", 400),
        ("ServiceUnavailableException", 503),
        ("ThrottlingException", 429),
        ("ValidationException", 400),
    ] {
        assert_eq!(BEDROCK.shape(name)["error"]["httpStatusCode"], status, "{name}");
    }
}

/// `MAX_RECORD_BYTES` follows from the longest body that `InvokeModel` takes.
#[test]
fn an_invoke_model_body_has_at_most_25_000_000_bytes() {
    let body = &RUNTIME.shape("InvokeModelRequest")["members"]["body"]["shape"];
    assert_eq!((body, &RUNTIME.shape("Body")["max"]), (&json!("Body"), &json!(25_000_000)));
}

/// Changes that keep the request good, each a JSON pointer and a value. A `null` counts as absent.
fn good_changes() -> Vec<(&'static str, Value)> {
    let many = |count| Value::Array((0..count).map(|number| json!(format!("id-{number}"))).collect());
    let tags =
        |count| Value::Array((0..count).map(|n| json!({"key": format!("k{n}"), "value": ""})).collect());
    let key = "/outputDataConfig/s3OutputDataConfig/s3EncryptionKeyId";
    vec![
        ("/jobName", json!("x")),
        ("/jobName", json!("1job-.+")),
        ("/jobName", json!("n".repeat(63))),
        ("/roleArn", json!("arn:aws-us-gov:iam::123456789012:role/path/r")),
        ("/roleArn", json!(format!("arn:aws:iam::123456789012:role/{}", "r".repeat(2017)))),
        ("/modelId", json!("us.anthropic.claude-haiku-4-5-20251001-v1:0")),
        ("/modelId", json!("global.anthropic.claude-opus-5")),
        ("/modelId", json!("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0")),
        (
            "/modelId",
            json!("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl"),
        ),
        ("/clientRequestToken", json!("6dde3243-ebd2-42b1-f050-2f4b4cf192d0")),
        ("/clientRequestToken", json!("a".repeat(256))),
        ("/clientRequestToken", Value::Null),
        ("/inputDataConfig/s3InputDataConfig/s3Uri", json!("s3://bkt")),
        ("/inputDataConfig/s3InputDataConfig/s3Uri", json!("s3://bkt/dir/")),
        ("/inputDataConfig/s3InputDataConfig/s3Uri", json!("s3://bkt/a(1)!_*'.jsonl")),
        ("/inputDataConfig/s3InputDataConfig/s3InputFormat", Value::Null),
        ("/inputDataConfig/s3InputDataConfig/s3BucketOwner", json!("123456789012")),
        (key, json!("alias/a/b_c")),
        (key, json!("01234567-89ab-cdef-0123-456789abcdef")),
        (key, json!("arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef")),
        ("/vpcConfig", Value::Null),
        ("/vpcConfig/subnetIds", many(16)),
        ("/vpcConfig/securityGroupIds", many(5)),
        ("/timeoutDurationInHours", json!(168)),
        ("/timeoutDurationInHours", Value::Null),
        ("/tags", json!([])),
        ("/tags", tags(200)),
        ("/tags/0/key", json!("a b\t._:/=+@-")),
        ("/modelInvocationType", json!("Converse")),
        ("/modelInvocationType", Value::Null),
    ]
}

/// Changes that each make the request bad.
fn bad_changes() -> Vec<(&'static str, Value)> {
    let many = |count| Value::Array((0..count).map(|number| json!(format!("id-{number}"))).collect());
    let tags =
        |count| Value::Array((0..count).map(|n| json!({"key": format!("k{n}"), "value": ""})).collect());
    let input = "/inputDataConfig/s3InputDataConfig/s3Uri";
    let output = "/outputDataConfig/s3OutputDataConfig/s3Uri";
    let key = "/outputDataConfig/s3OutputDataConfig/s3EncryptionKeyId";
    let mut changes: Vec<_> = ["", "job_1", "a/b", "job 1", "-job", "2026-11-23T12:00", "é", "job\n"]
        .map(|name| ("/jobName", json!(name)))
        .to_vec();
    changes.extend(
        ["", "abc-", "a_b", "a/b", "a.b", "a=", "\"etag\""]
            .map(|token| ("/clientRequestToken", json!(token))),
    );
    changes.extend(
        [
            "",
            "bkt/a.jsonl",
            "s3://b/a",
            "s3://Bkt/a.jsonl",
            "s3://bkt/a b.jsonl",
            "s3://bkt/dt=1/a.jsonl",
            "s3://bkt/a+b.jsonl",
            "s3://bkt//a.jsonl",
            "s3://bkt/é.jsonl",
            "s3://bkt/a@b",
            "s3://bkt/a:b",
            "s3://bkt/a,b",
            "s3://bkt/a%20b",
            "s3://bkt/a&b",
            "s3://bkt/a~b",
            "s3://bkt/a$b",
            "s3://bkt/a;b",
            "s3://bkt/a#b",
            "s3://bkt/a\n",
        ]
        .map(|uri| (input, json!(uri))),
    );
    changes.extend(
        [
            "",
            "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl",
            "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghijkl",
            "a b",
            "amazon.nova lite",
        ]
        .map(|model| ("/modelId", json!(model))),
    );
    changes.extend(
        ["", "role/r", "arn:aws:iam::1:role/r", "arn:aws:iam::123456789012:user/u"]
            .map(|role| ("/roleArn", json!(role))),
    );
    changes.extend([
        ("/jobName", json!("n".repeat(64))),
        ("/jobName", json!(7)),
        ("/jobName", Value::Null),
        ("/roleArn", Value::Null),
        ("/roleArn", json!(format!("arn:aws:iam::123456789012:role/{}", "r".repeat(2018)))),
        ("/modelId", Value::Null),
        ("/clientRequestToken", json!("a".repeat(257))),
        ("/inputDataConfig", Value::Null),
        ("/inputDataConfig", json!("s3://bkt/a.jsonl")),
        ("/inputDataConfig", json!({})),
        ("/inputDataConfig/s3InputDataConfig", Value::Null),
        ("/inputDataConfig/other", json!({})),
        ("/inputDataConfig/s3InputDataConfig/s3Uri", Value::Null),
        ("/inputDataConfig/s3InputDataConfig/s3InputFormat", json!("CSV")),
        ("/inputDataConfig/s3InputDataConfig/s3BucketOwner", json!("1234")),
        ("/outputDataConfig", Value::Null),
        ("/outputDataConfig", json!({})),
        ("/outputDataConfig/s3OutputDataConfig/s3BucketOwner", json!(123_456_789_012_i64)),
        (output, json!(format!("s3://bkt/{}", "a".repeat(1016)))),
        (output, json!("s3://bkt/a b/")),
        (key, json!("")),
        (key, json!("alias/a b")),
        (key, json!("arn:aws:kms:us-east-1:123456789012:key/short")),
        ("/vpcConfig", json!({})),
        ("/vpcConfig", json!([])),
        ("/vpcConfig/subnets", json!(["subnet-1"])),
        ("/vpcConfig/subnetIds", Value::Null),
        ("/vpcConfig/subnetIds", json!([])),
        ("/vpcConfig/subnetIds", json!("subnet-1")),
        ("/vpcConfig/subnetIds", json!([null])),
        ("/vpcConfig/subnetIds", many(17)),
        ("/vpcConfig/subnetIds/0", json!("subnet_1")),
        ("/vpcConfig/subnetIds/0", json!("")),
        ("/vpcConfig/subnetIds/0", json!("s".repeat(33))),
        ("/vpcConfig/securityGroupIds", Value::Null),
        ("/vpcConfig/securityGroupIds", json!([])),
        ("/vpcConfig/securityGroupIds", many(6)),
        ("/vpcConfig/securityGroupIds/0", json!("sg 1")),
        ("/timeoutDurationInHours", json!(23)),
        ("/timeoutDurationInHours", json!(169)),
        ("/timeoutDurationInHours", json!(-24)),
        ("/timeoutDurationInHours", json!(24.5)),
        ("/timeoutDurationInHours", json!("24")),
        ("/tags", tags(201)),
        ("/tags", json!({"k": "v"})),
        ("/tags/0/key", json!("")),
        ("/tags/0/key", json!("k".repeat(129))),
        ("/tags/0/key", json!("a,b")),
        ("/tags/0/key", json!("a\u{a0}b")),
        ("/tags/0/value", Value::Null),
        ("/tags/0/value", json!("v".repeat(257))),
        ("/tags/0/more", json!("v")),
        ("/modelInvocationType", json!("converse")),
        ("/modelInvocationType", json!("")),
        ("/more", json!(1)),
    ]);
    changes
}

/// Sets the member at the JSON pointer `place`, which may be new.
fn changed(mut body: Value, place: &str, value: Value) -> Value {
    let (parent, name) = place.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        parent => parent[name] = value,
    }
    body
}

#[tokio::test]
async fn the_stand_in_and_the_service_model_agree_on_every_request() {
    let stand_in = StandIn::start(options()).await.unwrap();
    let good = good_changes().into_iter().map(|change| (change, true));
    let bad = bad_changes().into_iter().map(|change| (change, false));
    let mut table: Vec<_> = good.chain(bad).collect();
    table.push((("/jobName", json!("unchanged")), true));
    let mut disagreements = Vec::new();
    for (number, ((place, value), is_good)) in table.iter().enumerate() {
        let body = changed(good_body(&format!("job-{number}")), place, value.clone());
        let violations = violations("CreateModelInvocationJob", &body);
        let answer =
            send(&stand_in, "POST", "/model-invocation-job", Some(SIGNATURE), &body.to_string()).await;
        let is_accepted = answer.status == 200;
        if violations.is_empty() != *is_good || is_accepted != *is_good {
            disagreements.push(format!("{place} = {value}: model {violations:?}, stand-in {}", answer.body));
        }
        if !is_good {
            let message = answer.body["message"].as_str().unwrap_or_default();
            assert_eq!(answer.header("x-amzn-errortype"), Some("ValidationException"), "{place} = {value}");
            assert!(message.contains("failed to satisfy constraint: Member must"), "{message}");
        }
    }
    assert_eq!(disagreements, Vec::<String>::new());
    let bad = table.iter().filter(|(_, is_good)| !is_good).count();
    assert!(bad >= 40, "only {bad} bad requests");
}

#[tokio::test]
async fn answers_of_the_stand_in_match_the_service_model() {
    let slow =
        bedrock_vpc_batch::local::bedrock::StandInOptions { pace: Duration::from_secs(3600), ..options() };
    let stand_in = StandIn::start(slow).await.unwrap();
    let full = good_body("job-full");
    let mut sparse = good_body("job-sparse");
    for optional in
        ["clientRequestToken", "vpcConfig", "timeoutDurationInHours", "tags", "modelInvocationType"]
    {
        sparse.as_object_mut().unwrap().remove(optional);
    }
    for body in [full, sparse] {
        let created =
            send(&stand_in, "POST", "/model-invocation-job", Some(SIGNATURE), &body.to_string()).await;
        assert_eq!(output_violations("CreateModelInvocationJob", &created.body), Vec::<String>::new());
        let job_id = created.body["jobArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let path = format!("/model-invocation-job/{job_id}");
        let got = send(&stand_in, "GET", &path, Some(SIGNATURE), "").await;
        assert_eq!(output_violations("GetModelInvocationJob", &got.body), Vec::<String>::new());
    }
    let listed = send(&stand_in, "GET", "/model-invocation-jobs?maxResults=1", Some(SIGNATURE), "").await;
    assert_eq!(output_violations("ListModelInvocationJobs", &listed.body), Vec::<String>::new());
    assert_eq!(listed.body["nextToken"], "0");
    let stopped =
        send(&stand_in, "POST", &format!("{}/stop", job_path(&listed.body)), Some(SIGNATURE), "").await;
    assert_eq!((stopped.status, stopped.body.clone()), (200, json!({})));
    assert_eq!(output_violations("StopModelInvocationJob", &stopped.body), Vec::<String>::new());
}

fn job_path(listed: &Value) -> String {
    let arn = listed["invocationJobSummaries"][0]["jobArn"].as_str().unwrap();
    format!("/model-invocation-job/{}", arn.rsplit('/').next().unwrap())
}

#[test]
fn the_walker_finds_each_kind_of_violation() {
    let body = json!({
        "jobName": "",
        "roleArn": 1,
        "inputDataConfig": {},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://out/dir/", "more": 1}},
        "vpcConfig": {"subnetIds": [], "securityGroupIds": ["sg_1"]},
        "timeoutDurationInHours": 23,
        "modelInvocationType": "Chat",
    });
    assert_eq!(
        violations("CreateModelInvocationJob", &body),
        [
            ": modelId is missing",
            "inputDataConfig: a union must have exactly one member, this one has 0",
            "jobName (ModelInvocationJobName): 0 is not in 1 to 63",
            "jobName (ModelInvocationJobName): \"\" does not match [a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\\+\\-\\.]){0,63}",
            "modelInvocationType (ModelInvocationType): \"Chat\" is not in the enumeration",
            "outputDataConfig.s3OutputDataConfig.more: not known",
            "roleArn (RoleArn): 1 is not of type string",
            "timeoutDurationInHours (ModelInvocationJobTimeoutDurationInHours): 23 is not in 24 to 168",
            "vpcConfig.securityGroupIds[0] (SecurityGroupId): \"sg_1\" does not match [-0-9a-zA-Z]+",
            "vpcConfig.subnetIds (SubnetIds): 0 is not in 1 to 16",
        ]
    );
}
