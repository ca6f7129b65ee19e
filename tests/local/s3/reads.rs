//! GET and HEAD: conditions, ranges, metadata, and missing objects.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use bedrock_vpc_batch::aws::clock::now;
use bedrock_vpc_batch::local::s3::REGION;

use super::{MIB, PLAIN, Rig, body_of, pattern, refusal, refused};

#[tokio::test]
async fn conditional_reads_are_answered_412_and_304() {
    let rig = Rig::start().await;
    let etag = rig.put(PLAIN, "k", "one").await;
    let get = || rig.client.get_object().bucket(PLAIN).key("k");
    let head = || rig.client.head_object().bucket(PLAIN).key("k");
    assert_eq!(body_of(get().if_match(&etag).send().await.unwrap()).await, b"one");
    assert_eq!(refusal(get().if_match("\"other\"").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(refusal(get().if_none_match(&etag).send().await).0, 304);
    assert_eq!(refusal(head().if_none_match(&etag).send().await).0, 304);
    assert_eq!(refusal(head().if_match("\"other\"").send().await).0, 412);
    get().if_none_match("\"other\"").send().await.unwrap();

    let modified = *head().send().await.unwrap().last_modified().unwrap();
    let before = DateTime::from_secs(modified.secs() - 60);
    assert_eq!(refusal(get().if_modified_since(modified).send().await).0, 304);
    assert_eq!(refusal(get().if_unmodified_since(before).send().await), refused(412, "PreconditionFailed"));
    get().if_modified_since(before).if_unmodified_since(modified).send().await.unwrap();
}

#[tokio::test]
async fn missing_key_and_missing_bucket_have_different_errors() {
    let rig = Rig::start().await;
    let get = |bucket: &str| rig.client.get_object().bucket(bucket).key("k").send();
    assert_eq!(refusal(get(PLAIN).await), refused(404, "NoSuchKey"));
    assert_eq!(refusal(get("no-such-bucket").await), refused(404, "NoSuchBucket"));
    let put = rig.client.put_object().bucket("no-such-bucket").key("k").send().await;
    assert_eq!(refusal(put), refused(404, "NoSuchBucket"));
    let list = rig.client.list_objects_v2().bucket("no-such-bucket").send().await;
    assert_eq!(refusal(list), refused(404, "NoSuchBucket"));
    let delete = rig.client.delete_object().bucket("no-such-bucket").key("k").send().await;
    assert_eq!(refusal(delete), refused(404, "NoSuchBucket"));
    let upload = rig.client.create_multipart_upload().bucket("no-such-bucket").key("k").send().await;
    assert_eq!(refusal(upload), refused(404, "NoSuchBucket"));
    let copy = rig.client.copy_object().bucket(PLAIN).key("k").copy_source("no-such-bucket/k").send().await;
    assert_eq!(refusal(copy), refused(404, "NoSuchBucket"));
    let copy =
        rig.client.copy_object().bucket(PLAIN).key("k").copy_source(format!("{PLAIN}/missing")).send().await;
    assert_eq!(refusal(copy), refused(404, "NoSuchKey"));
}

#[tokio::test]
async fn head_of_what_is_missing_is_not_found() {
    let rig = Rig::start().await;
    let head = rig.client.head_object().bucket(PLAIN).key("k").send().await;
    assert!(head.as_ref().unwrap_err().as_service_error().unwrap().is_not_found());
    let head = rig.client.head_bucket().bucket("no-such-bucket").send().await;
    assert!(head.as_ref().unwrap_err().as_service_error().unwrap().is_not_found());
    assert_eq!(rig.client.head_bucket().bucket(PLAIN).send().await.unwrap().bucket_region(), Some(REGION));
}

#[tokio::test]
async fn ranges_give_their_bytes_and_say_which() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "k", "0123456789").await;
    let table = [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=7-99", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
    ];
    for (range, expected, content_range) in table {
        let output = rig.client.get_object().bucket(PLAIN).key("k").range(range).send().await.unwrap();
        assert_eq!(output.content_range(), Some(content_range), "{range}");
        assert_eq!(output.content_length(), Some(expected.len() as i64), "{range}");
        assert_eq!(body_of(output).await, expected.as_bytes(), "{range}");
    }
}

