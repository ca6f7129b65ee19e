//! A server that is not quite S3, or something between it and us, may answer with other bytes than those that
//! were requested. That is an error; such bytes are never taken for the object's.

use bedrock_vpc_batch::aws::error::{Chain, Error, ErrorKind};
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::aws::store::reading::ObjectReader;
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::local::clients;
use bedrock_vpc_batch::local::s3::{Fault, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{World, any_drop, config, record};

/// A server that answers every request with the same bytes.
async fn canned_server(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 8192];
                if connection.read(&mut request).await.is_ok_and(|read| read > 0) {
                    connection.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    endpoint
}

async fn store_at(answer: String) -> Store {
    let config = config(&[]);
    let (key, s3) = (KeyPair::random().unwrap(), canned_server(answer).await);
    let clients = clients(&config, &key, &s3, "http://127.0.0.1:9");
    Store::new(clients.s3, &config.output_bucket)
}

async fn read_all(mut reader: ObjectReader) -> Result<String, Error> {
    let mut read = Vec::new();
    while let Some(bytes) = reader.next().await? {
        read.extend_from_slice(&bytes);
    }
    Ok(String::from_utf8(read).unwrap())
}

/// What was read, or the kind and the whole text of the error.
type Outcome = Result<String, (ErrorKind, String)>;

fn outcome(read: Result<String, Error>) -> Outcome {
    read.map_err(|error| (error.kind(), Chain(&error).to_string()))
}

fn assert_outcome(found: &Outcome, expected: Result<&str, (ErrorKind, &str)>, answer: &str) {
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{answer}"),
        (Err((found, text)), Err((expected, part))) => {
            assert!(*found == expected && text.contains(part), "{answer}\n{text}");
        }
        _ => panic!("{answer}\n{found:?}, not {expected:?}"),
    }
}

const BODY: &str = "0123456789abcdefghij";

/// An answer that declares the length of its body.
fn declared(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\netag: \"e\"\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// An answer in chunks, which does not declare the length of its body.
fn chunked(head: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {head}\r\netag: \"e\"\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
    )
}

const RIGHT: &str = "206 Partial Content\r\ncontent-range: bytes 5-9/20";
use ErrorKind::{Misconfigured, Unavailable};

#[tokio::test]
async fn range_is_read_only_from_an_answer_that_is_the_range() {
    let not_the_range = |status: &'static str| Err((Misconfigured, status));
    let table = [
        (declared(RIGHT, "56789"), Ok("56789")),
        (chunked(RIGHT, "56789"), Ok("56789")),
        (
            declared("200 OK", BODY),
            Err((Misconfigured, "bytes=5-9 was asked for, but the answer is HTTP 200 with no Content-Range")),
        ),
        (
            declared("200 OK\r\ncontent-range: bytes 5-9/20", BODY),
            not_the_range("is HTTP 200 with Content-Range"),
        ),
        (declared("206 Partial Content", BODY), not_the_range("is HTTP 206 with no Content-Range")),
        (
            declared("206 Partial Content\r\ncontent-range: bytes 0-4/20", "01234"),
            not_the_range("with Content-Range \"bytes 0-4/20\""),
        ),
        (
            declared("206 Partial Content\r\ncontent-range: bytes 5-8/20", "5678"),
            not_the_range("with Content-Range \"bytes 5-8/20\""),
        ),
        (
            declared("206 Partial Content\r\ncontent-range: bytes 0-19/20", BODY),
            not_the_range("with Content-Range \"bytes 0-19/20\""),
        ),
        (declared(RIGHT, "5678"), Err((Unavailable, "declares 4 bytes, but there should be 5"))),
        (declared(RIGHT, BODY), Err((Unavailable, "declares 20 bytes, but there should be 5"))),
        (chunked(RIGHT, "5678"), Err((Unavailable, "the body ended after 4 of 5 bytes"))),
        (chunked(RIGHT, "56789a"), Err((Unavailable, "the body goes on after 5 bytes"))),
    ];
    let drop = DropSource { size_bytes: 20, ..any_drop() };
    for (answer, expected) in table {
        let read = match store_at(answer.clone()).await.read_drop(&drop, &(5..10)).await {
            Ok(reader) => read_all(reader.unwrap()).await,
            Err(error) => Err(error),
        };
        assert_outcome(&outcome(read), expected, &answer);
    }
}

