//! The embedded S3 against what real S3 does, through the AWS SDK: what s3s-fs and other emulators get wrong first,
//! then everything that the pipeline and its users lean on.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Credentials, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::operation::list_object_versions::builders::ListObjectVersionsFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime, SdkBody};
use aws_sdk_s3::types::{
    BucketVersioningStatus, ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload,
    CompletedPart, Delete, EncodingType, MetadataDirective, ObjectIdentifier, VersioningConfiguration,
};
use bedrock_vpc_batch::local::s3::{EmbeddedS3, Fault, ObjectCreated, REGION, Request};
use tempfile::TempDir;

/// Without versions.
const PLAIN: &str = "plain-bucket";
/// With versions.
const VERSIONED: &str = "versioned-bucket";
const MIB: usize = 1024 * 1024;

const NONE: [PathBuf; 0] = [];

/// A server with two buckets. Its root is two folders deep in `outer`, so that an escape would be seen.
struct Rig {
    outer: TempDir,
    s3: EmbeddedS3,
    client: Client,
}

impl Rig {
    async fn start() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let s3 = EmbeddedS3::start(outer.path().join("between/root")).await.unwrap();
        s3.create_bucket(PLAIN, false).unwrap();
        s3.create_bucket(VERSIONED, true).unwrap();
        let client = s3.client();
        Self { outer, s3, client }
    }

    fn root(&self) -> PathBuf {
        self.outer.path().join("between/root").canonicalize().unwrap()
    }

    /// Puts an object and answers its `ETag` as sent, with quotes.
    async fn put(&self, bucket: &str, key: &str, body: impl Into<Vec<u8>>) -> String {
        let body = ByteStream::from(body.into());
        self.client.put_object().bucket(bucket).key(key).body(body).send().await.unwrap().e_tag.unwrap()
    }

    /// Puts an object into the versioned bucket and answers its version id.
    async fn put_version(&self, key: &str, body: &'static str) -> String {
        let body = ByteStream::from_static(body.as_bytes());
        let put = self.client.put_object().bucket(VERSIONED).key(key).body(body).send().await.unwrap();
        put.version_id.unwrap()
    }

    async fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        body_of(self.client.get_object().bucket(bucket).key(key).send().await.unwrap()).await
    }

    async fn keys(&self, bucket: &str) -> Vec<String> {
        let page = self.client.list_objects_v2().bucket(bucket).send().await.unwrap();
        page.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }

    /// Opens an upload and answers its id.
    async fn open_upload(&self, key: &str) -> String {
        let upload = self.client.create_multipart_upload().bucket(PLAIN).key(key).send().await.unwrap();
        upload.upload_id.unwrap()
    }

    async fn upload_part(&self, key: &str, upload_id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
        let part = self.client.upload_part().bucket(PLAIN).key(key).upload_id(upload_id);
        let part = part.part_number(number).body(body.into()).send().await.unwrap();
        CompletedPart::builder().part_number(number).e_tag(part.e_tag.unwrap()).build()
    }

    /// Every file and folder in `outer` that is not below the root.
    fn strays(&self) -> Vec<PathBuf> {
        let root = self.root();
        let outer = self.outer.path().canonicalize().unwrap();
        let ours = [root.clone(), outer.join("between")];
        walk(&outer).into_iter().filter(|path| !path.starts_with(&root) && !ours.contains(path)).collect()
    }

    /// What a person sees in a bucket's folder.
    fn files(&self, bucket: &str) -> Vec<PathBuf> {
        let folder = self.root().join(bucket);
        let files = walk(&folder).into_iter().filter(|path| path.is_file());
        files.map(|path| path.strip_prefix(&folder).unwrap().to_owned()).collect()
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

async fn body_of(output: GetObjectOutput) -> Vec<u8> {
    output.body.collect().await.unwrap().to_vec()
}

/// Status and code of a refusal. A refused HEAD has no body and therefore no code but what the SDK makes of it.
fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(result: Result<T, SdkError<E>>) -> (u16, String) {
    let error = result.unwrap_err();
    let status = error.raw_response().unwrap_or_else(|| panic!("no answer: {error:?}")).status().as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn completed(parts: impl IntoIterator<Item = CompletedPart>) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.into_iter().collect())).build()
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|position| (position * 31 + position / 251).to_le_bytes()[0]).collect()
}

// Conditional writes and deletes.

#[tokio::test]
async fn create_only_if_absent_then_refuses_a_second_creation() {
    let rig = Rig::start().await;
    let create = || rig.client.put_object().bucket(PLAIN).key("k").if_none_match("*");
    create().body(ByteStream::from_static(b"one")).send().await.unwrap();
    let second = create().body(ByteStream::from_static(b"two")).send().await;
    assert_eq!(refusal(second), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "k").await, b"one");
}

#[tokio::test]
async fn create_only_if_absent_succeeds_over_a_delete_marker() {
    let rig = Rig::start().await;
    rig.put_version("k", "one").await;
    rig.client.delete_object().bucket(VERSIONED).key("k").send().await.unwrap();
    rig.client.put_object().bucket(VERSIONED).key("k").if_none_match("*").send().await.unwrap();
    assert_eq!(rig.get(VERSIONED, "k").await, b"");
}

#[tokio::test]
async fn if_none_match_of_an_etag_is_no_condition_of_a_write() {
    let rig = Rig::start().await;
    let put = rig.client.put_object().bucket(PLAIN).key("k").if_none_match("\"abc\"").send().await;
    assert_eq!(refusal(put), refused(501, "NotImplemented"));
}

#[tokio::test]
async fn replace_if_unchanged_takes_the_current_etag_and_no_stale_one() {
    let rig = Rig::start().await;
    let first = rig.put(PLAIN, "k", "one").await;
    let replace = || rig.client.put_object().bucket(PLAIN).key("k").if_match(&first);
    replace().body(ByteStream::from_static(b"two")).send().await.unwrap();
    let stale = replace().body(ByteStream::from_static(b"three")).send().await;
    assert_eq!(refusal(stale), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "k").await, b"two");
}

