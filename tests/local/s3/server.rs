//! What the server does besides its API: events, the request log, injected faults, and shutting down.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use bedrock_vpc_batch::local::s3::{EmbeddedS3, Fault, ObjectCreated, Request};

use super::{PLAIN, Rig, VERSIONED, completed, refusal, refused};

#[tokio::test]
async fn every_created_object_is_announced_in_order_with_what_a_notification_needs() {
    let rig = Rig::start().await;
    let mut events = rig.s3.subscribe();
    let version = rig.put_version("in/a b+c.jsonl", "one").await;
    let copy = rig
        .client
        .copy_object()
        .bucket(PLAIN)
        .key("copy")
        .copy_source(format!("{VERSIONED}/in/a%20b%2Bc.jsonl"));
    copy.send().await.unwrap();
    let upload_id = rig.open_upload("parts").await;
    let part = rig.upload_part("parts", &upload_id, 1, b"hello".to_vec()).await;
    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("parts").upload_id(upload_id);
    complete.multipart_upload(completed([part])).send().await.unwrap();
    let refused_put = rig.client.put_object().bucket(PLAIN).key("copy").if_none_match("*").send().await;
    assert!(refused_put.is_err());
    rig.client.delete_object().bucket(PLAIN).key("copy").send().await.unwrap();

    let told: Vec<ObjectCreated> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    let etag = "f97c5d29941bfb1b2fdab0874906ab82";
    let expected = [
        ("ObjectCreated:Put", VERSIONED, "in/a b+c.jsonl", 3, etag, Some(version.as_str())),
        ("ObjectCreated:Copy", PLAIN, "copy", 3, etag, None),
        (
            "ObjectCreated:CompleteMultipartUpload",
            PLAIN,
            "parts",
            5,
            "62109206880d38a4010a98e11243924a-1",
            None,
        ),
    ];
    let summary = |event: &ObjectCreated| {
        (
            event.event_name,
            event.bucket.clone(),
            event.key.clone(),
            event.size,
            event.etag.clone(),
            event.version_id.clone(),
        )
    };
    let expected = expected.map(|(name, bucket, key, size, etag, version)| {
        (name, bucket.to_owned(), key.to_owned(), size, etag.to_owned(), version.map(str::to_owned))
    });
    assert_eq!(told.iter().map(summary).collect::<Vec<_>>(), expected);
    let sequencers: Vec<_> = told.iter().map(|event| &event.sequencer).collect();
    assert!(sequencers.is_sorted_by(|one, next| one < next), "{sequencers:?}");
    assert!(sequencers.iter().all(|it| it.len() == 16 && it.chars().all(|digit| digit.is_ascii_hexdigit())));
}

#[tokio::test]
async fn only_the_newest_requests_are_kept_if_the_log_is_limited() {
    let rig = Rig::start().await;
    rig.s3.limit_log(2);
    for key in ["a", "b", "c"] {
        rig.put(PLAIN, key, "x").await;
    }
    let keys: Vec<_> = rig.s3.requests().into_iter().filter_map(|request| request.key).collect();
    assert_eq!(keys, ["b", "c"]);
}

#[tokio::test]
async fn internal_error_has_the_message_of_the_file_system() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "k", "x").await;
    std::fs::remove_file(rig.s3.file_of(PLAIN, "k").unwrap()).unwrap();
    let error = rig.client.get_object().bucket(PLAIN).key("k").send().await.unwrap_err();
    assert_eq!(error.message(), Some("No such file or directory (os error 2)"));
    // A file that a person deleted breaks nothing else, but without its own folder the server cannot
    // continue.
    let broken = rig.s3.broken();
    rig.put(PLAIN, "k", "x").await;
    std::fs::remove_dir_all(rig.root()).unwrap();
    let error = rig.client.put_object().bucket(PLAIN).key("k").send().await.unwrap_err();
    assert_eq!(error.message(), Some("No such file or directory (os error 2)"));
    assert!(broken.await.ends_with("root: No such file or directory (os error 2)"));
}

#[tokio::test]
async fn dropped_server_leaves_only_the_plain_files() {
    let rig = Rig::start().await;
    rig.put_version("k", "one").await;
    rig.put_version("k", "two").await;
    rig.open_upload("parts").await;
    let Rig { outer, s3, .. } = rig;
    let (file, hidden) =
        (s3.file_of(VERSIONED, "k").unwrap(), outer.path().join("between/root/.embedded-s3"));
    assert!(hidden.is_dir());
    drop(s3);
    // The connections end with the server, each when its task runs next.
    let gone = async {
        while hidden.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "two");
}

#[tokio::test]
async fn requests_are_counted_by_operation_bucket_and_key() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "a b", "x").await;
    rig.get(PLAIN, "a b").await;
    rig.keys(PLAIN).await;
    rig.client.list_buckets().send().await.unwrap();
    let request = |operation: &str, bucket: Option<&str>, key: Option<&str>| Request {
        operation: operation.to_owned(),
        bucket: bucket.map(str::to_owned),
        key: key.map(str::to_owned),
    };
    assert_eq!(
        rig.s3.requests(),
        [
            request("PutObject", Some(PLAIN), Some("a b")),
            request("GetObject", Some(PLAIN), Some("a b")),
            request("ListObjectsV2", Some(PLAIN), None),
            request("ListBuckets", None, None),
        ]
    );
}

#[tokio::test]
async fn injected_faults_refuse_before_the_effect_or_lose_the_answer_after_it() {
    let rig = Rig::start().await;
    let left = AtomicUsize::new(1);
    rig.s3.inject(move |request| match request.key.as_deref()? {
        "refused" => Some(Fault::Refused { status: 403, code: "AccessDenied" }),
        "lost" if left.swap(0, Ordering::Relaxed) == 1 => Some(Fault::AnswerLost),
        _ => None,
    });
    let create = |key: &str| rig.client.put_object().bucket(PLAIN).key(key).if_none_match("*").send();
    assert_eq!(refusal(create("refused").await), refused(403, "AccessDenied"));
    // The SDK tries again after a 500, and finds its own first write.
    assert_eq!(refusal(create("lost").await), refused(412, "PreconditionFailed"));
    assert_eq!(rig.keys(PLAIN).await, ["lost"]);
}

#[tokio::test]
async fn dropped_server_stops_serving_and_a_new_one_starts_empty() {
    let Rig { outer, s3, client } = Rig::start().await;
    let body = ByteStream::from_static(b"x");
    client.put_object().bucket(PLAIN).key("k").body(body).send().await.unwrap();
    let address = s3.endpoint().strip_prefix("http://").unwrap().to_owned();
    drop(s3);
    tokio::time::timeout(Duration::from_secs(10), async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let s3 = EmbeddedS3::start(outer.path().join("between/root")).await.unwrap();
    assert_eq!(s3.client().list_buckets().send().await.unwrap().buckets().len(), 0);
    assert_eq!(std::fs::read(outer.path().join("between/root").join(PLAIN).join("k")).unwrap(), b"x");
    assert!(s3.create_bucket("Not a bucket", false).is_err());
}