#[tokio::test]
async fn range_outside_the_object_is_416() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "k", "0123456789").await;
    rig.put(PLAIN, "empty", "").await;
    for (key, range) in [("k", "bytes=10-"), ("k", "bytes=-0"), ("empty", "bytes=0-0"), ("empty", "bytes=-1")]
    {
        let get = rig.client.get_object().bucket(PLAIN).key(key).range(range).send().await;
        assert_eq!(refusal(get), refused(416, "InvalidRange"), "{key} {range}");
    }
}

#[tokio::test]
async fn metadata_and_headers_are_kept_and_returned() {
    let rig = Rig::start().await;
    let put = rig
        .client
        .put_object()
        .bucket(PLAIN)
        .key("k")
        .content_type("application/jsonl")
        .cache_control("no-store");
    let put = put.content_disposition("attachment").content_language("de").content_encoding("identity");
    put.metadata("color", "blue").metadata("city", "Zürich").tagging("a=b").send().await.unwrap();
    let head = rig.client.head_object().bucket(PLAIN).key("k").send().await.unwrap();
    let get = rig.client.get_object().bucket(PLAIN).key("k").send().await.unwrap();
    assert_eq!(head.metadata().unwrap()["color"], "blue");
    assert_eq!(head.metadata(), get.metadata());
    for (one, other, expected) in [
        (head.content_type(), get.content_type(), "application/jsonl"),
        (head.cache_control(), get.cache_control(), "no-store"),
        (head.content_disposition(), get.content_disposition(), "attachment"),
        (head.content_language(), get.content_language(), "de"),
        (head.content_encoding(), get.content_encoding(), "identity"),
        (head.e_tag(), get.e_tag(), "\"d41d8cd98f00b204e9800998ecf8427e\""),
        (head.accept_ranges(), get.accept_ranges(), "bytes"),
    ] {
        assert_eq!((one, other), (Some(expected), Some(expected)));
    }
    assert_eq!((head.content_length(), get.content_length()), (Some(0), Some(0)));
    assert_eq!((head.version_id(), get.version_id()), (None, None));

    rig.put(PLAIN, "bare", "x").await;
    let bare = rig.client.head_object().bucket(PLAIN).key("bare").send().await.unwrap();
    assert_eq!((bare.content_type(), bare.content_encoding()), (Some("application/octet-stream"), None));
}

#[tokio::test]
async fn last_modified_is_the_time_of_the_put_in_whole_seconds() {
    let rig = Rig::start().await;
    let before = now();
    rig.put(PLAIN, "k", "x").await;
    let after = now();
    let head = rig.client.head_object().bucket(PLAIN).key("k").send().await.unwrap();
    let modified = SystemTime::try_from(*head.last_modified().unwrap()).unwrap();
    let listed = rig.client.list_objects_v2().bucket(PLAIN).send().await.unwrap();
    assert_eq!(listed.contents()[0].last_modified(), head.last_modified());
    assert_eq!(head.last_modified().unwrap().subsec_nanos(), 0);
    // The time is cut to whole seconds, so it may be up to a second before the request.
    assert!(
        before - Duration::from_secs(1) < modified && modified <= after,
        "{before:?} {modified:?} {after:?}"
    );
}

#[tokio::test]
async fn a_read_in_progress_continues_after_the_object_is_replaced_and_deleted() {
    let rig = Rig::start().await;
    let body = pattern(8 * MIB);
    rig.put(PLAIN, "k", body.clone()).await;
    let read = rig.client.get_object().bucket(PLAIN).key("k").send().await.unwrap();
    rig.put(PLAIN, "k", "new").await;
    rig.client.delete_object().bucket(PLAIN).key("k").send().await.unwrap();
    assert!(body_of(read).await == body);
}

#[tokio::test]
async fn sixty_four_mebibytes_are_stored_byte_for_byte() {
    let rig = Rig::start().await;
    let body = pattern(64 * MIB);
    let file = rig.outer.path().join("large");
    std::fs::write(&file, &body).unwrap();
    let upload = ByteStream::from_path(&file).await.unwrap();
    rig.client.put_object().bucket(PLAIN).key("large").body(upload).send().await.unwrap();
    assert!(rig.get(PLAIN, "large").await == body);
    assert!(std::fs::read(rig.s3.file_of(PLAIN, "large").unwrap()).unwrap() == body);
}
