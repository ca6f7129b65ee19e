//! The command `redrive`, with a server that answers as AWS does.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>,
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>,
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html> (read 2026-11)

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support::BOUND;
use crate::support::processes::{COMMAND_LINE, Printed, printed};

/// What the account has.
#[derive(Default)]
struct Account {
    /// The messages of each queue, by its URL, and whether each is hidden.
    queues: BTreeMap<String, Vec<(Value, bool)>>,
    /// The functions that were invoked, and their events.
    invoked: Vec<(String, Value)>,
    /// Whether Lambda refuses to invoke anything.
    is_denied: bool,
}

type Shared = Arc<Mutex<Account>>;

async fn answer(State(account): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut account = account.lock().unwrap();
    let target = headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    if let Some(function) = uri.path().strip_prefix("/2015-03-31/functions/") {
        if account.is_denied {
            let error = [("x-amzn-errortype", "AccessDeniedException")];
            return (StatusCode::FORBIDDEN, error, r#"{"Message": "no"}"#).into_response();
        }
        assert_eq!(headers["x-amz-invocation-type"], "Event");
        let function = function.strip_suffix("/invocations").unwrap().to_owned();
        account.invoked.push((function, serde_json::from_slice(&body).unwrap()));
        return StatusCode::ACCEPTED.into_response();
    }
    let Some(target) = target else {
        return stack(std::str::from_utf8(&body).unwrap());
    };
    let request: Value = serde_json::from_slice(&body).unwrap();
    let queue = account.queues.get_mut(request["QueueUrl"].as_str().unwrap()).unwrap();
    let said = match target.as_str() {
        "AmazonSQS.ReceiveMessage" => {
            assert!(request["VisibilityTimeout"].as_i64().unwrap() > 0);
            let visible = queue.iter_mut().filter(|(_, is_hidden)| !is_hidden).take(2);
            let messages = visible.map(|(message, is_hidden)| {
                *is_hidden = true;
                message.clone()
            });
            json!({"Messages": messages.collect::<Vec<_>>()})
        }
        "AmazonSQS.DeleteMessage" => {
            queue.retain(|(message, _)| message["ReceiptHandle"] != request["ReceiptHandle"]);
            json!({})
        }
        "AmazonSQS.ChangeMessageVisibility" => {
            assert_eq!(request["VisibilityTimeout"], 0);
            let handle = |message: &Value| message["ReceiptHandle"] == request["ReceiptHandle"];
            queue.iter_mut().find(|(message, _)| handle(message)).unwrap().1 = false;
            json!({})
        }
        other => panic!("{other}"),
    };
    ([("content-type", "application/x-amz-json-1.0")], said.to_string()).into_response()
}

/// The answer to `DescribeStacks`.
fn stack(request: &str) -> Response {
    if !request.contains("StackName=demo&") && !request.ends_with("StackName=demo") {
        let error = "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>\
                     <Code>ValidationError</Code><Message>Stack with id other does not exist</Message></Error></ErrorResponse>";
        return (StatusCode::BAD_REQUEST, error).into_response();
    }
    let outputs: String = [
        "InputBucketName",
        "OutputBucketName",
        "SubmitFailureQueueUrl",
        "CompleteFailureQueueUrl",
        "UndeliveredQueueUrl",
        "SubmitFunctionName",
        "CompleteFunctionName",
    ]
    .map(|name| {
        format!("<member><OutputKey>{name}</OutputKey><OutputValue>{}</OutputValue></member>", url(name))
    })
    .concat();
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks>\
         <member><StackName>demo</StackName><CreationTime>2026-11-28T10:00:00Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult>\
         </DescribeStacksResponse>"
    )
    .into_response()
}

/// The value of an output.
fn url(output: &str) -> String {
    match output.strip_suffix("Url") {
        Some(queue) => format!("https://sqs.us-east-1.amazonaws.com/123456789012/{queue}"),
        None => output.to_ascii_lowercase(),
    }
}

fn message(id: &str, body: &Value) -> (Value, bool) {
    let attributes = json!({"SentTimestamp": "1795860000000"});
    (
        json!({"MessageId": id, "ReceiptHandle": format!("handle-{id}"), "Body": body.to_string(), "Attributes": attributes}),
        false,
    )
}