#[tokio::test]
async fn replace_if_unchanged_of_a_missing_key_is_not_found() {
    let rig = Rig::start().await;
    let put = rig.client.put_object().bucket(PLAIN).key("k").if_match("\"abc\"").send().await;
    assert_eq!(refusal(put), refused(404, "NoSuchKey"));
    rig.put_version("k", "one").await;
    rig.client.delete_object().bucket(VERSIONED).key("k").send().await.unwrap();
    let put = rig.client.put_object().bucket(VERSIONED).key("k").if_match("\"abc\"").send().await;
    assert_eq!(refusal(put), refused(404, "NoSuchKey"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_racing_creators_have_exactly_one_winner_in_each_of_twenty_rounds() {
    let rig = Rig::start().await;
    for round in 0..20 {
        let key = format!("race/{round}");
        let writers = (0..20).map(|writer| {
            let put = rig.client.put_object().bucket(PLAIN).key(&key).if_none_match("*");
            tokio::spawn(put.body(format!("writer {writer}").into_bytes().into()).send())
        });
        let winner = one_winner(writers.collect(), "PreconditionFailed").await;
        assert_eq!(rig.get(PLAIN, &key).await, format!("writer {winner}").into_bytes(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_racing_replacers_have_exactly_one_winner_in_each_of_twenty_rounds() {
    let rig = Rig::start().await;
    for round in 0..20 {
        let key = format!("race/{round}");
        let etag = rig.put(PLAIN, &key, "before").await;
        let writers = (0..20).map(|writer| {
            let put = rig.client.put_object().bucket(PLAIN).key(&key).if_match(&etag);
            tokio::spawn(put.body(format!("writer {writer}").into_bytes().into()).send())
        });
        let winner = one_winner(writers.collect(), "PreconditionFailed").await;
        assert_eq!(rig.get(PLAIN, &key).await, format!("writer {winner}").into_bytes(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_copies_and_completions_have_exactly_one_winner() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "source", "copied").await;
    for round in 0..5 {
        let key = format!("race/{round}");
        let copies = (0..20).map(|_| {
            let copy = rig.client.copy_object().copy_source(format!("{PLAIN}/source"));
            tokio::spawn(copy.bucket(PLAIN).key(&key).if_none_match("*").send())
        });
        one_winner(copies.collect(), "PreconditionFailed").await;

        let key = format!("multipart/{round}");
        let mut completions = Vec::new();
        for _ in 0..5 {
            let upload_id = rig.open_upload(&key).await;
            let part = rig.upload_part(&key, &upload_id, 1, b"part".to_vec()).await;
            let complete =
                rig.client.complete_multipart_upload().bucket(PLAIN).key(&key).upload_id(upload_id);
            completions.push(complete.multipart_upload(completed([part])).if_none_match("*"));
        }
        let completions = completions.into_iter().map(|complete| tokio::spawn(complete.send()));
        one_winner(completions.collect(), "PreconditionFailed").await;
    }
}

/// The index of the only task that succeeded; all others must have been refused with `code`.
async fn one_winner<T, E>(tasks: Vec<tokio::task::JoinHandle<Result<T, SdkError<E>>>>, code: &str) -> usize
where
    T: Debug,
    E: ProvideErrorMetadata + Debug,
{
    let mut winners = Vec::new();
    for (index, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(_) => winners.push(index),
            Err(error) => assert_eq!(refusal::<T, E>(Err(error)), refused(412, code)),
        }
    }
    assert_eq!(winners.len(), 1, "winners: {winners:?}");
    winners[0]
}

#[tokio::test]
async fn conditional_copy_is_refused_where_something_is() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "source", "new").await;
    let etag = rig.put(PLAIN, "target", "old").await;
    let copy = || rig.client.copy_object().copy_source(format!("{PLAIN}/source")).bucket(PLAIN).key("target");
    assert_eq!(refusal(copy().if_none_match("*").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(refusal(copy().if_match("\"other\"").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "target").await, b"old");
    copy().if_match(etag).send().await.unwrap();
    assert_eq!(rig.get(PLAIN, "target").await, b"new");
    let missing = copy().key("missing").if_match("\"other\"").send().await;
    assert_eq!(refusal(missing), refused(404, "NoSuchKey"));
}

#[tokio::test]
async fn conditional_delete_deletes_only_what_it_names() {
    let rig = Rig::start().await;
    let etag = rig.put(PLAIN, "k", "one").await;
    let delete = || rig.client.delete_object().bucket(PLAIN).key("k");
    assert_eq!(refusal(delete().if_match("\"other\"").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "k").await, b"one");
    delete().if_match(&etag).send().await.unwrap();
    assert_eq!(refusal(delete().if_match(&etag).send().await), refused(404, "NoSuchKey"));
    delete().send().await.unwrap();
}

#[tokio::test]
async fn conditional_delete_of_a_delete_marker_is_refused() {
    let rig = Rig::start().await;
    rig.put_version("k", "one").await;
    let delete = || rig.client.delete_object().bucket(VERSIONED).key("k");
    delete().if_match("*").send().await.unwrap();
    assert_eq!(refusal(delete().if_match("*").send().await), refused(412, "PreconditionFailed"));
}

#[tokio::test]
async fn several_objects_are_deleted_at_once_and_each_has_its_own_verdict() {
    let rig = Rig::start().await;
    let etag = rig.put(PLAIN, "a", "a").await;
    rig.put(PLAIN, "b", "b").await;
    let object = |key: &str, etag: Option<&str>| {
        ObjectIdentifier::builder().key(key).set_e_tag(etag.map(str::to_owned)).build().unwrap()
    };
    let objects = [object("a", Some(&etag)), object("b", Some("\"other\"")), object("missing", None)];
    let delete = Delete::builder().set_objects(Some(objects.to_vec())).build().unwrap();
    let answer = rig.client.delete_objects().bucket(PLAIN).delete(delete).send().await.unwrap();
    let deleted: Vec<_> = answer.deleted().iter().map(|object| object.key().unwrap()).collect();
    let errors: Vec<_> =
        answer.errors().iter().map(|error| (error.key().unwrap(), error.code().unwrap())).collect();
    assert_eq!((deleted, errors), (vec!["a", "missing"], vec![("b", "PreconditionFailed")]));
    assert_eq!(rig.keys(PLAIN).await, ["b"]);
}

// Reads.

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
async fn missing_key_and_missing_bucket_are_told_apart() {
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
async fn metadata_and_headers_are_kept_and_given_back() {
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
async fn last_modified_is_in_whole_seconds_and_now() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "k", "x").await;
    let head = rig.client.head_object().bucket(PLAIN).key("k").send().await.unwrap();
    let modified = SystemTime::try_from(*head.last_modified().unwrap()).unwrap();
    let listed = rig.client.list_objects_v2().bucket(PLAIN).send().await.unwrap();
    assert_eq!(listed.contents()[0].last_modified(), head.last_modified());
    assert_eq!(head.last_modified().unwrap().subsec_nanos(), 0);
    #[expect(clippy::disallowed_methods, reason = "the server stamps with this clock")]
    let now = SystemTime::now();
    assert!(now.duration_since(modified).unwrap() < Duration::from_secs(60));
}

// Versions.

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
async fn missing_version_is_told_apart_from_a_missing_key() {
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

// Copies.

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

// Multipart uploads.

#[tokio::test]
async fn multipart_upload_puts_its_parts_together_in_order() {
    let rig = Rig::start().await;
    let upload = rig.client.create_multipart_upload().bucket(PLAIN).key("k").content_type("text/plain");
    let upload_id = upload.metadata("a", "1").send().await.unwrap().upload_id.unwrap();
    let (first, second) = (pattern(5 * MIB), b"the end".to_vec());
    // Out of order, and part 7 twice: the later one counts.
    let last = rig.upload_part("k", &upload_id, 9, second.clone()).await;
    rig.upload_part("k", &upload_id, 7, b"replaced".to_vec()).await;
    let part = rig.upload_part("k", &upload_id, 7, first.clone()).await;
    assert_eq!(rig.keys(PLAIN).await, [""; 0]);

    let parts = rig.client.list_parts().bucket(PLAIN).key("k").upload_id(&upload_id).send().await.unwrap();
    let listed: Vec<_> =
        parts.parts().iter().map(|part| (part.part_number().unwrap(), part.size().unwrap())).collect();
    assert_eq!(listed, [(7, 5 * MIB as i64), (9, 7)]);
    let uploads = rig.client.list_multipart_uploads().bucket(PLAIN).send().await.unwrap();
    assert_eq!(uploads.uploads()[0].upload_id(), Some(upload_id.as_str()));

    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
    let done = complete.multipart_upload(completed([part, last])).send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-2\""), "{:?}", done.e_tag());
    assert_eq!(rig.get(PLAIN, "k").await, [first, second].concat());
    let head = rig.client.head_object().bucket(PLAIN).key("k").send().await.unwrap();
    assert_eq!((head.content_type(), head.metadata().unwrap()["a"].as_str()), (Some("text/plain"), "1"));
    assert_eq!(head.e_tag(), done.e_tag());
    let uploads = rig.client.list_multipart_uploads().bucket(PLAIN).send().await.unwrap();
    assert_eq!(uploads.uploads().len(), 0);
}

#[tokio::test]
async fn multipart_etag_is_the_md5_of_the_parts_md5s() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    let part = rig.upload_part("k", &upload_id, 1, b"hello".to_vec()).await;
    assert_eq!(part.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
    let done = complete.multipart_upload(completed([part])).send().await.unwrap();
    // echo -n hello | openssl md5 -binary | md5sum
    assert_eq!(done.e_tag(), Some("\"62109206880d38a4010a98e11243924a-1\""));
}

#[tokio::test]
async fn small_parts_but_the_last_are_refused() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    let first = rig.upload_part("k", &upload_id, 1, vec![0; 5 * MIB - 1]).await;
    let second = rig.upload_part("k", &upload_id, 2, vec![0; 1]).await;
    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
    let result = complete.multipart_upload(completed([first, second])).send().await;
    assert_eq!(refusal(result), refused(400, "EntityTooSmall"));
}

#[tokio::test]
async fn wrong_missing_or_misordered_parts_are_refused_and_the_upload_stays_open() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    let first = rig.upload_part("k", &upload_id, 1, vec![0; 5 * MIB]).await;
    let second = rig.upload_part("k", &upload_id, 2, vec![0; 1]).await;
    let wrong = CompletedPart::builder().part_number(1).e_tag("\"0123456789abcdef0123456789abcdef\"").build();
    let missing = CompletedPart::builder().part_number(3).e_tag(second.e_tag().unwrap()).build();
    let complete = |parts: Vec<CompletedPart>| {
        let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
        complete.multipart_upload(completed(parts)).send()
    };
    assert_eq!(refusal(complete(vec![wrong]).await), refused(400, "InvalidPart"));
    assert_eq!(refusal(complete(vec![first.clone(), missing]).await), refused(400, "InvalidPart"));
    assert_eq!(
        refusal(complete(vec![second.clone(), first.clone()]).await),
        refused(400, "InvalidPartOrder")
    );
    assert_eq!(refusal(complete(vec![]).await).0, 400);
    complete(vec![first.clone(), second]).await.unwrap();
    assert_eq!(refusal(complete(vec![first]).await), refused(404, "NoSuchUpload"));
}

#[tokio::test]
async fn conditional_completion_is_refused_where_something_is_and_the_upload_stays_open() {
    let rig = Rig::start().await;
    let etag = rig.put(PLAIN, "k", "old").await;
    let upload_id = rig.open_upload("k").await;
    let part = rig.upload_part("k", &upload_id, 1, b"new".to_vec()).await;
    let complete = || {
        let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
        complete.multipart_upload(completed([part.clone()]))
    };
    assert_eq!(refusal(complete().if_none_match("*").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(refusal(complete().if_match("\"other\"").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "k").await, b"old");
    complete().if_match(etag).send().await.unwrap();
    assert_eq!(rig.get(PLAIN, "k").await, b"new");
}

#[tokio::test]
async fn aborted_upload_is_gone_with_its_parts() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    rig.upload_part("k", &upload_id, 1, b"x".to_vec()).await;
    let hidden = rig.root().join(".embedded-s3");
    assert_eq!(walk(&hidden).len(), 1);
    let abort = || rig.client.abort_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id).send();
    abort().await.unwrap();
    assert_eq!(walk(&hidden), NONE);
    assert_eq!(refusal(abort().await), refused(404, "NoSuchUpload"));
    let part =
        rig.client.upload_part().bucket(PLAIN).key("k").upload_id(&upload_id).part_number(1).send().await;
    assert_eq!(refusal(part), refused(404, "NoSuchUpload"));
}

#[tokio::test]
async fn part_numbers_run_from_one_to_ten_thousand() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    rig.upload_part("k", &upload_id, 10_000, b"x".to_vec()).await;
    for number in [0, 10_001] {
        let part = rig.client.upload_part().bucket(PLAIN).key("k").upload_id(&upload_id).part_number(number);
        assert_eq!(refusal(part.send().await), refused(400, "InvalidArgument"), "{number}");
    }
}

#[tokio::test]
async fn parts_are_copied_by_ranges_of_a_source() {
    let rig = Rig::start().await;
    let whole = pattern(6 * MIB);
    rig.put(PLAIN, "source", whole.clone()).await;
    let upload_id = rig.open_upload("k").await;
    let mut parts = Vec::new();
    for (number, range) in [(1, "bytes=7-5242886"), (2, "bytes=5242887-6291455")] {
        let copy =
            rig.client.upload_part_copy().bucket(PLAIN).key("k").upload_id(&upload_id).part_number(number);
        let copy = copy.copy_source(format!("{PLAIN}/source")).copy_source_range(range).send().await.unwrap();
        let etag = copy.copy_part_result().unwrap().e_tag().unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
    complete.multipart_upload(completed(parts)).send().await.unwrap();
    assert!(rig.get(PLAIN, "k").await == whole[7..]);
}

#[tokio::test]
async fn part_copy_ranges_must_lie_in_a_source_of_over_five_mebibytes() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "small", vec![0; 5 * MIB]).await;
    rig.put(PLAIN, "large", vec![0; 5 * MIB + 1]).await;
    let upload_id = rig.open_upload("k").await;
    let copy = |source: &str, range: &str| {
        let copy = rig.client.upload_part_copy().bucket(PLAIN).key("k").upload_id(&upload_id).part_number(1);
        copy.copy_source(format!("{PLAIN}/{source}")).copy_source_range(range).send()
    };
    assert_eq!(refusal(copy("small", "bytes=0-0").await), refused(400, "InvalidRequest"));
    assert_eq!(refusal(copy("large", "bytes=0-5242881").await), refused(400, "InvalidArgument"));
    assert_eq!(refusal(copy("large", "bytes=0-").await), refused(400, "InvalidArgument"));
    copy("large", "bytes=0-0").await.unwrap();
}

#[tokio::test]
async fn composite_checksum_needs_the_checksum_of_every_part() {
    let rig = Rig::start().await;
    let create = rig.client.create_multipart_upload().bucket(PLAIN).key("k");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap();
    let upload_id = create.upload_id().unwrap();
    let part = rig.client.upload_part().bucket(PLAIN).key("k").upload_id(upload_id).part_number(1);
    let part = part
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap();
    let bare = CompletedPart::builder().part_number(1).e_tag(part.e_tag().unwrap());
    let complete = |part: CompletedPart| {
        let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(upload_id);
        complete.multipart_upload(completed([part])).send()
    };
    assert_eq!(refusal(complete(bare.clone().build()).await), refused(400, "InvalidRequest"));
    let done = complete(bare.checksum_sha256(part.checksum_sha256().unwrap()).build()).await.unwrap();
    assert_eq!(done.checksum_type(), Some(&ChecksumType::Composite));
    assert!(done.checksum_sha256().unwrap().ends_with("-1"), "{:?}", done.checksum_sha256());
    let wrong = rig.client.create_multipart_upload().bucket(PLAIN).key("k");
    let wrong = wrong.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_type(ChecksumType::FullObject);
    assert_eq!(refusal(wrong.send().await), refused(400, "InvalidRequest"));
}

// Listing.

#[tokio::test]
async fn listing_goes_on_over_pages_until_every_key_was_given_once() {
    let rig = Rig::start().await;
    let keys: Vec<_> = (0..1005).map(|number| format!("k/{number:04}")).collect();
    for key in &keys {
        rig.put(PLAIN, key, "").await;
    }
    let first = rig.client.list_objects_v2().bucket(PLAIN).send().await.unwrap();
    assert_eq!(
        (first.key_count(), first.max_keys(), first.is_truncated()),
        (Some(1000), Some(1000), Some(true))
    );
    for (page_size, pages) in [(1000, 2), (100, 11), (335, 3), (201, 5)] {
        let mut listed = Vec::new();
        let mut count = 0;
        let list = rig.client.list_objects_v2().bucket(PLAIN).max_keys(page_size);
        let mut stream = list.into_paginator().send();
        while let Some(page) = stream.next().await {
            listed.extend(page.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()));
            count += 1;
        }
        assert_eq!(listed, keys, "pages of {page_size}");
        assert_eq!(count, pages, "pages of {page_size}");
    }
    let after = rig.client.list_objects_v2().bucket(PLAIN).start_after("k/1002").send().await.unwrap();
    assert_eq!(
        after.contents().iter().map(|object| object.key().unwrap()).collect::<Vec<_>>(),
        ["k/1003", "k/1004"]
    );
    let bad = rig.client.list_objects_v2().bucket(PLAIN).continuation_token("nonsense").send().await;
    assert_eq!(refusal(bad), refused(400, "InvalidArgument"));
}

#[tokio::test]
async fn delimiter_rolls_keys_up_and_pages_count_what_was_rolled_up() {
    let rig = Rig::start().await;
    for key in ["a", "a/1", "a/2", "a/b/3", "b", "c//d", "c/", "z/z"] {
        rig.put(PLAIN, key, "").await;
    }
    let table: &[(&str, &[&str], &[&str])] = &[
        ("", &["a", "b"], &["a/", "c/", "z/"]),
        ("a", &["a"], &["a/"]),
        ("a/", &["a/1", "a/2"], &["a/b/"]),
        ("c/", &["c/"], &["c//"]),
        ("nothing", &[], &[]),
    ];
    for (prefix, keys, prefixes) in table {
        for page_size in [1, 2, 1000] {
            let list =
                rig.client.list_objects_v2().bucket(PLAIN).prefix(*prefix).delimiter("/").max_keys(page_size);
            let (mut listed, mut rolled_up) = (Vec::new(), Vec::new());
            let mut stream = list.into_paginator().send();
            while let Some(page) = stream.next().await {
                let page = page.unwrap();
                listed.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
                rolled_up
                    .extend(page.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap().to_owned()));
                assert!(page.key_count().unwrap() <= page_size);
            }
            assert_eq!((listed, rolled_up), (owned(keys), owned(prefixes)), "{prefix:?} by {page_size}");
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn listing_is_in_the_order_of_bytes_and_url_encoded_on_demand() {
    let rig = Rig::start().await;
    for key in ["é", "z", "Z", "a b+c", "a\nb", "😀", "~"] {
        rig.put(PLAIN, key, "").await;
    }
    assert_eq!(rig.keys(PLAIN).await, ["Z", "a\nb", "a b+c", "z", "~", "é", "😀"]);
    let list = rig
        .client
        .list_objects_v2()
        .bucket(PLAIN)
        .encoding_type(EncodingType::Url)
        .prefix("a")
        .send()
        .await
        .unwrap();
    assert_eq!(
        list.contents().iter().map(|object| object.key().unwrap()).collect::<Vec<_>>(),
        ["a%0Ab", "a+b%2Bc"]
    );
}

/// What a page of versions has: key, version id, whether it is the latest, and whether it is a delete marker.
type Listed = (String, String, bool, bool);

fn versions_of(page: &ListObjectVersionsOutput) -> Vec<Listed> {
    let text = |text: Option<&str>| text.unwrap().to_owned();
    let versions = page.versions().iter();
    let markers = page.delete_markers().iter();
    versions
        .map(|entry| (text(entry.key()), text(entry.version_id()), entry.is_latest().unwrap(), false))
        .chain(
            markers
                .map(|entry| (text(entry.key()), text(entry.version_id()), entry.is_latest().unwrap(), true)),
        )
        .collect()
}

fn prefixes_of(page: &ListObjectVersionsOutput) -> Vec<String> {
    page.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap().to_owned()).collect()
}

/// Every page of a listing of versions, each continued with the markers of the one before it. The SDK has no paginator
/// for this operation.
async fn pages(list: ListObjectVersionsFluentBuilder) -> Vec<ListObjectVersionsOutput> {
    let mut pages = vec![list.clone().send().await.unwrap()];
    while let Some(page) = pages.last().filter(|page| page.is_truncated() == Some(true)) {
        let next = list.clone().key_marker(page.next_key_marker().unwrap());
        let next = next.set_version_id_marker(page.next_version_id_marker().map(str::to_owned));
        let next = next.send().await.unwrap();
        assert_eq!(next.key_marker(), page.next_key_marker());
        assert_eq!(next.version_id_marker().unwrap(), page.next_version_id_marker().unwrap_or_default());
        pages.push(next);
        assert!(pages.len() < 100, "the listing does not end");
    }
    pages
}

#[tokio::test]
async fn versions_and_delete_markers_are_listed_newest_first_over_pages_of_any_size() {
    let rig = Rig::start().await;
    // Keys that are prefixes of one another, written in another order than they are listed in.
    let mut expected: BTreeMap<&str, Vec<(String, bool)>> = BTreeMap::new();
    for key in ["b", "a/1", "a", "b", "a/1", "-b", "a", "b", "-a", "b", "-b", "a", "b"] {
        let id = match key.strip_prefix('-') {
            None => rig.put_version(key, "x").await,
            Some(key) => {
                let deleted = rig.client.delete_object().bucket(VERSIONED).key(key).send().await.unwrap();
                deleted.version_id.unwrap()
            }
        };
        expected.entry(key.trim_start_matches('-')).or_default().insert(0, (id, key.starts_with('-')));
    }
    let expected: Vec<Listed> = expected
        .iter()
        .flat_map(|(key, ids)| {
            let entry = |(place, (id, is_marker)): (usize, &(String, bool))| {
                ((*key).to_owned(), id.clone(), place == 0, *is_marker)
            };
            ids.iter().enumerate().map(entry).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(expected.len(), 13);
    let list = || rig.client.list_object_versions().bucket(VERSIONED);
    let whole = list().send().await.unwrap();
    assert_eq!((whole.max_keys(), whole.is_truncated()), (Some(1000), Some(false)));
    assert_eq!((whole.next_key_marker(), whole.next_version_id_marker()), (None, None));
    assert_eq!((whole.name(), whole.prefix(), whole.key_marker()), (Some(VERSIONED), Some(""), Some("")));
    for page_size in [1, 2, 3, 5, 12, 13, 1000, 5000] {
        let pages = pages(list().max_keys(page_size)).await;
        let size = usize::try_from(page_size).unwrap().min(1000);
        assert_eq!(pages.len(), expected.len().div_ceil(size), "pages of {page_size}");
        for (page, expected) in pages.iter().zip(expected.chunks(size)) {
            // The SDK has versions and delete markers in two lists.
            let mut expected = expected.to_vec();
            expected.sort_by_key(|entry| entry.3);
            assert_eq!(versions_of(page), expected, "pages of {page_size}");
            assert_eq!(page.max_keys(), Some(page_size.min(1000)));
        }
    }

    // A key alone stands for all its versions; with a version, the listing goes on within the key.
    let after = list().key_marker("a").send().await.unwrap();
    assert_eq!(versions_of(&after).len(), 9);
    let second = expected.iter().find(|entry| entry.0 == "b" && !entry.2).unwrap();
    let after = list().key_marker("b").version_id_marker(&second.1).send().await.unwrap();
    assert_eq!(versions_of(&after).len(), 5);
    assert!(versions_of(&after).iter().all(|entry| entry.0 == "b" && !entry.2));
    // The key need not be there.
    assert_eq!(versions_of(&list().key_marker("a/0").send().await.unwrap()).len(), 9);
    assert_eq!(versions_of(&list().key_marker("c").send().await.unwrap()), []);
    // A version that was deleted since still marks its place.
    let delete = rig.client.delete_object().bucket(VERSIONED).key("b").version_id(&second.1);
    delete.send().await.unwrap();
    let after = list().key_marker("b").version_id_marker(&second.1).send().await.unwrap();
    assert_eq!(versions_of(&after).len(), 5);
    // No keys are a page without a next one.
    let none = list().max_keys(0).send().await.unwrap();
    assert_eq!(
        (versions_of(&none), none.is_truncated(), none.next_key_marker()),
        (vec![], Some(false), None)
    );
}

#[tokio::test]
async fn versions_are_listed_under_a_prefix_and_rolled_up() {
    let rig = Rig::start().await;
    for key in ["a", "a/1", "a/1", "a/b/3", "b", "c//d", "c/", "z/z"] {
        rig.put_version(key, "").await;
    }
    rig.client.delete_object().bucket(VERSIONED).key("a/2").send().await.unwrap();
    rig.client.delete_object().bucket(VERSIONED).key("z/z").send().await.unwrap();
    let table: &[(&str, &str, &[&str], &[&str])] = &[
        ("", "", &["a", "a/1", "a/1", "a/2", "a/b/3", "b", "c/", "c//d", "z/z", "z/z"], &[]),
        ("a/", "", &["a/1", "a/1", "a/2", "a/b/3"], &[]),
        ("", "/", &["a", "b"], &["a/", "c/", "z/"]),
        ("a", "/", &["a"], &["a/"]),
        ("a/", "/", &["a/1", "a/1", "a/2"], &["a/b/"]),
        ("c/", "/", &["c/"], &["c//"]),
        ("nothing", "/", &[], &[]),
    ];
    for (prefix, delimiter, keys, prefixes) in table {
        for page_size in [1, 2, 3, 1000] {
            let list =
                rig.client.list_object_versions().bucket(VERSIONED).prefix(*prefix).max_keys(page_size);
            let list = list.set_delimiter(Some((*delimiter).to_owned()).filter(|text| !text.is_empty()));
            let (mut listed, mut rolled_up) = (Vec::new(), Vec::new());
            for page in pages(list).await {
                let count = versions_of(&page).len() + prefixes_of(&page).len();
                assert!(count <= usize::try_from(page_size).unwrap(), "{count}");
                if page.next_version_id_marker().is_none()
                    && let Some(marker) = page.next_key_marker()
                {
                    assert_eq!(prefixes_of(&page).last().unwrap(), marker);
                }
                assert_eq!(page.prefix(), Some(*prefix));
                listed.extend(versions_of(&page).into_iter().map(|entry| entry.0));
                rolled_up.extend(prefixes_of(&page));
            }
            listed.sort();
            let at = format!("{prefix:?} {delimiter:?} by {page_size}");
            assert_eq!((listed, rolled_up), (owned(keys), owned(prefixes)), "{at}");
        }
    }
}

#[tokio::test]
async fn versions_without_versioning_are_null_and_so_is_what_was_there_before_it() {
    let rig = Rig::start().await;
    for key in ["b", "a", "b"] {
        rig.put(PLAIN, key, "").await;
    }
    let null = |key: &str, is_latest| (key.to_owned(), "null".to_owned(), is_latest, false);
    let list = || rig.client.list_object_versions().bucket(PLAIN);
    assert_eq!(versions_of(&list().send().await.unwrap()), [null("a", true), null("b", true)]);
    let pages = pages(list().max_keys(1)).await;
    assert_eq!(pages.iter().map(versions_of).collect::<Vec<_>>(), [[null("a", true)], [null("b", true)]]);
    assert_eq!(pages[0].next_version_id_marker(), Some("null"));

    let configuration = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let switch = rig.client.put_bucket_versioning().bucket(PLAIN).versioning_configuration(configuration);
    switch.send().await.unwrap();
    rig.put(PLAIN, "b", "").await;
    let listed = versions_of(&list().prefix("b").send().await.unwrap());
    assert_eq!((listed.len(), listed[0].2, &listed[1]), (2, true, &null("b", false)));
    // What a sweep needs to know of a version.
    let page = list().prefix("b").send().await.unwrap();
    let version = &page.versions()[0];
    let head = rig.client.head_object().bucket(PLAIN).key("b").send().await.unwrap();
    assert_eq!(version.last_modified(), head.last_modified());
    assert_eq!((version.e_tag(), version.size()), (head.e_tag(), Some(0)));
    assert_eq!(version.storage_class().map(|class| class.as_str()), Some("STANDARD"));
    assert_eq!(version.owner().unwrap().id().unwrap().len(), 64);
}

#[tokio::test]
async fn listing_of_versions_is_url_encoded_on_demand_and_refuses_what_s3_refuses() {
    let rig = Rig::start().await;
    for key in ["é", "z", "Z", "a b+c/d", "a b+c"] {
        rig.put_version(key, "").await;
    }
    let list = || rig.client.list_object_versions().bucket(VERSIONED);
    let keys = |page: &ListObjectVersionsOutput| {
        versions_of(page).into_iter().map(|entry| entry.0).collect::<Vec<_>>()
    };
    assert_eq!(keys(&list().send().await.unwrap()), ["Z", "a b+c", "a b+c/d", "z", "é"]);
    let url = list().encoding_type(EncodingType::Url).prefix("a b").delimiter("/").key_marker("a b");
    let url = url.max_keys(1).send().await.unwrap();
    assert_eq!(keys(&url), ["a+b%2Bc"]);
    assert_eq!((url.prefix(), url.key_marker(), url.delimiter()), (Some("a+b"), Some("a+b"), Some("/")));
    assert_eq!((url.next_key_marker(), url.encoding_type()), (Some("a+b%2Bc"), Some(&EncodingType::Url)));

    let id = rig.put_version("z", "").await;
    for refusal_of in [
        list().version_id_marker(&id),
        list().key_marker("z").version_id_marker(""),
        list().key_marker("z").version_id_marker("nonsense"),
        list().key_marker("nothing").version_id_marker("nonsense"),
        list().max_keys(-1),
        list().encoding_type("base64".into()),
    ] {
        assert_eq!(refusal(refusal_of.send().await), refused(400, "InvalidArgument"));
    }
    let missing = rig.client.list_object_versions().bucket("no-such-bucket").send().await;
    assert_eq!(refusal(missing), refused(404, "NoSuchBucket"));
}

// Keys and files.

/// Keys that a file system, a URL or an XML document would trip over; all legal.
fn odd_keys() -> Vec<String> {
    let keys = [
        "plain.jsonl",
        "a b.jsonl",
        "a+b.jsonl",
        "a%2Fb",
        "100%",
        "%",
        "%%",
        "%2e%2e/x",
        "dt=2026-01-01/x",
        "a&b",
        "a#b",
        "a?b",
        "a?versionId=x",
        "\"quoted\"",
        "it's",
        "<xml>&amp;</xml>",
        "😀/😀.jsonl",
        "e\u{301}/\u{e9}",
        "日本語.jsonl",
        "//",
        "/",
        "/leading",
        "trailing/",
        "a//b",
        "a///b",
        ".",
        "..",
        "./x",
        "../x",
        "../../../etc/passwd",
        "a/../b",
        "a/./b",
        "a/..",
        "/..",
        ".hidden",
        ".embedded-s3/x",
        "...",
        "x.jsonl.out",
        "a.jsonl/b.jsonl/c",
        "a",
        "a/b",
        "a/b/c",
        "back\\slash",
        "C:\\x",
        "con",
        "tab\there",
        "line\nbreak",
        "return\rhere",
        "\u{7f}",
        "a\u{85}b\u{2028}c",
        " leading and trailing ",
        "*|<>:",
        "~user",
        "$HOME",
        "`id`",
        "; rm -rf x",
        "@:,;=!'()",
        "%more",
        "a%file",
        "a%folder/b",
        "\u{202e}rtl",
    ];
    let mut keys = owned(&keys);
    keys.push("x".repeat(900));
    keys.push("y".repeat(1024));
    keys.push("😀".repeat(256));
    keys.push("/".repeat(1024));
    keys.push("../".repeat(341));
    keys.push("%".repeat(1024));
    keys.push(format!("{}..", "x".repeat(200)));
    keys
}

#[tokio::test]
async fn odd_keys_come_back_as_they_went_in() {
    let rig = Rig::start().await;
    let keys = odd_keys();
    assert!(keys.len() > 60);
    for key in &keys {
        rig.put(PLAIN, key, key.as_bytes()).await;
    }
    let mut files = BTreeSet::new();
    for key in &keys {
        assert_eq!(rig.get(PLAIN, key).await, key.as_bytes(), "{key:?}");
        let file = rig.s3.file_of(PLAIN, key).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), key.as_bytes(), "{key:?}");
        assert!(file.starts_with(rig.root().join(PLAIN)), "{key:?} lies at {file:?}");
        files.insert(file);
    }
    assert_eq!(files.len(), keys.len());
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(rig.keys(PLAIN).await, sorted);
    assert_eq!(rig.strays(), NONE);

    // As the source of a copy, the key is percent-encoded.
    for key in &keys {
        let source = format!(
            "{PLAIN}/{}",
            percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC)
        );
        rig.client.copy_object().bucket(VERSIONED).key(key).copy_source(source).send().await.unwrap();
        assert_eq!(rig.get(VERSIONED, key).await, key.as_bytes(), "{key:?}");
    }

    for key in &keys {
        rig.client.delete_object().bucket(PLAIN).key(key).send().await.unwrap();
    }
    assert_eq!((rig.keys(PLAIN).await, walk(&rig.root().join(PLAIN))), (vec![], vec![]));
    assert_eq!(rig.strays(), NONE);
}

#[tokio::test]
async fn key_of_over_1024_bytes_is_refused() {
    let rig = Rig::start().await;
    rig.put(PLAIN, &"é".repeat(512), "").await;
    for key in ["x".repeat(1025), format!("{}x", "é".repeat(512))] {
        let put = rig.client.put_object().bucket(PLAIN).key(key).send().await;
        assert_eq!(refusal(put), refused(400, "KeyTooLongError"));
    }
}

#[tokio::test]
async fn objects_are_plain_files_under_their_keys() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "results/in/a b.jsonl/succeeded/part-00001.jsonl", "{}\n").await;
    let file = rig.root().join(PLAIN).join("results/in/a b.jsonl/succeeded/part-00001.jsonl");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}\n");
    assert_eq!(rig.s3.file_of(PLAIN, "results/in/a b.jsonl/succeeded/part-00001.jsonl"), Some(file.clone()));
    rig.put(PLAIN, "results/in/a b.jsonl/succeeded/part-00001.jsonl", "new\n").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new\n");
    assert_eq!(rig.s3.file_of(PLAIN, "missing"), None);
    assert_eq!(rig.s3.file_of("no-such-bucket", "missing"), None);
}