#[tokio::test]
async fn whole_drop_is_read_only_in_the_size_that_head_gave() {
    let table = [
        (declared("200 OK", BODY), Ok(BODY)),
        (chunked("200 OK", BODY), Ok(BODY)),
        (declared("200 OK", "0123456789"), Err((Unavailable, "declares 10 bytes, but there should be 20"))),
        (
            declared("200 OK", &format!("{BODY}k")),
            Err((Unavailable, "declares 21 bytes, but there should be 20")),
        ),
        (chunked("200 OK", "0123456789"), Err((Unavailable, "the body ended after 10 of 20 bytes"))),
        (chunked("200 OK", &format!("{BODY}k")), Err((Unavailable, "the body goes on after 20 bytes"))),
    ];
    let drop = DropSource { size_bytes: 20, ..any_drop() };
    for (answer, expected) in table {
        let read = match store_at(answer.clone()).await.read_drop(&drop, &drop.whole()).await {
            Ok(reader) => read_all(reader.unwrap()).await,
            Err(error) => Err(error),
        };
        assert_outcome(&outcome(read), expected, &answer);
    }
}

#[tokio::test]
async fn object_of_unknown_length_is_read_only_if_its_answer_declares_it() {
    let until_closed = format!("HTTP/1.1 200 OK\r\netag: \"e\"\r\nconnection: close\r\n\r\n{BODY}");
    for answer in [chunked("200 OK", BODY), until_closed] {
        let store = store_at(answer.clone()).await;
        let read = match store.read("k").await {
            Ok(reader) => read_all(reader).await,
            Err(error) => Err(error),
        };
        assert_outcome(&outcome(read), Err((Misconfigured, "does not declare its length")), &answer);
        let entry = store.get_json::<serde_json::Value>("k").await;
        let entry = entry.map(|_| String::new());
        assert_outcome(&outcome(entry), Err((Misconfigured, "does not declare its length")), &answer);
    }
    let read = store_at(declared("200 OK", BODY)).await.read("k").await.unwrap();
    assert_eq!(read_all(read).await.unwrap(), BODY);
}

/// Drops `body` in a pipeline whose S3 ignores ranges, checks that no job got an input or was submitted, and
/// returns the error of `submit`.
async fn submitted_without_ranges(changes: &[(&str, &str)], body: Vec<u8>) -> Error {
    let mut world = World::with(changes).await;
    world.s3.inject(|request| {
        matches!(request.operation.as_str(), "GetObject" | "UploadPartCopy").then_some(Fault::RangeIgnored)
    });
    let event = world.put("in/a.jsonl", body).await;
    let error = world.submit(event).await.unwrap_err();
    let keys = world.output_keys().await;
    assert!(!keys.iter().any(|key| key.contains("/input/")), "{keys:?}");
    assert_eq!(world.stand_in.jobs().len(), 0);
    error
}

#[tokio::test]
async fn whole_drop_in_answer_to_a_range_is_not_taken_for_the_part() {
    let line = |number: usize| {
        record(&format!("r{number}")).replace(&format!(",\"recordId\":\"r{number}\""), "") + "\n"
    };
    let body: String = (0..300).map(line).collect();
    assert!(!body.contains("recordId"));
    let error = submitted_without_ranges(&[("MAX_RECORDS_PER_JOB", "150")], body.into_bytes()).await;
    let text = Chain(&error).to_string();
    assert!(
        error.kind() == Misconfigured && text.contains("the answer is HTTP 200 with no Content-Range"),
        "{text}"
    );
}

#[tokio::test]
async fn whole_drop_copied_instead_of_a_range_is_not_taken_for_the_part() {
    let line = |number: usize| record(&format!("r{number}")).replace("Was sagt", &"w".repeat(50_000)) + "\n";
    let body: String = (0..400).map(line).collect();
    let error = submitted_without_ranges(&[("MAX_INPUT_FILE_BYTES", "11000000")], body.into_bytes()).await;
    let text = Chain(&error).to_string();
    assert!(text.contains("CompleteMultipartUpload") && text.contains("x-amz-mp-object-size"), "{text}");
}