fn given_up(event: &Value) -> Value {
    json!({
        "version": "1.0", "timestamp": "2026-11-28T10:00:00.000Z",
        "requestContext": {"requestId": "1", "functionArn": "a", "condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "Misconfigured", "errorMessage": "no\u{1b}[2J access"},
    })
}

/// An account, and the address of its server.
async fn account() -> (Shared, String) {
    let put: Value = serde_json::from_str(include_str!("../../events/s3-put.json")).unwrap();
    let change: Value = serde_json::from_str(include_str!("../../events/job-state-completed.json")).unwrap();
    let mut undelivered = message("c", &change);
    undelivered.0["MessageAttributes"] =
        json!({"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}});
    let queues = [
        ("SubmitFailureQueueUrl", vec![message("a", &given_up(&put)), message("b", &json!({"a": 1}))]),
        ("CompleteFailureQueueUrl", vec![]),
        ("UndeliveredQueueUrl", vec![undelivered]),
    ];
    let queues = queues.into_iter().map(|(name, messages)| (url(name), messages)).collect();
    let shared = Shared::new(Mutex::new(Account { queues, ..Account::default() }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(shared.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (shared, address)
}

async fn redrive(address: &str, arguments: &[&str]) -> Printed {
    let mut command = Command::new(COMMAND_LINE);
    command.arg("redrive").args(arguments).env_clear().stdin(Stdio::null());
    command.envs([
        ("AWS_ENDPOINT_URL", address),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    printed(tokio::time::timeout(BOUND, command.output()).await.expect("it ends").unwrap())
}

fn left(account: &Shared) -> Vec<(usize, bool)> {
    let account = account.lock().unwrap();
    let of =
        |messages: &Vec<(Value, bool)>| (messages.len(), messages.iter().any(|(_, is_hidden)| *is_hidden));
    account.queues.values().map(of).collect()
}

#[tokio::test]
async fn failures_are_shown_and_sent_again_only_if_asked_to() {
    let (account, address) = account().await;
    let (code, said, error) = redrive(&address, &["--stack", "demo"]).await;
    let expected = "\
SubmitFailureQueue: 2026-11-28T10:00:00Z drop s3://amzn-s3-demo-input/";
    assert!(said.starts_with(expected), "{said}\n{error}");
    assert!(
        said.contains("\n  Misconfigured: no\\u{1b}[2J access (RetriesExhausted, invoked 3 times)\n"),
        "{said}"
    );
    assert!(said.contains("not an event that the functions handle, so it is not sent: {\"a\":1}"), "{said}");
    assert!(said.contains("\nCompleteFailureQueue: empty\n"), "{said}");
    assert!(said.contains("\n  EventBridge could not deliver it: NO_PERMISSIONS"), "{said}");
    assert!(error.starts_with("nothing was sent;"), "{error}");
    assert_eq!(code, Some(1), "{said}");
    assert!(account.lock().unwrap().invoked.is_empty());
    // By the names of the queues.
    assert_eq!(left(&account), [(0, false), (2, false), (1, false)], "others see all messages");

    account.lock().unwrap().is_denied = true;
    let (code, _, error) = redrive(&address, &["--stack", "demo", "--send"]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("Lambda Invoke submitfunctionname failed: AccessDeniedException"), "{error}");
    assert_eq!(left(&account).iter().map(|(count, _)| count).sum::<usize>(), 3, "nothing is lost");
    {
        let mut account = account.lock().unwrap();
        account.is_denied = false;
        account.queues.values_mut().flatten().for_each(|(_, is_hidden)| *is_hidden = false);
    }

    let (code, said, _) = redrive(&address, &["--stack", "demo", "--send"]).await;
    assert_eq!(code, Some(1), "one is not an event: {said}");
    let functions: Vec<String> =
        account.lock().unwrap().invoked.iter().map(|(function, _)| function.clone()).collect();
    assert_eq!(functions, ["submitfunctionname", "completefunctionname"]);
    let put: Value = serde_json::from_str(include_str!("../../events/s3-put.json")).unwrap();
    assert_eq!(account.lock().unwrap().invoked[0].1, put);
    assert_eq!(left(&account), [(0, false), (1, false), (0, false)]);
}

#[tokio::test]
async fn stack_that_does_not_exist_is_named_with_the_fix() {
    let (_account, address) = account().await;
    let (code, _, error) = redrive(&address, &["--stack", "other"]).await;
    let expected = "error: stack other: there is none of this name in us-east-1 and this account: check the name, --region, \
                    and --profile\n";
    assert_eq!((code, error.as_str()), (Some(2), expected));
}