#[tokio::test]
async fn a_key_beside_keys_below_it_works_in_any_order() {
    for order in [["a", "a/b", "a/b/c"], ["a/b/c", "a/b", "a"], ["a/b", "a", "a/b/c"]] {
        let rig = Rig::start().await;
        for key in order {
            rig.put(PLAIN, key, key).await;
        }
        for key in order {
            assert_eq!(rig.get(PLAIN, key).await, key.as_bytes(), "{order:?}");
        }
        assert_eq!(rig.keys(PLAIN).await, ["a", "a/b", "a/b/c"]);
        for key in order {
            rig.client.delete_object().bucket(PLAIN).key(key).send().await.unwrap();
        }
        assert_eq!(walk(&rig.root().join(PLAIN)), NONE, "{order:?}");
    }
}

#[tokio::test]
async fn a_read_that_began_goes_on_though_the_object_is_replaced_and_deleted() {
    let rig = Rig::start().await;
    let body = pattern(8 * MIB);
    rig.put(PLAIN, "k", body.clone()).await;
    let read = rig.client.get_object().bucket(PLAIN).key("k").send().await.unwrap();
    rig.put(PLAIN, "k", "new").await;
    rig.client.delete_object().bucket(PLAIN).key("k").send().await.unwrap();
    assert!(body_of(read).await == body);
}

