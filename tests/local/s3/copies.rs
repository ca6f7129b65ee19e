//! Copies: their versions, metadata, and conditions.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;

use super::{PLAIN, Rig, VERSIONED, refusal, refused};

#[tokio::test]
async fn copy_takes_the_version_that_it_names() {
    let rig = Rig::start().await;
    let first = rig.put_version("in/a b+c.jsonl", "one").await;
    rig.put_version("in/a b+c.jsonl", "two").await;
    let copy = |source: String| rig.client.copy_object().bucket(PLAIN).key("copy").copy_source(source).send();
    let answer = copy(format!("{VERSIONED}/in/a%20b%2Bc.jsonl?versionId={first}")).await.unwrap();
    assert_eq!(answer.copy_source_version_id(), Some(first.as_str()));
    assert_eq!(rig.get(PLAIN, "copy").await, b"one");
    copy(format!("/{VERSIONED}/in/a%20b%2Bc.jsonl")).await.unwrap();
    assert_eq!(rig.get(PLAIN, "copy").await, b"two");
}

#[tokio::test]
async fn copy_keeps_the_metadata_or_replaces_it() {
    let rig = Rig::start().await;
    let put =
        rig.client.put_object().bucket(PLAIN).key("source").content_type("text/plain").metadata("a", "1");
    put.body(ByteStream::from_static(b"x")).send().await.unwrap();
    let copy =
        |key: &str| rig.client.copy_object().bucket(PLAIN).key(key).copy_source(format!("{PLAIN}/source"));
    copy("kept").send().await.unwrap();
    let replace = copy("replaced").metadata_directive(MetadataDirective::Replace).metadata("b", "2");
    replace.send().await.unwrap();
    let kept = rig.client.head_object().bucket(PLAIN).key("kept").send().await.unwrap();
    assert_eq!(
        (kept.content_type(), kept.metadata().unwrap().get("a").map(String::as_str)),
        (Some("text/plain"), Some("1"))
    );
    let replaced = rig.client.head_object().bucket(PLAIN).key("replaced").send().await.unwrap();
    assert_eq!(replaced.metadata().unwrap().iter().collect::<Vec<_>>(), [(&"b".to_owned(), &"2".to_owned())]);
    assert_eq!(replaced.content_type(), Some("binary/octet-stream"));
    assert_eq!(refusal(copy("source").send().await), refused(400, "InvalidRequest"));
    copy("source").metadata_directive(MetadataDirective::Replace).send().await.unwrap();
    assert_eq!(rig.get(PLAIN, "source").await, b"x");
}

#[tokio::test]
async fn copy_is_refused_if_its_source_has_changed() {
    let rig = Rig::start().await;
    let etag = rig.put(PLAIN, "source", "x").await;
    let copy = || rig.client.copy_object().bucket(PLAIN).key("copy").copy_source(format!("{PLAIN}/source"));
    let refused_412 = refused(412, "PreconditionFailed");
    assert_eq!(refusal(copy().copy_source_if_match("\"other\"").send().await), refused_412);
    assert_eq!(refusal(copy().copy_source_if_none_match(&etag).send().await), refused_412);
    assert_eq!(rig.keys(PLAIN).await, ["source"]);
    copy().copy_source_if_match(&etag).send().await.unwrap();
    let upload_id = rig.open_upload("parts").await;
    let part = rig.client.upload_part_copy().bucket(PLAIN).key("parts").upload_id(upload_id).part_number(1);
    let part = part.copy_source(format!("{PLAIN}/source")).copy_source_if_match("\"other\"").send().await;
    assert_eq!(refusal(part), refused_412);
}
