//! Versions and delete markers of a bucket.

use std::path::PathBuf;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};

use super::{PLAIN, Rig, VERSIONED, body_of, refusal, refused};

#[tokio::test]
async fn every_version_stays_readable_by_its_id() {
    let rig = Rig::start().await;
    let mut ids = Vec::new();
    for body in ["one", "two", "three"] {
        ids.push(rig.put_version("k", body).await);
    }
    for (id, body) in ids.iter().zip(["one", "two", "three"]) {
        let get = rig.client.get_object().bucket(VERSIONED).key("k").version_id(id).send().await.unwrap();
        assert_eq!(get.version_id(), Some(id.as_str()));
        assert_eq!(body_of(get).await, body.as_bytes());
        let head = rig.client.head_object().bucket(VERSIONED).key("k").version_id(id).send().await.unwrap();
        assert_eq!(head.content_length(), Some(body.len() as i64));
        assert!(
            id.len() == 32 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'),
            "{id}"
        );
    }
    let current = rig.client.get_object().bucket(VERSIONED).key("k").send().await.unwrap();
    assert_eq!(current.version_id(), Some(ids[2].as_str()));
    assert_eq!(rig.files(VERSIONED), [PathBuf::from("k")]);
}

#[tokio::test]
async fn missing_version_and_missing_key_have_different_errors() {
    let rig = Rig::start().await;
    rig.put_version("k", "one").await;
    let id = "x".repeat(32);
    let get = rig.client.get_object().bucket(VERSIONED).key("k").version_id(&id).send().await;
    assert_eq!(refusal(get), refused(404, "NoSuchVersion"));
    let source = format!("{VERSIONED}/k?versionId={id}");
    let copy = rig.client.copy_object().bucket(PLAIN).key("k").copy_source(source).send().await;
    assert_eq!(refusal(copy), refused(404, "NoSuchVersion"));
}

#[tokio::test]
async fn deleting_leaves_a_marker_that_hides_the_key_and_can_be_deleted_itself() {
    let rig = Rig::start().await;
    let version = rig.put_version("k", "one").await;
    let deleted = rig.client.delete_object().bucket(VERSIONED).key("k").send().await.unwrap();
    let marker = deleted.version_id().unwrap().to_owned();
    assert_eq!(deleted.delete_marker(), Some(true));

    let get = rig.client.get_object().bucket(VERSIONED).key("k").send().await;
    let headers = get.as_ref().unwrap_err().raw_response().unwrap().headers();
    assert_eq!(headers.get("x-amz-delete-marker"), Some("true"));
    assert_eq!(headers.get("x-amz-version-id"), Some(marker.as_str()));
    assert_eq!(refusal(get), refused(404, "NoSuchKey"));
    let get = rig.client.get_object().bucket(VERSIONED).key("k").version_id(&marker).send().await;
    assert_eq!(refusal(get), refused(405, "MethodNotAllowed"));
    let head = rig.client.head_object().bucket(VERSIONED).key("k").version_id(&marker).send().await;
    assert_eq!(refusal(head).0, 405);
    assert_eq!((rig.keys(VERSIONED).await, rig.files(VERSIONED)), (vec![], vec![]));
    let old = rig.client.get_object().bucket(VERSIONED).key("k").version_id(&version).send().await.unwrap();
    assert_eq!(body_of(old).await, b"one");

    let undone =
        rig.client.delete_object().bucket(VERSIONED).key("k").version_id(&marker).send().await.unwrap();
    assert_eq!((undone.delete_marker(), undone.version_id()), (Some(true), Some(marker.as_str())));
    assert_eq!(rig.get(VERSIONED, "k").await, b"one");
    assert_eq!(rig.files(VERSIONED), [PathBuf::from("k")]);
}

#[tokio::test]
async fn versioning_is_switched_by_the_api_and_suspended_writes_the_null_version() {
    let rig = Rig::start().await;
    rig.client.create_bucket().bucket("switched").send().await.unwrap();
    let status = async || rig.client.get_bucket_versioning().bucket("switched").send().await.unwrap().status;
    assert_eq!(status().await, None);
    let put = async |body: &'static str| {
        let put = rig
            .client
            .put_object()
            .bucket("switched")
            .key("k")
            .body(ByteStream::from_static(body.as_bytes()));
        put.send().await.unwrap().version_id
    };
    assert_eq!(put("unversioned").await, None);
    for (to, body) in
        [(BucketVersioningStatus::Enabled, "enabled"), (BucketVersioningStatus::Suspended, "suspended")]
    {
        let configuration = VersioningConfiguration::builder().status(to.clone()).build();
        let switch =
            rig.client.put_bucket_versioning().bucket("switched").versioning_configuration(configuration);
        switch.send().await.unwrap();
        assert_eq!(status().await, Some(to.clone()));
        let version_id = put(body).await.unwrap();
        assert_eq!(version_id == "null", to == BucketVersioningStatus::Suspended);
    }
    let null = rig.client.get_object().bucket("switched").key("k").version_id("null").send().await.unwrap();
    assert_eq!(body_of(null).await, b"suspended");
    assert_eq!(refusal(rig.client.create_bucket().bucket("switched").send().await).0, 409);
    let buckets = rig.client.list_buckets().send().await.unwrap();
    let names: Vec<_> = buckets.buckets().iter().map(|bucket| bucket.name().unwrap()).collect();
    assert_eq!(names, [PLAIN, "switched", VERSIONED]);
}