#[tokio::test]
async fn sixty_four_mebibytes_go_through_byte_by_byte() {
    let rig = Rig::start().await;
    let body = pattern(64 * MIB);
    let file = rig.outer.path().join("large");
    std::fs::write(&file, &body).unwrap();
    let upload = ByteStream::from_path(&file).await.unwrap();
    rig.client.put_object().bucket(PLAIN).key("large").body(upload).send().await.unwrap();
    assert!(rig.get(PLAIN, "large").await == body);
    assert!(std::fs::read(rig.s3.file_of(PLAIN, "large").unwrap()).unwrap() == body);
}

// Integrity.

#[tokio::test]
async fn streamed_upload_is_stored_without_its_chunk_framing() {
    let rig = Rig::start().await;
    let file = rig.outer.path().join("upload");
    std::fs::write(&file, "hello file").unwrap();
    let body = ByteStream::from_path(&file).await.unwrap();
    let put = rig.client.put_object().bucket(PLAIN).key("k").body(body).send().await.unwrap();
    assert_eq!(put.checksum_crc32(), Some("aaQA+w=="));
    assert_eq!(rig.get(PLAIN, "k").await, b"hello file");
    let head = rig.client.head_object().bucket(PLAIN).key("k").send().await.unwrap();
    assert_eq!((head.content_length(), head.content_encoding()), (Some(10), None));
}

