//! The stand-in as a server: paths, signatures, the request log, faults, and shutting down.

use std::time::Duration;

use bedrock_vpc_batch::local::bedrock::{Fault, Operation, StandIn};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{SIGNATURE, client, create, exchange, good_body, options, send, slow};

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
    let body = good_body("job-1").to_string();
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
        let body = good_body("job-1").to_string();
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
async fn a_job_is_created_even_if_the_answer_is_lost() {
    let stand_in = StandIn::start(slow()).await.unwrap();
    stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::LoseAnswer);
    let body = good_body("job-1").to_string();
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
    let others = async {
        for _ in 0..20 {
            send(&stand_in, "GET", "/model-invocation-jobs", Some(SIGNATURE), "").await;
        }
    };
    tokio::select! {
        _ = stream.read_to_end(&mut answer) => panic!("a hanging request was answered"),
        () = others => {}
    }
    drop(stand_in);
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the connection outlived the stand-in");
    assert_eq!(answer, b"");
    assert!(TcpStream::connect(&address).await.is_err());
}
