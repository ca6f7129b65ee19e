//! The functions' binaries as processes, with a Lambda Runtime API server, an S3 server, and the stand-in.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;

use bedrock_vpc_batch::local::s3::KeyPair;
use serde_json::{Value, json};

use crate::support::processes::{COMPLETE, SUBMIT, function_environment};
use crate::support::runtime_api::{Function, lambda_environment};
use crate::support::{World, drop_of, ids};

#[tokio::test]
async fn dropped_file_becomes_results_through_both_binaries() {
    let mut world = World::new().await;
    let environment = function_environment(world.s3.key(), world.s3.endpoint(), world.stand_in.endpoint());
    let mut submit = Function::start(SUBMIT, &environment).await;
    let mut complete = Function::start(COMPLETE, &environment).await;

    let event = world.put("in/a b+c.jsonl", drop_of(150)).await;
    assert_eq!(submit.invoke(event.clone()).await, Ok(Value::Null));
    let ended = world.ended().await;
    let told = complete.invoke(ended).await.unwrap();
    assert_eq!(
        (&told["drops"][0]["state"], &told["drops"][0]["key"]),
        (&json!("Finished"), &json!("in/a b+c.jsonl"))
    );
    assert_eq!(submit.invoke(event).await, Ok(Value::Null));

    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
    assert_eq!(world.stand_in.jobs().len(), 1);
}

#[tokio::test]
async fn failure_is_reported_with_its_kind_and_cause() {
    let world = World::new().await;
    let environment = function_environment(world.s3.key(), world.s3.endpoint(), world.stand_in.endpoint());
    let mut submit = Function::start(SUBMIT, &environment).await;
    let error = submit.invoke(json!({"neither": "nor"})).await.unwrap_err();
    assert_eq!(error["errorType"], "Misconfigured");
    let message = error["errorMessage"].as_str().unwrap();
    assert_eq!(message, "unusable event: not an S3 notification, SQS message, or Object Created event");
}

#[test]
fn without_a_vpc_neither_binary_starts_or_sends_a_request() {
    let seventeen: Vec<String> = (0..17).map(|number| format!("subnet-{number}")).collect();
    let seventeen = seventeen.join(",");
    let table: Vec<(Option<&str>, Option<&str>, &str)> = vec![
        (None, Some("sg-1"), "SUBNET_IDS is not set"),
        (Some("subnet-1"), None, "SECURITY_GROUP_IDS is not set"),
        (None, None, "SUBNET_IDS is not set; SECURITY_GROUP_IDS is not set"),
        (Some(""), Some(""), "SUBNET_IDS is empty; SECURITY_GROUP_IDS is empty"),
        (Some(" "), Some("\t"), "SUBNET_IDS is empty; SECURITY_GROUP_IDS is empty"),
        (
            Some("subnet-1,"),
            Some("sg-1, ,sg-2"),
            "SUBNET_IDS has a blank item in position 2; SECURITY_GROUP_IDS has a blank item in position 2",
        ),
        (
            Some(&seventeen),
            Some("sg-1,sg-2,sg-3,sg-4,sg-5,sg-6"),
            "SUBNET_IDS has 17 items, but at most 16 are allowed; \
             SECURITY_GROUP_IDS has 6 items, but at most 5 are allowed",
        ),
    ];
    for binary in [SUBMIT, COMPLETE] {
        for (subnet_ids, security_group_ids, problems) in &table {
            let servers: Vec<TcpListener> =
                (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
            let addresses: Vec<String> =
                servers.iter().map(|server| server.local_addr().unwrap().to_string()).collect();
            let mut environment = function_environment(
                &KeyPair::random().unwrap(),
                &format!("http://{}", addresses[0]),
                &format!("http://{}", addresses[1]),
            );
            for (name, value) in [("SUBNET_IDS", subnet_ids), ("SECURITY_GROUP_IDS", security_group_ids)] {
                match value {
                    Some(value) => environment.insert(name.into(), (*value).into()),
                    None => environment.remove(name),
                };
            }
            let output = Command::new(binary)
                .env_clear()
                .envs(environment)
                .envs(lambda_environment(&addresses[2]))
                .output()
                .unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success(), "{binary} {problems}");
            assert_eq!(said, format!("Error: invalid environment: {problems}\n"), "{binary}");
            for server in servers {
                server.set_nonblocking(true).unwrap();
                let error = server.accept().expect_err("no connection was made");
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
            }
        }
    }
}

#[test]
fn without_a_region_or_credentials_neither_binary_starts() {
    for binary in [SUBMIT, COMPLETE] {
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            let mut environment = function_environment(
                &KeyPair::new("id", "secret"),
                "http://127.0.0.1:9",
                "http://127.0.0.1:9",
            );
            environment.remove(name);
            let output = Command::new(binary)
                .env_clear()
                .envs(environment)
                .envs(lambda_environment("127.0.0.1:9"))
                .output()
                .unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(said, format!("Error: invalid environment: {name} is not set\n"), "{binary}");
        }
    }
}