const ALGORITHMS: [ChecksumAlgorithm; 5] = [
    ChecksumAlgorithm::Crc32,
    ChecksumAlgorithm::Crc32C,
    ChecksumAlgorithm::Crc64Nvme,
    ChecksumAlgorithm::Sha1,
    ChecksumAlgorithm::Sha256,
];

#[tokio::test]
async fn every_checksum_is_verified_kept_and_given_back() {
    let rig = Rig::start().await;
    let file = rig.outer.path().join("upload");
    std::fs::write(&file, "123456789").unwrap();
    for algorithm in ALGORITHMS {
        for streamed in [false, true] {
            let body = if streamed {
                ByteStream::from_path(&file).await.unwrap()
            } else {
                ByteStream::from_static(b"123456789")
            };
            let put = rig.client.put_object().bucket(PLAIN).key("k").checksum_algorithm(algorithm.clone());
            put.body(body).send().await.unwrap();
            let get = || rig.client.get_object().bucket(PLAIN).key("k").checksum_mode(ChecksumMode::Enabled);
            let whole = get().send().await.unwrap();
            let given = [
                whole.checksum_crc32(),
                whole.checksum_crc32_c(),
                whole.checksum_crc64_nvme(),
                whole.checksum_sha1(),
                whole.checksum_sha256(),
            ];
            let expected = ALGORITHMS.map(|other| (other == algorithm).then(|| check_value(&algorithm)));
            assert_eq!(given, expected, "{algorithm} streamed: {streamed}");
            assert_eq!(whole.checksum_type(), Some(&ChecksumType::FullObject));
            assert_eq!(body_of(whole).await, b"123456789");
            let part = get().range("bytes=0-1").send().await.unwrap();
            assert_eq!(
                (part.checksum_crc32(), part.checksum_sha256(), part.checksum_type()),
                (None, None, None)
            );
        }
    }
}

