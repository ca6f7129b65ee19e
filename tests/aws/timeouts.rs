//! A service that accepts and never answers: each call ends by its own time limit, with an error that
//! names it. The SDK by itself would wait for ever.

use std::time::{Duration, Instant};

use bedrock_vpc_batch::aws::error::{Chain, Error, ErrorKind};
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::flow::handlers::Complete;
use bedrock_vpc_batch::flow::handlers::Submit;
use bedrock_vpc_batch::local::clients;
use bedrock_vpc_batch::local::s3::KeyPair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{World, config, drop_of, invocation};

/// One second for an attempt, three attempts and the pauses between them.
const LIMIT: Duration = Duration::from_secs(9);

/// A server that accepts every connection, answers with `beginning` and then says no more.
async fn silent_server(beginning: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while connection.read(&mut request).await.is_ok_and(|read| read > 0) {
                    connection.write_all(beginning).await.unwrap();
                }
            });
        }
    });
    endpoint
}

fn assert_names(error: &Error, call: &str) {
    let text = Chain(error).to_string();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{text}");
    assert!(text.starts_with(call), "{text}");
    assert!(text.contains("timeout") || text.contains("timed out") || text.contains("throughput"), "{text}");
}

#[tokio::test]
async fn silent_s3_ends_submit_and_complete() {
    let mut world = World::new().await;
    let config = config(&[("CALL_TIMEOUT_SECONDS", "1")]);
    let event = world.put("in/a.jsonl", drop_of(100)).await;
    world.submit(event.clone()).await.unwrap();
    let ended = world.ended().await;

    let clients = clients(&config, world.s3.key(), &silent_server(b"").await, world.stand_in.endpoint());
    let started = Instant::now();
    let error = Submit::new(config.clone(), &clients).handle(event, &invocation()).await.unwrap_err();
    assert_names(&error, "S3 HeadObject s3://amzn-s3-demo-input/in/a.jsonl failed: ");
    let error = Complete::new(config, &clients).handle(ended, &invocation()).await.unwrap_err();
    assert_names(&error, "S3 GetObject s3://amzn-s3-demo-output/ledger/jobs/");
    assert!(started.elapsed() < 2 * LIMIT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn silent_bedrock_ends_submit_and_complete() {
    let mut world = World::new().await;
    let config = config(&[("CALL_TIMEOUT_SECONDS", "1")]);
    let clients = clients(&config, world.s3.key(), world.s3.endpoint(), &silent_server(b"").await);

    let event = world.put("in/a.jsonl", drop_of(100)).await;
    let started = Instant::now();
    let error = Submit::new(config.clone(), &clients).handle(event, &invocation()).await.unwrap_err();
    assert_names(&error, "Bedrock CreateModelInvocationJob demo-");
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());

    let event = world.put("in/b.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    let started = Instant::now();
    let error = Complete::new(config, &clients).handle(ended, &invocation()).await.unwrap_err();
    assert_names(&error, "Bedrock GetModelInvocationJob arn:aws:bedrock:");
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn body_that_no_longer_flows_ends_the_reading() {
    let config = config(&[("CALL_TIMEOUT_SECONDS", "1")]);
    let beginning = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\netag: \"e\"\r\n\r\nsome bytes";
    let clients =
        clients(&config, &KeyPair::random().unwrap(), &silent_server(beginning).await, "http://127.0.0.1:9");
    let store = Store::new(clients.s3, &config.output_bucket);
    let mut reader = store.read("jobs/x/output/y").await.unwrap();
    let started = Instant::now();
    let error = loop {
        match reader.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the body is not complete"),
            Err(error) => break error,
        }
    };
    assert_names(&error, "S3 GetObject s3://amzn-s3-demo-output/jobs/x/output/y: reading the body failed: ");
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}
