//! If a service accepts a call and never answers, the call ends at its own time limit, with an error that
//! names it. Without that limit the SDK would wait indefinitely.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bedrock_vpc_batch::aws::error::{Chain, Error, ErrorKind};
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::flow::handlers::{Complete, Submit};
use bedrock_vpc_batch::local::clients;
use bedrock_vpc_batch::local::s3::KeyPair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{BOUND, World, config, drop_of, invocation};

/// The SDK sends a request up to three times if it is not answered in time.
const ATTEMPTS: usize = 3;

/// A server that accepts every connection, answers each request with the same bytes, and then sends nothing
/// more.
struct SilentServer {
    endpoint: String,
    requests: Arc<AtomicUsize>,
}

impl SilentServer {
    async fn start(answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = requests.clone();
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let counter = counter.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    while connection.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
                        // The bodies of these requests are JSON, without an empty line.
                        if bytes.windows(4).any(|end| end == b"\r\n\r\n") {
                            counter.fetch_add(1, Ordering::Relaxed);
                            bytes.clear();
                            connection.write_all(answer).await.unwrap();
                        }
                    }
                });
            }
        });
        Self { endpoint, requests }
    }

    /// The error of a call that this server does not answer. The bound only ends a test that would hang.
    async fn unanswered<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Error {
        let before = self.requests.load(Ordering::Relaxed);
        let ended = tokio::time::timeout(BOUND, call).await.expect("the call ends by itself");
        let Err(error) = ended else { panic!("a call without an answer succeeded") };
        assert_eq!(self.requests.load(Ordering::Relaxed) - before, ATTEMPTS, "{}", Chain(&error));
        error
    }
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

    let silent = SilentServer::start(b"").await;
    let clients = clients(&config, world.s3.key(), &silent.endpoint, world.stand_in.endpoint());
    let (submit, complete) = (Submit::new(config.clone(), &clients), Complete::new(config, &clients));
    let error = silent.unanswered(submit.handle(event, &invocation())).await;
    assert_names(&error, "S3 HeadObject s3://amzn-s3-demo-input/in/a.jsonl failed: ");
    let error = silent.unanswered(complete.handle(ended, &invocation())).await;
    assert_names(&error, "S3 GetObject s3://amzn-s3-demo-output/ledger/jobs/");
}

#[tokio::test]
async fn silent_bedrock_ends_submit_and_complete() {
    let mut world = World::new().await;
    let config = config(&[("CALL_TIMEOUT_SECONDS", "1")]);
    let silent = SilentServer::start(b"").await;
    let clients = clients(&config, world.s3.key(), world.s3.endpoint(), &silent.endpoint);
    let (submit, complete) = (Submit::new(config.clone(), &clients), Complete::new(config, &clients));

    let event = world.put("in/a.jsonl", drop_of(100)).await;
    let error = silent.unanswered(submit.handle(event, &invocation())).await;
    assert_names(&error, "Bedrock CreateModelInvocationJob demo-");

    let event = world.put("in/b.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    let error = silent.unanswered(complete.handle(ended, &invocation())).await;
    assert_names(&error, "Bedrock GetModelInvocationJob arn:aws:bedrock:");
}

#[tokio::test]
async fn stalled_body_ends_the_read() {
    let config = config(&[("CALL_TIMEOUT_SECONDS", "1")]);
    let start = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\netag: \"e\"\r\n\r\nsome bytes";
    let silent = SilentServer::start(start).await;
    let clients = clients(&config, &KeyPair::random().unwrap(), &silent.endpoint, "http://127.0.0.1:9");
    let store = Store::new(clients.s3, &config.output_bucket);
    let mut reader = store.read("jobs/x/output/y").await.unwrap();
    let reading = async {
        loop {
            match reader.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the body is not complete"),
                Err(error) => break error,
            }
        }
    };
    let error = tokio::time::timeout(BOUND, reading).await.expect("the reading ends by itself");
    assert_names(&error, "S3 GetObject s3://amzn-s3-demo-output/jobs/x/output/y: reading the body failed: ");
}