/// The published check value of "123456789" for each algorithm, in base64.
fn check_value(algorithm: &ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "y/Q5Jg==",
        ChecksumAlgorithm::Crc32C => "4waSgw==",
        ChecksumAlgorithm::Crc64Nvme => "rosUhgp5mIg=",
        ChecksumAlgorithm::Sha1 => "98O8HYCOBHMq32eZZczDTKeuNEE=",
        ChecksumAlgorithm::Sha256 => "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn wrong_checksums_are_refused_and_nothing_is_stored() {
    let rig = Rig::start().await;
    for algorithm in ALGORITHMS {
        let put = rig.client.put_object().bucket(PLAIN).key("k").body(ByteStream::from_static(b"123456780"));
        let value = check_value(&algorithm);
        let put = match algorithm {
            ChecksumAlgorithm::Crc32 => put.checksum_crc32(value),
            ChecksumAlgorithm::Crc32C => put.checksum_crc32_c(value),
            ChecksumAlgorithm::Crc64Nvme => put.checksum_crc64_nvme(value),
            ChecksumAlgorithm::Sha1 => put.checksum_sha1(value),
            _ => put.checksum_sha256(value),
        };
        assert_eq!(refusal(put.send().await), refused(400, "BadDigest"), "{algorithm}");
    }
    let put = rig.client.put_object().bucket(PLAIN).key("k").checksum_crc32("no base64").send().await;
    assert_eq!(refusal(put), refused(400, "InvalidRequest"));
    let upload_id = rig.open_upload("k").await;
    let part = rig.client.upload_part().bucket(PLAIN).key("k").upload_id(upload_id).part_number(1);
    let part = part.checksum_crc32("AAAAAA==").body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(refusal(part), refused(400, "BadDigest"));
    assert_eq!(rig.keys(PLAIN).await, [""; 0]);
    assert_eq!(walk(&rig.root().join(".embedded-s3")), NONE);
}

#[tokio::test]
async fn wrong_content_md5_is_refused() {
    let rig = Rig::start().await;
    let put = |md5: &str| rig.client.put_object().bucket(PLAIN).key("k").content_md5(md5).send();
    assert_eq!(refusal(put("XUFAKrxLKna5cZ2REBfFkg==").await), refused(400, "BadDigest"));
    assert_eq!(refusal(put("nonsense").await), refused(400, "InvalidDigest"));
    put("1B2M2Y8AsgTpgAmY7PhCfg==").await.unwrap();
}

#[tokio::test]
async fn without_a_checksum_s3_computes_crc64nvme() {
    let rig = Rig::start().await;
    let config = rig.client.config().to_builder();
    let config =
        config.request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired);
    let client = Client::from_conf(config.build());
    let put = client.put_object().bucket(PLAIN).key("k").body(ByteStream::from_static(b"123456789"));
    let put = put.send().await.unwrap();
    assert_eq!((put.checksum_crc64_nvme(), put.checksum_crc32()), (Some("rosUhgp5mIg="), None));
}

/// Changes a request after it was signed.
#[derive(Debug)]
struct Tamper(fn(&mut aws_sdk_s3::config::http::HttpRequest));

impl Intercept for Tamper {
    fn name(&self) -> &'static str {
        "Tamper"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0(context.request_mut());
        Ok(())
    }
}

#[tokio::test]
async fn body_of_another_sha256_is_refused_and_nothing_is_stored() {
    let rig = Rig::start().await;
    let put = rig.client.put_object().bucket(PLAIN).key("k").body(ByteStream::from_static(b"signed"));
    let tamper = Tamper(|request| *request.body_mut() = SdkBody::from("forged"));
    let result = put.customize().interceptor(tamper).send().await;
    assert_eq!(refusal(result), refused(400, "XAmzContentSHA256Mismatch"));
    assert_eq!(rig.keys(PLAIN).await, [""; 0]);
}

#[tokio::test]
async fn changed_header_breaks_the_signature() {
    let rig = Rig::start().await;
    let put = rig.client.put_object().bucket(PLAIN).key("k").metadata("a", "signed");
    let tamper = Tamper(|request| {
        request.headers_mut().insert("x-amz-meta-a", "forged");
    });
    let result = put.customize().interceptor(tamper).send().await;
    assert_eq!(refusal(result), refused(403, "SignatureDoesNotMatch"));
    assert_eq!(rig.s3.requests(), []);
}

#[tokio::test]
async fn other_credentials_and_no_credentials_are_refused() {
    let rig = Rig::start().await;
    let with = |id: &str, secret: &str| {
        let credentials = Credentials::new(id, secret, None, None, "test");
        Client::from_conf(rig.client.config().to_builder().credentials_provider(credentials).build())
    };
    let key = rig.s3.key();
    let stranger = with("AKIAIOSFODNN7EXAMPLE", key.secret_access_key()).list_buckets().send().await;
    assert_eq!(refusal(stranger), refused(403, "InvalidAccessKeyId"));
    let forger = with(key.access_key_id(), "wrong").list_buckets().send().await;
    assert_eq!(refusal(forger), refused(403, "SignatureDoesNotMatch"));
    let anonymous = Client::from_conf(rig.client.config().to_builder().allow_no_auth().build());
    let anonymous = anonymous.list_buckets().customize().interceptor(Tamper(|request| {
        request.headers_mut().remove("authorization");
    }));
    assert_eq!(refusal(anonymous.send().await), refused(403, "AccessDenied"));
}

// What the server tells beside the API.

#[tokio::test]
async fn every_created_object_is_told_in_order_with_what_a_notification_needs() {
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
async fn file_system_s_cause_is_the_message_of_an_internal_error() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "k", "x").await;
    std::fs::remove_file(rig.s3.file_of(PLAIN, "k").unwrap()).unwrap();
    let error = rig.client.get_object().bucket(PLAIN).key("k").send().await.unwrap_err();
    assert_eq!(error.message(), Some("No such file or directory (os error 2)"));
    // One file that a person took away breaks nothing else; without its own folder the server can take no more.
    let broken = rig.s3.broken();
    rig.put(PLAIN, "k", "x").await;
    std::fs::remove_dir_all(rig.root()).unwrap();
    let error = rig.client.put_object().bucket(PLAIN).key("k").send().await.unwrap_err();
    assert_eq!(error.message(), Some("No such file or directory (os error 2)"));
    assert!(broken.await.ends_with("root: No such file or directory (os error 2)"));
}

#[tokio::test]
async fn dropped_server_leaves_the_plain_files_and_nothing_of_its_own() {
    let rig = Rig::start().await;
    rig.put_version("k", "one").await;
    rig.put_version("k", "two").await;
    rig.open_upload("parts").await;
    let Rig { outer, s3, .. } = rig;
    let (file, hidden) =
        (s3.file_of(VERSIONED, "k").unwrap(), outer.path().join("between/root/.embedded-s3"));
    assert!(hidden.is_dir());
    drop(s3);
    // The connections end with it, each at its next turn.
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
    // The SDK tries again after a 500, and meets its own first write.
    assert_eq!(refusal(create("lost").await), refused(412, "PreconditionFailed"));
    assert_eq!(rig.keys(PLAIN).await, ["lost"]);
}

#[tokio::test]
async fn a_file_that_a_person_deleted_does_not_block_its_key() {
    let rig = Rig::start().await;
    for bucket in [PLAIN, VERSIONED] {
        rig.put(bucket, "k", "one").await;
        std::fs::remove_file(rig.s3.file_of(bucket, "k").unwrap()).unwrap();
        rig.put(bucket, "k", "two").await;
        assert_eq!(rig.get(bucket, "k").await, b"two");
    }
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
